"""The highest release seen of each signed library: what an older one is refused by."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectriage.library.signing.errors import RollbackError, SignatureError
from spectriage.library.signing.signature import Signed

FILE = "library-releases.json"
MAX_BYTES = 4_000_000


def check_release(folder: Path, signed: Signed, path: Path, *, allow_older: bool = False) -> None:
    """Refuse a release that is older than one seen before, else remember it.

    Parameters
    ----------
    folder
        Where releases are remembered.
    signed
        A signature that holds, by a trusted key.
    path
        The library, for messages.
    allow_older
        Accept and remember an older one.

    Raises
    ------
    RollbackError
        When it is older, or of the same number with other content.
    SignatureError
        When the memory is damaged or cannot be written.
    """
    memory = folder / FILE
    said = signed.statement
    name = f"{signed.key.key_id} {said.library}"
    seen = _load(memory).get(name)
    if seen == [said.serial, said.sha256]:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{FILE}.lock"):
            known = _load(memory)
            seen = known.get(name)
            if seen is not None and not allow_older:
                _refuse_older(seen, signed, path)
            if seen != [said.serial, said.sha256]:
                known[name] = [said.serial, said.sha256]
                _save(memory, known)
    except OSError as error:
        raise SignatureError(
            f"the releases seen cannot be remembered: {error.strerror}",
            where=str(memory),
            remedy="set SPECTRIAGE_STATE to a folder that can be written",
        ) from None


def _refuse_older(seen: list[int | str], signed: Signed, path: Path) -> None:
    serial, sha = int(seen[0]), str(seen[1])
    said = signed.statement
    remedy = "get the newest release, or allow the older one with --allow-rollback"
    if said.serial < serial:
        raise RollbackError(
            f"release {said.serial} of {said.library!r} is older than {serial}, which was in use here",
            where=str(path),
            remedy=remedy,
        )
    if said.serial == serial and said.sha256 != sha:
        raise RollbackError(
            f"release {serial} of {said.library!r} was in use here with other content",
            where=str(path),
            remedy="ask its maker: two files must not have one release number",
        )


def _load(path: Path) -> dict[str, list[int | str]]:
    damaged = SignatureError(
        "the memory of releases seen is damaged",
        where=str(path),
        remedy="remove it, if nobody else could have written it",
    )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise damaged
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SignatureError(
            f"the memory of releases seen cannot be read: {error.strerror}", where=str(path)
        ) from None
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(content, dict) or not all(
        isinstance(each, list) and len(each) == 2 and type(each[0]) is int and isinstance(each[1], str)
        for each in content.values()
    ):
        raise damaged
    return content


def _save(path: Path, known: dict[str, list[int | str]]) -> None:
    from spectriage.library.files.atomic import replacing

    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; where the platform has none, the last writer wins."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            import fcntl
        except ImportError:
            yield
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
