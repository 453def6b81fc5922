"""Reading a TOML file of the catalogue, bounded and with errors that name it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from spectriage.spectra.errors import CatalogueError

MAX_FILE_BYTES = 20_000_000


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of a bounded size.

    Raises
    ------
    CatalogueError
        When it cannot be read or is not UTF-8 TOML.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CatalogueError(f"the file is larger than {MAX_FILE_BYTES // 1_000_000} MB", where=str(path))
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise CatalogueError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"is not TOML: {error}", where=str(path)) from None
    except RecursionError:
        raise CatalogueError("is not TOML: nested too deeply", where=str(path)) from None
