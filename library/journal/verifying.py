"""Verifying a journal: every field of every record, the chain, the signatures, the head."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from spectriage.library.journal.chain import GENESIS, Record, record_hash
from spectriage.library.journal.errors import AlteredJournalError, JournalError
from spectriage.library.journal.head import Head, head_path
from spectriage.library.journal.journal import Journal, listed
from spectriage.library.journal.keys import check_signature
from spectriage.spectra.progress import Progress

TELL_EVERY = 500


@dataclass
class Verification:
    """What came of verifying a journal.

    Parameters
    ----------
    records
        How many there are.
    last
        Hash of the last one, hexadecimal; empty without any.
    problems
        One sentence each; empty when the journal is what was written.
    """

    records: int = 0
    last: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def verify(
    path: Path, *, public_key: bytes | None = None, wanted: str = "", progress: Progress | None = None
) -> Verification:
    """Verify a journal.

    Parameters
    ----------
    path
        The file.
    public_key
        The unit's, from elsewhere; the journal's own word if None.
    wanted
        A hash that must be among the records: from a report, or another copy of the head.
    progress
        Called now and then.

    Raises
    ------
    JournalError
        When the file cannot be read as a journal at all.
    """
    found = Verification()
    with Journal(path, readonly=True) as journal:
        key = journal.public_key
        if public_key is not None and public_key != key:
            found.problems.append("the journal's key is not the unit's")
            key = public_key
        # the head first: it follows the records, and none that it names may be missed
        damaged = []
        try:
            head = Head.read(head_path(path), key)
        except AlteredJournalError as error:
            head = None
            damaged.append(error.what)
        with journal.as_of_now():
            hashes = _check_records(journal, key, found, progress)
        found.problems += [*damaged, *_against_head(head, journal, hashes)]
        if wanted and not any(made.startswith(wanted.lower()) for made in hashes):
            found.problems.append(f"no record has the hash {wanted}: it was removed, or is another journal's")
    return found


def _check_records(journal: Journal, key: bytes, found: Verification, progress: Progress | None) -> list[str]:
    """Check every record and what it names; return the records' hashes."""
    total = len(journal)
    previous = GENESIS
    hashes: list[str] = []
    checked: set[str] = set()
    for place, (record, columns) in enumerate(journal.records(), 1):
        faults = [*_faults(record, place, previous, key), *_content_faults(journal, record, columns, checked)]
        found.problems += [f"record {record.number}: {said}" for said in faults]
        # go on from what stands there, so that one fault is told once
        previous = record.hash
        hashes.append(record.hash.hex())
        if progress is not None and place % TELL_EVERY == 0:
            progress("verifying", place, total)
    for stray in sorted(journal.blob_names() - checked):
        found.problems.append(f"the value {stray[:12]} belongs to no record")
    found.records = len(hashes)
    found.last = hashes[-1] if hashes else ""
    return hashes


def _faults(record: Record, place: int, previous: bytes, key: bytes) -> Iterator[str]:
    if record.number != place:
        yield f"stands in place {place}: a record is missing, was added or moved"
    if record.previous != previous:
        yield "does not follow the record before it"
    if record_hash(record.number, record.previous, record.payload) != record.hash:
        yield "its content was changed"
    try:
        check_signature(key, record.signature, record.hash)
    except AlteredJournalError as error:
        yield error.what


def _content_faults(
    journal: Journal, record: Record, columns: tuple[str, str, str, str], checked: set[str]
) -> Iterator[str]:
    """Yield what is wrong with a record's place in the list, and with the values it names."""
    try:
        payload = json.loads(record.payload)
        same = listed(payload) == columns
        names = {str(name): str(sha256) for name, sha256 in payload["blobs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        yield "cannot be read"
        return
    if not same:
        yield "its entry in the list is not what it says"
    for name, sha256 in names.items():
        if sha256 in checked:
            continue
        checked.add(sha256)
        try:
            journal.blob(sha256)
        except JournalError as error:
            yield f"{name}: {error.what}"


def _against_head(head: Head | None, journal: Journal, hashes: list[str]) -> Iterator[str]:
    if head is None:
        if hashes:
            yield "the signed head beside the journal is missing: whether the end was cut off cannot be told"
        return
    if head.journal != journal.id:
        yield "the signed head is another journal's"
    elif head.number > len(hashes):
        yield f"records {len(hashes) + 1} to {head.number} are missing: the end was cut off"
    elif head.number < 1 or hashes[head.number - 1] != head.hash:
        yield f"record {head.number} is not the one that the signed head names"
