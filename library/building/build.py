"""Building a library: catalogue entries rendered, measured spectra resampled, every reference checked.

The check before a file is written: every reference, taken as a query, must score highly against itself, and
no other may score more than `TIE` higher. Two substances with nearly one spectrum (edible oils, an entry that
stands twice) tie and pass: a library may hold what it cannot tell apart. A reference whose spectrum, record
and search matrix have drifted apart fails. The score against itself is not exactly 1, since a query is
averaged over the grid's cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building._measured import BuildError, read_measured, report
from spectriage.library.building.gathered import Gathered, Row
from spectriage.library.building.indexing import INDEX_SCORES, indexed
from spectriage.library.building.manifest import ManifestEntry, load_manifest
from spectriage.library.catalogue import CatalogueEntry, catalogue_hash, load_catalogue
from spectriage.library.signing.trust import JUST_MADE
from spectriage.library.store.file import (
    engine_version,
    hold_library,
    read_library,
    write_library,
)
from spectriage.library.store.gathered_natives import GatheredNatives, gather_natives
from spectriage.spectra.compile import release_pages
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.signal import DEFAULT_GRID, Grid
from spectriage.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from spectriage.spectra.search import SearchIndex

__all__ = [
    "Assembly",
    "BuildError",
    "Progress",
    "add_spectrum",
    "assemble",
    "build_library",
    "check_self_identification",
    "companions",
    "self_failures",
    "sorted_references",
]

RESOLUTION_CM = 8.0
"""The resolution at which band models are rendered; a coarser one that their widths contain stays."""

COMPANION_CLASSES = frozenset({"packaging", "background"})
TIE = 0.005
SELF_SCORE = 0.9
FULL_SEARCH_LIMIT = 2000
FIRST_VERSION = "1"
"""Of a library that is not the program's own catalogue."""
SELF_SEARCHES, SELF_PRODUCTS = 200, 4_000_000
"""Of a larger library so many references are searched for at least, and about so many rows compared."""


@dataclass(frozen=True)
class Assembly:
    """What a library file is made of: the references, their native spectra and how they came to be."""

    references: ReferenceSet
    natives: Mapping[str, Spectrum]
    history: tuple[str, ...]


def build_library(
    out: Path | str,
    manifest: Path | str | None = None,
    with_catalogue: bool = False,
    grid: Grid = DEFAULT_GRID,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    version: str | None = None,
    overwrite: bool = False,
) -> ReferenceSet:
    """Build a library file and open it.

    Parameters
    ----------
    out
        The file to make.
    manifest
        The measured spectra to bring in; without one the library is the catalogue.
    with_catalogue
        With a manifest, the whole catalogue too. Its packaging always comes along.
    grid
        The library's shift axis.
    name
        Of the library; the manifest's, or ``catalogue``.
    progress
        Called as the work goes on.
    version
        Of the library: that of the program for the catalogue alone, else 1.
    overwrite
        Replace an existing file.

    Raises
    ------
    CatalogueError
        When the manifest or an entry is not acceptable.
    BuildError
        When spectra cannot be read, or references do not identify as themselves: all of them are named.
    LibraryError
        When the file exists or cannot be written.
    """
    made = assemble(manifest, with_catalogue, grid, name, progress, version=version)
    write_library(out, made.references, made.natives, made.history, overwrite=overwrite)
    del made  # before the file is read: a large library is not held twice
    return read_library(out, trust=JUST_MADE)


def assemble(
    manifest: Path | str | None = None,
    with_catalogue: bool = False,
    grid: Grid = DEFAULT_GRID,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    version: str | None = None,
) -> Assembly:
    """Make a library's content, not yet a file; parameters and errors as `build_library`."""
    entries = load_catalogue()
    if manifest is not None and not with_catalogue:
        entries = tuple(entry for entry in entries if entry.material_class in COMPANION_CLASSES)
    rendered = render_entries(entries, grid, progress)
    history = [
        f"catalogue {catalogue_hash()}: {len(rendered)} band models rendered at {RESOLUTION_CM:g} cm-1 "
        f"on {grid.start_cm:g}-{grid.stop_cm:g} cm-1, step {grid.step_cm:g}"
    ]
    natives = GatheredNatives()
    gathered = Gathered(grid.shift)
    if manifest is not None:
        manifest = Path(manifest)
        taken = [record.id for record, _ in rendered]
        gathered.extend(read_measured(load_manifest(manifest), grid.shift, taken, natives, progress))
        history.append(f"manifest {manifest.name} {_file_sha(manifest)}: {len(gathered)} spectra")
    gathered.extend(rendered)
    title = name or ("catalogue" if manifest is None else manifest.stem)
    if version is None:
        version = engine_version() if manifest is None else FIRST_VERSION
    made = indexed(gathered.sorted(title, version), progress)
    check_self_identification(made, progress)
    return Assembly(made, natives, tuple(history))


def companions(name: str, with_catalogue: bool, progress: Progress | None = None) -> Assembly:
    """Return what a new library begins with, not indexed: packaging and background, or all the catalogue."""
    entries = load_catalogue()
    if not with_catalogue:
        entries = tuple(entry for entry in entries if entry.material_class in COMPANION_CLASSES)
    rendered = render_entries(entries, DEFAULT_GRID, progress)
    history = (f"catalogue {catalogue_hash()}: {len(rendered)} band models",)
    # the first import makes it the first version
    return Assembly(sorted_references(rendered, DEFAULT_GRID.shift, name, "0"), {}, history)


def add_spectrum(
    out: Path | str,
    entry: ManifestEntry,
    base: Path | str | None = None,
    progress: Progress | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    overwrite: bool = False,
) -> ReferenceSet:
    """Write a new library: those references, and one measured spectrum more.

    Parameters
    ----------
    out
        The file to make; never `base`.
    entry
        The spectrum and its record.
    base
        The library to start from, which is not changed; None for the shipped catalogue.
    name, version
        Of the new library, which is another than its base: the name of its file, and 1 or, where the base is
        of that name and has a whole number for a version, the next.
    progress, overwrite
        As in `build_library`.

    Raises
    ------
    ParameterError
        When `out` is `base`.
    BuildError, LibraryError
        As in `build_library`.
    """
    out = Path(out)
    if base is None:
        made = assemble(progress=progress)
    else:
        base = Path(base)
        if out.exists() and base.exists() and out.samefile(base):
            raise ParameterError(
                "a library is never changed in place", where=str(out), remedy="name a new file"
            )
        held = hold_library(base)
        old = read_library(held)
        history = (*old.attributes["history"], f"from {old.name} {old.sha256}")
        made = Assembly(old, gather_natives(held), history)
    references = made.references
    taken = [record.id for record in references.records]
    natives, gathered = GatheredNatives(), Gathered(references.shift)
    gathered.extend(read_measured((entry,), references.shift, taken, natives, progress))
    step = f"added {gathered.records[0].id} from {entry.path.name} {_file_sha(entry.path)}"
    gathered.extend(zip(references.records, references.spectra, strict=True))
    natives.take(made.natives, made.natives)
    title = name or out.stem
    extended = gathered.sorted(title, version or next_version(references, title))
    larger = indexed(extended, progress)
    check_self_identification(larger, progress)
    write_library(out, larger, natives, (*made.history, step), overwrite=overwrite)
    return read_library(out, trust=JUST_MADE)


def next_version(base: ReferenceSet, name: str) -> str:
    """Return the version that follows on a library's, or the first of one of another name."""
    return str(int(base.version) + 1) if base.name == name and base.version.isdecimal() else FIRST_VERSION


def sorted_references(
    rows: Iterable[Row], shift: NDArray[np.float64], name: str, version: str
) -> ReferenceSet:
    """Return references in the order of their ids, in which a file holds them."""
    gathered = Gathered(shift)
    gathered.extend(rows)
    return gathered.sorted(name, version)


def _file_sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def render_entries(entries: Sequence[CatalogueEntry], grid: Grid, progress: Progress | None) -> list[Row]:
    from spectriage.library.building.render import render_entry

    rows = []
    for done, entry in enumerate(entries, 1):
        # Widths that already contain a coarser resolution stay as they are.
        row = render_entry(entry, grid.shift, RESOLUTION_CM).astype(np.float32)
        rows.append((entry.reference, row))
        report(progress, "rendering", done, len(entries))
    return rows


def check_self_identification(references: ReferenceSet, progress: Progress | None = None) -> None:
    """Search for every reference in its own library, as this module's text says.

    Raises
    ------
    BuildError
        Names each reference that failed and what it was taken for.
    """
    failures = self_failures(references, progress=progress)
    if failures:
        told = [why for _, why in failures]
        raise BuildError(f"{len(told)} references do not identify as themselves", told)


def self_failures(
    references: ReferenceSet, rows: Sequence[int] | None = None, progress: Progress | None = None
) -> list[tuple[int, str]]:
    """Search for references in their own library; return the rows that failed, each with a reason.

    A row of zeros (a band model without bands) never matches and is passed over. Of a large library a sample
    is searched for: that its search matrix is its spectra's is then for `check_derived` to say.

    Parameters
    ----------
    references
        With their search matrices.
    rows
        Which; None for all.
    progress
        Called as the work goes on.
    """
    from spectriage.spectra.search import SearchIndex

    index = SearchIndex(references, INDEX_SCORES[0])
    asked = list(range(len(references)) if rows is None else rows)
    most = max(SELF_SEARCHES, SELF_PRODUCTS // len(references))
    if len(references) > FULL_SEARCH_LIMIT and len(asked) > most:
        asked = [asked[i] for i in np.linspace(0, len(asked) - 1, most).astype(int).tolist()]
    failures = []
    for done, row in enumerate(asked, 1):
        values = references.spectra[row]
        measured = np.isfinite(values)
        if np.any(values[measured] != 0.0):
            query = Spectrum(references.shift[measured], values[measured])
            failures += [(row, why) for why in _self_failure(index, row, query)]
        release_pages(index.matrix)
        release_pages(references.spectra)
        report(progress, "checking", done, len(asked))
    return failures


def _self_failure(index: SearchIndex, row: int, query: Spectrum) -> list[str]:
    # A large library is searched without axis tolerance: nine times cheaper, and no other score exceeds 1.
    records = index.references.records
    try:
        if len(records) <= FULL_SEARCH_LIMIT:
            scores, _ = index.scores(query)
        else:
            scores, _ = index.scores(query, axis_tolerance_cm=0.0)
    except SpectriageError as error:
        return [f"{records[row].id}: {error}"]
    best = int(np.argmax(scores))
    if scores[row] >= max(SELF_SCORE, scores[best] - TIE):
        return []
    return [
        f"{records[row].id}: scores {scores[row]:.4f} against itself, "
        f"{scores[best]:.4f} against {records[best].id} ({records[best].substance})"
    ]
