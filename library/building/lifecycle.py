"""What becomes of a library: compared with another, merged with others, rid of references.

A library file is never changed: each of these reads whole files and writes a new one, whose history says what
was done to which content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.library.building.build import (
    check_self_identification,
    next_version,
    sorted_references,
)
from spectriage.library.building.derived import check_opened
from spectriage.library.building.gathered import Gathered, Row
from spectriage.library.building.indexing import indexed
from spectriage.library.signing.trust import JUST_MADE
from spectriage.library.store._layout import blocks
from spectriage.library.store.file import (
    hold_library,
    read_library,
    read_originals,
    record_values,
    write_library,
)
from spectriage.library.store.gathered_natives import GatheredNatives, gather_natives
from spectriage.spectra.errors import LibraryError, ParameterError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum


@dataclass(frozen=True)
class Content:
    """Everything that a library file holds of its own: what is derived is made again."""

    references: ReferenceSet
    natives: Mapping[str, Spectrum]
    originals: Mapping[str, Any]
    history: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Go through the references and their spectra."""
        spectra = (row for block in blocks(self.references.spectra) for row in block)
        return zip(self.references.records, spectra, strict=True)


@dataclass(frozen=True)
class Difference:
    """How two libraries differ.

    Parameters
    ----------
    added, removed
        Ids that only the second, or only the first has.
    changed
        Of ids that both have: which fields of the record differ; ``spectrum`` and ``native`` among them.
    grid
        Whether their axes differ: then spectra are not compared.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]
    grid: bool

    @property
    def same(self) -> bool:
        """Whether they hold the same references."""
        return not (self.added or self.removed or self.changed or self.grid)


def read_content(path: Path | str) -> Content:
    """Read all that a library holds, from one checked copy.

    Raises
    ------
    LibraryError
        When it cannot be used, or is not trusted.
    """
    held = hold_library(path)
    references = read_library(held)
    check_opened(references)
    return Content(references, gather_natives(held), read_originals(held), references.attributes["history"])


def compare(first: Content, second: Content) -> Difference:
    """Say how the references of two libraries differ."""
    ours, theirs = (
        {record.id: row for row, record in enumerate(each.references.records)} for each in (first, second)
    )
    grid = not np.array_equal(first.references.shift, second.references.shift)
    changed = {}
    for name in sorted(ours.keys() & theirs.keys()):
        fields = _changed(first, ours[name], second, theirs[name], grid)
        if fields:
            changed[name] = fields
    return Difference(
        tuple(sorted(theirs.keys() - ours.keys())), tuple(sorted(ours.keys() - theirs.keys())), changed, grid
    )


def _changed(first: Content, row: int, second: Content, other: int, grid: bool) -> tuple[str, ...]:
    old, new = first.references.records[row], second.references.records[other]
    values, others = record_values(old), record_values(new)
    fields = [name for name in values if values[name] != others[name]]
    spectra = first.references.spectra[row], second.references.spectra[other]
    if not grid and not np.array_equal(*spectra, equal_nan=True):
        fields.append("spectrum")
    if first.natives.get(old.id) != second.natives.get(new.id):
        fields.append("native")
    return tuple(fields)


def merge_libraries(
    paths: Sequence[Path],
    out: Path,
    *,
    name: str | None = None,
    prefer_first: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ReferenceSet:
    """Write a library of the references of several.

    Parameters
    ----------
    paths
        Two or more, on one axis.
    out
        The file to make.
    name
        Of the library; that of the first if None.
    prefer_first
        Of references that have one id and are not the same, take that of the first library.
    overwrite, progress
        As in `build_library`.

    Raises
    ------
    ParameterError
        When there are not two, or their axes differ.
    LibraryError
        When references of one id are not the same, all named; or a file cannot be used.
    """
    if len(paths) < 2:
        raise ParameterError("merging takes two libraries or more")
    contents = [read_content(path) for path in paths]
    first = contents[0]
    _check_mergeable(contents, paths, prefer_first)
    gathered, natives = Gathered(first.references.shift), GatheredNatives()
    seen: set[str] = set()
    originals: dict[str, Any] = {}
    for content in contents:
        originals |= content.originals
        gathered.extend(pair for pair in content.rows() if pair[0].id not in seen)
        natives.take(content.natives, (name for name in content.natives if name not in seen))
        seen.update(record.id for record in content.references.records)
    parts = ", ".join(f"{each.references.name} {each.references.sha256}" for each in contents)
    history = (*first.history, f"merged {parts}")
    title = name or first.references.name
    version = next_version(first.references, title)
    merged = gathered.sorted(title, version)
    return _finish(out, merged, natives, originals, history, overwrite, progress)


def _check_mergeable(contents: Sequence[Content], paths: Sequence[Path], prefer_first: bool) -> None:
    first = contents[0]
    for content, path in zip(contents[1:], paths[1:], strict=True):
        found = compare(first, content)
        if found.grid:
            raise ParameterError(
                "the libraries have different axes", where=str(path), remedy="import its spectra instead"
            )
        if found.changed and not prefer_first:
            told = "; ".join(f"{name} ({', '.join(fields)})" for name, fields in found.changed.items())
            raise LibraryError(
                f"{len(found.changed)} references of one id are not the same: {told[:2000]}",
                where=str(path),
                remedy="look at them with `library diff`, or take the first library's with --prefer-first",
            )


def remove_references(
    path: Path,
    ids: Sequence[str],
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ReferenceSet:
    """Write a library without some of its references; their natives and originals go, too.

    Raises
    ------
    ParameterError
        When an id is not in it, or nothing would be left.
    LibraryError
        When a file cannot be used.
    """
    content = read_content(path)
    known = {record.id for record in content.references.records}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise ParameterError(f"no reference has the id {unknown[0]!r}", where=str(path))
    gone = set(ids)
    if gone == known:
        raise ParameterError("nothing would be left", where=str(path))
    natives = GatheredNatives()
    natives.take(content.natives, (name for name in content.natives if name not in gone))
    listed = ", ".join(sorted(gone)[:20]) + (f" and {len(gone) - 20} more" if len(gone) > 20 else "")
    before = f"{content.references.name} {content.references.sha256}"
    history = (*content.history, f"from {before}", f"removed {listed}")
    old = content.references
    rows = (pair for pair in content.rows() if pair[0].id not in gone)
    fewer = sorted_references(rows, old.shift, old.name, next_version(old, old.name))
    return _finish(out, fewer, natives, content.originals, history, overwrite, progress)


def _finish(
    out: Path,
    references: ReferenceSet,
    natives: Mapping[str, Spectrum],
    originals: Mapping[str, Any],
    history: tuple[str, ...],
    overwrite: bool,
    progress: Progress | None,
) -> ReferenceSet:
    made = indexed(references, progress)
    check_self_identification(made, progress)
    write_library(out, made, natives, history, overwrite=overwrite, originals=originals)
    return read_library(out, trust=JUST_MADE)
