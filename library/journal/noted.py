"""A note or a photo: a record of its own about another one, which stays as it is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from spectriage.library.journal.chain import Record
from spectriage.library.journal.entry import Entry
from spectriage.library.journal.errors import JournalError
from spectriage.library.journal.identified import Context

MAX_PHOTO_BYTES = 64 * 2**20


def note_entry(about: Record, text: str, photo: Path | None, context: Context) -> Entry:
    """Return the entry of a note about a record.

    Parameters
    ----------
    photo
        A file to keep with it, byte for byte.

    Raises
    ------
    JournalError
        When the file cannot be read, or is too large.
    """
    payload = {"about": {"number": about.number, "hash": about.hash.hex()}, "text": text, **asdict(context)}
    if photo is None:
        return Entry("note", payload)
    try:
        if photo.stat().st_size > MAX_PHOTO_BYTES:
            raise JournalError("the photo is too large to keep", where=str(photo))
        data = photo.read_bytes()
    except OSError as error:
        raise JournalError(f"the photo cannot be read: {error.strerror}", where=str(photo)) from error
    return Entry("photo", {**payload, "file": photo.name}, files={"photo": data})
