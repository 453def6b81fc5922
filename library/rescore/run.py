"""Scoring an archive again: the old rows beside new ones of the same spectra."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.library.journal.reading import reader_of
from spectriage.library.rescore.change import Change, compared, made_by
from spectriage.library.rescore.errors import RescoreError
from spectriage.library.rescore.results import Row, inputs_of, result_rows
from spectriage.library.rescore.tally import Tally
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.technique import Technique

if TYPE_CHECKING:
    from spectriage.library.building.lifecycle import Difference
    from spectriage.library.journal.reading import Reader
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum

Kept = Callable[[Change], None]


def differing_references(old: Path | None, new: Path | None) -> Difference | None:
    """Return how two library files differ; None where one of them is not named.

    Raises
    ------
    LibraryError
        When one cannot be read.
    """
    if old is None or new is None:
        return None
    from spectriage.library.building.lifecycle import compare, read_content

    return compare(read_content(old), read_content(new))


def compare_results(old: str, new: str, tally: Tally, keep: Kept | None = None) -> Tally:
    """Compare two results of batches over the same inputs, row by row; neither is held.

    Parameters
    ----------
    old, new
        See `result_rows`; the new ones may have more rows.
    tally
        Where it is counted.
    keep
        Called with each change.

    Raises
    ------
    RescoreError
        When a row of the old results has none in the new, or is of another spectrum.
    """
    fresh = inputs_of(result_rows(new))
    for rows in inputs_of(result_rows(old)):
        for other in fresh:
            if other[0].name == rows[0].name:
                break
            tally.added += len(other)
        else:
            raise RescoreError(
                f"there is no new row of {rows[0].name!r}",
                where=rows[0].where,
                remedy="give the inputs of the old batch",
            )
        if other[0].sha256 != rows[0].sha256:
            raise RescoreError(
                f"the input {rows[0].name!r} is not what was identified then: its hash differs",
                where=other[0].where,
                remedy="give the inputs as they were, or identify them anew",
            )
        _compare_input(rows, other, tally, keep)
    tally.added += sum(len(rows) for rows in fresh)
    return tally


def _compare_input(rows: list[Row], fresh: list[Row], tally: Tally, keep: Kept | None) -> None:
    """Compare the rows of one input; where it could be read only then or only now, with its error."""
    by_spectrum = {other.spectrum: other for other in fresh}
    used = set()
    for row in rows:
        other = by_spectrum.get(row.spectrum, fresh[0])
        used.add(other.spectrum)
        _count(row, other, tally, keep)
    tally.added += len(by_spectrum.keys() - used)


def _count(row: Row, other: Row, tally: Tally, keep: Kept | None) -> None:
    if not tally.before.get("library") and "error" not in row.result:
        tally.before = made_by(row.result)
    if not tally.now.get("library") and "error" not in other.result:
        tally.now = made_by(other.result)
    same_makers = made_by(row.result) == made_by(other.result)
    change = compared(
        row.result,
        other.result,
        references=tally.references,
        packaging_differs=same_makers and row.run != other.run,
    )
    tally.add(change)
    if keep is not None and change.rank < 5:
        keep(change)


def rescore_journal(path: Path, engine: Identifier, tally: Tally, keep: Kept | None = None) -> Tally:
    """Decide a journal's identifications and scans again: a scan's spectrum is made anew from its counts.

    Passed over and counted are records of other things, such as notes, and those whose answer was of another
    technique than the engine's: what those were compared with, it does not have.

    Parameters
    ----------
    path
        The journal.
    engine
        The new one.
    tally, keep
        As in `compare_results`.

    Raises
    ------
    JournalError
        Or one of its kinds, when the journal cannot be read or its spectra were changed.
    """
    from spectriage.library.journal import Journal

    readers: dict[str, Reader | None] = {}
    with Journal(path, readonly=True) as journal:
        for record, (kind, *_) in journal.records():
            if kind not in readers:
                readers[kind] = reader_of(kind)
            payload = json.loads(record.payload)
            reader, old = readers[kind], payload.get("result")
            why = _not_decided_again(kind, reader, old, engine)
            if reader is None or old is None or why:
                tally.pass_over(why)
                continue
            spectrum, health = reader(journal, record)
            new = _decided(engine, spectrum, health)
            name = f"record {record.number}: {payload.get('input', '')}"
            tally.before = tally.before or made_by(old)
            tally.now = tally.now or made_by(new)
            change = compared(old, {**new, "name": name}, references=tally.references)
            tally.add(change)
            if keep is not None and change.rank < 5:
                keep(change)
    return tally


def _not_decided_again(
    kind: str, reader: Reader | None, old: dict[str, Any] | None, engine: Identifier
) -> str:
    """Return why a record is passed over; empty where it is not."""
    if old is None:
        return f"a {kind} holds no answer"
    if reader is None:
        return f"nothing installed reads what a {kind} was decided on"
    technique = old.get("technique", Technique.NORMAL)
    if technique != engine.technique:
        return f"the answer is of {technique} spectra, the engine of {engine.technique} ones"
    return ""


def _decided(engine: Identifier, spectrum: Spectrum, health: str) -> dict[str, Any]:
    """Return the new answer; an error where there is none, as a batch has it."""
    try:
        return engine.identify(spectrum, health=health).to_json()
    except SpectriageError as error:
        return {"error": {"what": error.what}}
