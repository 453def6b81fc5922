"""An import: what the sources hold, less what the library has, checked, and written as one new file.

The library is never changed in place: a new file takes its name at once, the one before is kept beside it.
Two imports into one library wait for each other. What is there already is passed over, so that importing
again changes nothing, not a byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building._measured import measured_reference, on_grid, slug
from spectriage.library.building.build import (
    Assembly,
    next_version,
    self_failures,
)
from spectriage.library.building.gathered import Gathered
from spectriage.library.building.indexing import indexed
from spectriage.library.building.known import known_substances
from spectriage.library.building.manifest import ManifestEntry, entry_from_fields, field_problems
from spectriage.library.importing.found import Defaults, Found, Refusal
from spectriage.library.importing.kept import native_key, with_original
from spectriage.library.importing.sources import EC_SERS, find
from spectriage.library.store.gathered_natives import (
    GatheredNatives,
    GatheredOriginals,
    gather_natives,
)
from spectriage.spectra.errors import LibraryError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Reference
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

ID_DIGITS = 8
MANY = 5


@dataclass(frozen=True)
class Taken:
    """A spectrum that was brought in, or would be."""

    where: str
    record: Reference
    named_by: str


@dataclass
class Report:
    """What an import did, or would do.

    Attributes
    ----------
    taken, known, refused
        Brought in; in the library already, by its id; and left out, each with its reason.
    kinds
        What each source was taken for.
    path, sha256, previous
        The library, its content hash, and where the one before is kept; empty when nothing was written.
    references
        How many the library has now.
    """

    taken: list[Taken] = field(default_factory=list)
    known: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    kinds: list[tuple[str, str]] = field(default_factory=list)
    path: str = ""
    sha256: str = ""
    previous: str = ""
    references: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as an object."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "previous": self.previous,
            "references": self.references,
            "sources": [{"source": source, "kind": kind} for source, kind in self.kinds],
            "taken": [
                {
                    "where": each.where,
                    "id": each.record.id,
                    "substance": each.record.substance,
                    "form": each.record.form,
                    "class": each.record.material_class,
                    "hazard": str(each.record.hazard),
                    "technique": str(each.record.technique),
                    "named_by": each.named_by,
                }
                for each in self.taken
            ],
            "known": [{"where": where, "id": name} for where, name in self.known],
            "refused": [{"where": each.where, "reason": each.reason} for each in self.refused],
        }


@dataclass
class _Batch:
    """What an import gathers before anything is written."""

    rows: Gathered
    originals: GatheredOriginals
    natives: GatheredNatives = field(default_factory=GatheredNatives)
    taken: dict[str, Taken] = field(default_factory=dict)


def import_into(
    path: Path,
    sources: Sequence[str],
    *,
    kind: str = "auto",
    defaults: Defaults | None = None,
    with_catalogue: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the spectra of some sources into a library.

    Parameters
    ----------
    path
        The library: made when it is not there, else replaced by a larger one; the one before is kept.
    sources
        Files and folders, see `spectriage.library.importing.sources`.
    kind
        What they are; told by their content if ``auto``.
    defaults
        What holds for all of them unless their files say otherwise.
    with_catalogue
        A new library gets the whole catalogue, not only its packaging.
    dry_run
        Say what would be done, and write nothing.
    progress
        Called as the work goes on.

    Raises
    ------
    LibraryError
        When the library there is cannot be used, or cannot be replaced.
    SpectriageError
        When a source is none at all. What is wrong with single spectra stands in the report.
    """
    with _alone(path, dry_run):
        base, originals = _base(path, with_catalogue, progress)
        report = Report(path=str(path), references=len(base.references))
        batch = _gather(base, originals, sources, kind, defaults or Defaults(), report, progress)
        made, report.taken = _without_failures(base, batch, report, progress)
        if dry_run or made is None:
            report.sha256 = base.references.sha256
            return report
        _write(path, made, batch.originals, report)
    return report


def _base(path: Path, with_catalogue: bool, progress: Progress | None) -> tuple[Assembly, dict[str, Any]]:
    """Return what the library holds, or what a new one begins with."""
    from spectriage.library.building.build import companions
    from spectriage.library.building.derived import check_opened
    from spectriage.library.store.file import hold_library, read_library, read_originals

    if not path.exists():
        return companions(path.stem, with_catalogue, progress), {}
    held = hold_library(path)
    references = read_library(held)
    check_opened(references)
    made = Assembly(references, gather_natives(held), references.attributes["history"])
    return made, read_originals(held)


def _gather(
    base: Assembly,
    originals: Mapping[str, Any],
    sources: Sequence[str],
    kind: str,
    defaults: Defaults,
    report: Report,
    progress: Progress | None,
) -> _Batch:
    """Read all sources; what cannot be brought in goes into the report."""
    known = {native_key(native): name for name, native in base.natives.items()}
    known.pop("", None)
    ids = {record.id for record in base.references.records}
    substances = known_substances()
    batch = _Batch(Gathered(base.references.shift), GatheredOriginals(originals))
    seen = 0
    for source in sources:
        told, findings = find(source, kind)
        report.kinds.append((source, told))
        own = replace(EC_SERS, fields=defaults.fields) if told == "ec-sers" else defaults
        for found in findings:
            seen += 1
            if progress is not None:
                progress("reading", seen, seen)
            if isinstance(found, Refusal):
                report.refused.append(found)
                continue
            if found.key in known:
                report.known.append((found.where, known[found.key]))
                continue
            try:
                record, native, row = _bring(found, own, ids, base.references.shift, substances)
            except SpectriageError as error:
                report.refused.append(Refusal(found.where, str(error).removeprefix(f"{found.where}: ")))
                continue
            known[found.key] = record.id
            ids.add(record.id)
            batch.natives.add(record.id, native)
            batch.rows.add(record, row)
            batch.taken[record.id] = Taken(found.where, record, found.named_by)
            if found.original is not None:
                batch.originals.add(found.original.sha256, found.original.content)
    return batch


def _bring(
    found: Found,
    defaults: Defaults,
    ids: set[str],
    shift: NDArray[np.float64],
    substances: dict[str, Any],
) -> tuple[Reference, Spectrum, NDArray[np.float32]]:
    """Return a finding's record, native spectrum and row."""
    if found.record is not None:
        if found.record.id in ids:
            raise LibraryError(f"the id {found.record.id!r} is taken by another reference")
        native = found.spectrum
        return found.record, native, on_grid(native, shift, found.where)
    entry = _entry(found, defaults)
    native = replace(with_original(found), technique=entry.technique, substrate=entry.substrate)
    row = on_grid(native, shift, found.where)
    name = entry.id or f"{slug(entry.substance, entry.form) or 'reference'}-{found.key[:ID_DIGITS]}"
    if name in ids:
        raise LibraryError(f"the id {name!r} is taken by another reference")
    record = measured_reference(entry, name, native, substances)
    return record, native, row


def _entry(found: Found, defaults: Defaults) -> ManifestEntry:
    """Return a finding's fields, with the defaults where they say nothing."""
    fields: dict[str, Any] = {
        "technique": str(defaults.technique),
        "substrate": defaults.substrate if defaults.technique is Technique.SERS else "",
        **{name: text for name, text in defaults.fields.items() if text},
        **{name: value for name, value in found.fields.items() if value not in ("", None)},
        "path": found.where,
    }
    problems = field_problems(fields)
    if problems:
        raise LibraryError("; ".join(problems), where=found.where)
    return entry_from_fields(fields, Path(), found.where)


def _without_failures(
    base: Assembly, batch: _Batch, report: Report, progress: Progress | None
) -> tuple[Assembly | None, list[Taken]]:
    """Return the larger library, less the new references that do not identify as themselves."""
    known, new = base.references, set(batch.taken)
    version = next_version(known, known.name)
    batch.rows.extend(zip(known.records, known.spectra, strict=True))
    failed: dict[str, str] = {}
    while len(failed) < len(batch.taken):
        together = batch.rows.sorted(known.name, version, failed)
        made = indexed(together, progress)
        asked = [row for row, record in enumerate(together.records) if record.id in new]
        worse = {together.records[row].id: why for row, why in self_failures(made, asked, progress)}
        if not worse:
            taken = [each for name, each in batch.taken.items() if name not in failed]
            batch.natives.take(base.natives, base.natives)
            natives = batch.natives.without(failed)
            return Assembly(made, natives, (*base.history, _step(report, taken))), taken
        report.refused += [Refusal(batch.taken[name].where, why) for name, why in worse.items()]
        failed |= worse
    return None, []


def _step(report: Report, taken: list[Taken]) -> str:
    sources = ", ".join(f"{Path(source).name} ({kind})" for source, kind in report.kinds[:MANY])
    more = f" and {len(report.kinds) - MANY} more" if len(report.kinds) > MANY else ""
    text = f"imported {len(taken)} spectra from {sources}{more}"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _write(path: Path, made: Assembly, originals: Mapping[str, Any], report: Report) -> None:
    from spectriage.library.store.file import write_library
    from spectriage.library.store.update import keep_previous

    kept = keep_previous(path)
    report.previous = "" if kept is None else str(kept)
    report.sha256 = write_library(
        path, made.references, made.natives, made.history, overwrite=True, originals=originals
    )
    report.references = len(made.references)


@contextmanager
def _alone(path: Path, dry_run: bool) -> Iterator[None]:
    """Let one import into a library wait for another; where the platform has no locks, the last one wins."""
    if dry_run:
        yield
        return
    if not path.parent.is_dir():
        raise LibraryError("the folder does not exist", where=str(path.parent), remedy="make it first")
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LibraryError(f"the library cannot be locked: {error.strerror}", where=str(lock)) from None
    try:
        try:
            import fcntl
        except ImportError:
            pass
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
