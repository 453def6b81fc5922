"""Building a library: catalogue entries rendered, measured spectra resampled, every reference checked.

The check before a file is written: every reference, taken as a query, must score highly against itself, and
no other may score more than `TIE` higher. Two substances with nearly one spectrum (edible oils, an entry that
stands twice) tie and pass: a library may hold what it cannot tell apart. A reference whose spectrum, record
and search matrix have drifted apart fails. The score against itself is not exactly 1, since a query is
averaged over the grid's cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building._measured import BuildError, read_measured, report
from spectriage.library.building.manifest import ManifestEntry, load_manifest
from spectriage.library.catalogue import CatalogueEntry, catalogue_hash, load_catalogue
from spectriage.library.store.file import engine_version, read_library, read_natives, write_library
from spectriage.spectra.derived import Derived
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Reference, ReferenceSet
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
]

RESOLUTION_CM = 8.0
"""The resolution at which band models are rendered; a coarser one that their widths contain stays."""

INDEX_SCORES = ("deriv2", "deriv1", "hqi")
COMPANION_CLASSES = frozenset({"packaging", "background"})
TIE = 0.005
SELF_SCORE = 0.9
FULL_SEARCH_LIMIT = 2000
FIRST_VERSION = "1"
"""Of a library that is not the program's own catalogue."""


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
    return read_library(out)


def assemble(
    manifest: Path | str | None = None,
    with_catalogue: bool = False,
    grid: Grid = DEFAULT_GRID,
    name: str | None = None,
    progress: Progress | None = None,
    *,
    version: str | None = None,
) -> Assembly:
    """Make a library's content in memory; parameters and errors as `build_library`."""
    entries = load_catalogue()
    if manifest is not None and not with_catalogue:
        entries = tuple(entry for entry in entries if entry.material_class in COMPANION_CLASSES)
    rendered = _render_entries(entries, grid, progress)
    history = [
        f"catalogue {catalogue_hash()}: {len(rendered)} band models rendered at {RESOLUTION_CM:g} cm-1 "
        f"on {grid.start_cm:g}-{grid.stop_cm:g} cm-1, step {grid.step_cm:g}"
    ]
    natives: dict[str, Spectrum] = {}
    if manifest is None:
        measured: list[tuple[Reference, NDArray[np.float32]]] = []
    else:
        manifest = Path(manifest)
        measured, natives = read_measured(
            load_manifest(manifest), grid.shift, [record.id for record, _ in rendered], progress
        )
        history.append(f"manifest {manifest.name} {_file_sha(manifest)}: {len(measured)} spectra")
    title = name or ("catalogue" if manifest is None else manifest.stem)
    if version is None:
        version = engine_version() if manifest is None else FIRST_VERSION
    references = _references(measured + rendered, grid.shift, title, version)
    return Assembly(_indexed(references, progress), natives, tuple(history))


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
        old = read_library(base)
        history = (*old.attributes["history"], f"from {old.name} {old.sha256}")
        made = Assembly(old, read_natives(base), history)
    references = made.references
    rows = [*zip(references.records, references.spectra, strict=True)]
    taken = [record.id for record in references.records]
    added, natives = read_measured((entry,), references.shift, taken, progress)
    step = f"added {added[0][0].id} from {entry.path.name} {_file_sha(entry.path)}"
    title = name or out.stem
    extended = _references(added + rows, references.shift, title, version or _next_version(references, title))
    larger = _indexed(extended, progress)
    write_library(out, larger, {**made.natives, **natives}, (*made.history, step), overwrite=overwrite)
    return read_library(out)


def _next_version(base: ReferenceSet, name: str) -> str:
    return str(int(base.version) + 1) if base.name == name and base.version.isdecimal() else FIRST_VERSION


def _references(
    rows: Sequence[tuple[Reference, NDArray[np.float32]]],
    shift: NDArray[np.float64],
    name: str,
    version: str,
) -> ReferenceSet:
    ordered = sorted(rows, key=lambda pair: pair[0].id)
    return ReferenceSet(
        records=tuple(record for record, _ in ordered),
        shift=shift,
        spectra=np.stack([row for _, row in ordered]),
        name=name,
        version=version,
    )


def _file_sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _render_entries(
    entries: Sequence[CatalogueEntry], grid: Grid, progress: Progress | None
) -> list[tuple[Reference, NDArray[np.float32]]]:
    from spectriage.library.building.render import render_entry

    rows = []
    for done, entry in enumerate(entries, 1):
        # Widths that already contain a coarser resolution stay as they are.
        row = render_entry(entry, grid.shift, RESOLUTION_CM).astype(np.float32)
        rows.append((entry.reference, row))
        report(progress, "rendering", done, len(entries))
    return rows


def _indexed(references: ReferenceSet, progress: Progress | None) -> ReferenceSet:
    """Return the references with their search matrices and null, every one checked against itself."""
    from spectriage.spectra.contrast import make_coarse
    from spectriage.spectra.evidence import make_null
    from spectriage.spectra.search import SCORES, index_matrix
    from spectriage.spectra.search.projection import WORTH_KEEPING, keep_projection

    indexes = {}
    for done, score in enumerate(INDEX_SCORES, 1):
        key, matrix = index_matrix(references, score)
        indexes[key] = matrix
        report(progress, "indexing", done, len(INDEX_SCORES))
    step_cm = float(references.shift[1] - references.shift[0])
    coarse = make_coarse(indexes[SCORES["deriv2"].key(step_cm)])
    indexed = replace(references, indexes=indexes, derived=Derived(coarse=coarse))
    check_self_identification(indexed, progress)
    if len(references) >= WORTH_KEEPING:
        indexed = keep_projection(indexed, SCORES["deriv2"].key(step_cm))
    return replace(indexed, derived=replace(indexed.derived, null=make_null(indexed, progress)))


def check_self_identification(references: ReferenceSet, progress: Progress | None = None) -> None:
    """Search for every reference in its own library, as this module's text says.

    A row of zeros (a band model without bands) never matches and is passed over.

    Raises
    ------
    BuildError
        Names each reference that failed and what it was taken for.
    """
    from spectriage.spectra.search import SearchIndex

    index = SearchIndex(references, INDEX_SCORES[0])
    failures = []
    for row in range(len(references)):
        values = references.spectra[row]
        measured = np.isfinite(values)
        if np.any(values[measured] != 0.0):
            failures += _self_failure(index, row, Spectrum(references.shift[measured], values[measured]))
        report(progress, "checking", row + 1, len(references.records))
    if failures:
        raise BuildError(f"{len(failures)} references do not identify as themselves", failures)


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
