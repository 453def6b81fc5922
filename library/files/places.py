"""Places by URL: an object store or another file system, through fsspec, with our own errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectriage.spectra.errors import FormatError, ParameterError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
EXTRA = "pip install 'spectriage[cluster]'"


def is_url(text: str | os.PathLike[str]) -> bool:
    """Whether a text names a place by URL; ``file://`` is one too."""
    return _URL.match(os.fspath(text)) is not None


def local_path(text: str | os.PathLike[str]) -> Path | None:
    """Return the path of a place on this machine, also of one given as ``file://``; None for other URLs."""
    named = os.fspath(text)
    if not is_url(named):
        return Path(named)
    scheme, _, rest = named.partition("://")
    return Path(rest) if scheme.casefold() in ("file", "local") else None


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL (of fsspec), and the path in it.

    Raises
    ------
    ParameterError
        When fsspec, or what it needs for this kind of URL, is not installed; or there is no such kind.
    """
    try:
        import fsspec
    except ImportError:
        raise ParameterError(
            "URLs need the package fsspec, which is not installed", where=url, remedy=EXTRA
        ) from None
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise ParameterError(f"this URL needs a package: {error}", where=url, remedy=EXTRA) from None
    except ValueError as error:
        raise ParameterError(f"no such kind of URL: {error}", where=url) from None
    return system, str(path)


@contextmanager
def typed_access(where: str) -> Iterator[None]:
    """Turn what a remote file system raises into a `FormatError` that names the place."""
    try:
        yield
    except (FormatError, ParameterError):
        raise
    except FileNotFoundError:
        raise FormatError("there is no such file", where=where, remedy="check the URL") from None
    except PermissionError:
        raise FormatError("no permission to read it", where=where, remedy="check the credentials") from None
    except Exception as error:  # every store has its own errors
        raise FormatError(
            f"it cannot be read: {type(error).__name__}: {error}",
            where=where,
            remedy="check the URL and the store's settings" if is_url(where) else "write or copy it again",
        ) from None


def fetch(url: str, most_bytes: int) -> bytes:
    """Return the content of a URL.

    Raises
    ------
    FormatError
        When there is none, it cannot be read, or it has more than `most_bytes`.
    """
    system, path = file_system(url)
    with typed_access(url):
        size = system.info(path).get("size")
        if size is None or size > most_bytes:
            raise too_large(url, size, most_bytes)
        return bytes(system.cat_file(path))


def fetch_many(urls: list[str], most_bytes: int) -> dict[str, bytes]:
    """Return the content of several URLs of one store, asked for at once; what failed is left out."""
    if not urls:
        return {}
    system, _ = file_system(urls[0])
    paths = [system._strip_protocol(url) for url in urls]
    try:
        found = system.cat_ranges(paths, [0] * len(paths), [most_bytes + 1] * len(paths), on_error="return")
    except Exception:  # each is then asked for alone, and says itself what is wrong
        return {}
    return {
        url: data
        for url, data in zip(urls, found, strict=True)
        if isinstance(data, bytes) and 0 < len(data) <= most_bytes
    }


def too_large(url: str, size: int | None, most_bytes: int) -> FormatError:
    """Return the error for content of more bytes than are read."""
    told = "does not say how large it is" if size is None else f"has {size:,} bytes"
    return FormatError(
        f"it {told}; at most {most_bytes:,} are read", where=url, remedy="split it, or copy it here"
    )
