"""`Kept`: the little that a service must know again after a restart, in one file beside its journal."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any

from spectriage.device.contract.files import write_whole
from spectriage.spectra.errors import SpectriageError

SCHEMA = 1


def kept_path(journal: Path) -> Path:
    """Return where it is kept: where the journal can be written, this can."""
    return journal.with_name(f"{journal.name}.service.json")


class Kept:
    """JSON values by name; a file that is damaged, or another schema's, holds none.

    Parameters
    ----------
    path
        None keeps them for this process alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = RLock()
        self._values = self._read()

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        with suppress(OSError, ValueError):
            said = json.loads(self._path.read_text("utf-8"))
            if isinstance(said, dict) and said.pop("schema", None) == SCHEMA:
                return said
        return {}

    def get(self, name: str) -> Any:
        """Return a value; None where there is none."""
        with self._lock:
            return self._values.get(name)

    def keep(self, name: str, value: Any) -> None:
        """Keep a value; it holds in this process even where the file cannot be written.

        Raises
        ------
        ScanFileError
            It could not be written.
        """
        with self._lock:
            self._values[name] = value
            if self._path is None:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"schema": SCHEMA, **self._values}, indent=1, ensure_ascii=False)
            write_whole(text, self._path, mode=0o600)

    def keep_if_possible(self, name: str, value: Any) -> None:
        """Keep a value whose loss harms nobody."""
        with suppress(SpectriageError, OSError):
            self.keep(name, value)
