"""Libraries for a benchmark: a labelled set, or the catalogue without what was made from the queried set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from spectriage.spectra.arrays import Float32Array
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.signal import DEFAULT_GRID, resample

if TYPE_CHECKING:
    from spectriage.bench.sets.names import Names
    from spectriage.bench.sets.sets import LabelledSet
    from spectriage.library.catalogue import CatalogueEntry

COMPANION_CLASSES = frozenset({"packaging", "background"})
INDEX_SCORES = ("deriv2", "deriv1", "hqi")


def catalogue_without(sources: Collection[str], *, progress: Progress | None = None) -> ReferenceSet:
    """Return the shipped library without the entries that were extracted from these measured sets."""
    from spectriage.library.building import default_library
    from spectriage.library.catalogue import load_catalogue

    references = default_library(progress=progress)
    kept = {entry.id for entry in load_catalogue(leave_out=set(sources))}
    keep = np.array([record.id in kept for record in references.records])
    return replace(references.subset(keep), name="catalogue")


def library_of(
    labelled: LabelledSet, *, companions: bool = True, leave_out: Collection[str] = ()
) -> ReferenceSet:
    """Return a library of a labelled set's spectra, as ``spectriage library build MANIFEST`` makes it.

    Parameters
    ----------
    labelled
        Each of its trials becomes one reference: the first of its repeats.
    companions
        Whether the catalogue's packaging and background come along.
    leave_out
        Measured sets that companions must not have been extracted from.
    """
    shift = DEFAULT_GRID.shift
    rows: list[tuple[Reference, Float32Array]] = []
    taken: set[str] = set()
    for trial in labelled.trials():
        spectrum = trial.repeats[0].spectrum
        resampled = resample(spectrum, shift)
        row = resampled.intensity.astype(np.float32)
        row[~resampled.measured] = np.nan
        record = _record(trial.substance, f"{labelled.name} {trial.instrument}", taken)
        rows.append((replace(record, resolution_cm=spectrum.resolution_cm), row))
    if companions:
        companion_rows = catalogue_without(leave_out)
        for record, row in zip(companion_rows.records, companion_rows.spectra, strict=True):
            if record.material_class in COMPANION_CLASSES and record.id not in taken:
                rows.append((record, row))
    rows.sort(key=lambda pair: pair[0].id)
    references = ReferenceSet(
        tuple(record for record, _ in rows), shift, np.stack([row for _, row in rows]), name=labelled.name
    )
    return indexed(references)


def indexed(references: ReferenceSet) -> ReferenceSet:
    """Return the references with the search matrices that a library file would keep."""
    from spectriage.spectra.search import index_matrix

    return replace(references, indexes=dict(index_matrix(references, score) for score in INDEX_SCORES))


def with_null(references: ReferenceSet, *, progress: Progress | None = None) -> ReferenceSet:
    """Return the references with their null distribution made anew, as building a library does."""
    from spectriage.spectra.derived import Derived
    from spectriage.spectra.evidence import make_null

    return replace(references, derived=Derived(null=make_null(references, progress)))


def without(references: ReferenceSet, names: Names, keys: Collection[str]) -> ReferenceSet:
    """Return the references whose substances are not among these keys of `names`."""
    hidden = set(keys)
    return references.subset(
        np.array([names.key(record.substance) not in hidden for record in references.records])
    )


def keys_of(references: ReferenceSet, names: Names) -> frozenset[str]:
    """Return the keys of the substances that a library has bands of."""
    seen = np.nanmax(np.abs(np.nan_to_num(references.spectra)), axis=1) > 0.0
    return frozenset(
        names.key(record.substance) for record, shown in zip(references.records, seen, strict=True) if shown
    )


def _record(substance: str, source: str, taken: set[str]) -> Reference:
    """Make a measured reference's record; class, family and hazard as the catalogue has them."""
    stem = "measured-" + "-".join("".join(c if c.isalnum() else " " for c in substance).split())
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}-{count}"
    taken.add(name)
    entry = _entry(substance)
    if entry is None:
        return Reference(name, substance, source=source)
    return Reference(
        name,
        substance,
        family=entry.family,
        material_class=entry.material_class,
        hazard=entry.hazard,
        source=source,
    )


def _entry(substance: str) -> CatalogueEntry | None:
    from spectriage.library.catalogue import find_entry
    from spectriage.spectra.errors import CatalogueError

    try:
        return find_entry(substance)
    except CatalogueError:
        return None
