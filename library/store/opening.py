"""Taking over a library file: its bytes held, its signature checked, nothing parsed yet."""

from __future__ import annotations

from pathlib import Path

from spectriage.library.files.folders import cache_folder
from spectriage.library.signing.trust import Trust
from spectriage.library.store.held import HeldFile
from spectriage.library.store.trial import try_parsing


def hold_library(path: Path | str, trust: Trust | None = None) -> HeldFile:
    """Take over the bytes of a library file and check its signature, before anything in it is parsed here.

    What no trusted key signed is parsed in a process of its own first, see `try_parsing`.

    Parameters
    ----------
    path
        A file made by `write_library`.
    trust
        Which files may be opened; what the environment says if None.

    Raises
    ------
    SignatureError
        Or one of its kinds, see `Trust.check`.
    LibraryError
        Or one of its kinds, see `HeldFile`.
    """
    held = HeldFile(Path(path), _copies)
    trust = trust or Trust.from_environment()
    held.signed = trust.check(held.path, held.sha256, len(held))
    if held.signed is None and not trust.own:
        try_parsing(held)
    return held


def _copies() -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
