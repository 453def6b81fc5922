"""What is derived from a library's spectra when it is built, in passes over blocks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building._measured import report
from spectriage.library.building.gathered import BLOCK_ROWS, rows_of
from spectriage.library.files import scratch_matrix
from spectriage.spectra.compile import release_pages
from spectriage.spectra.derived import Coarse, Derived, NullScores
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.technique import Technique

INDEX_SCORES = ("deriv2", "deriv1", "hqi")


def indexed(references: ReferenceSet, progress: Progress | None) -> ReferenceSet:
    """Return the references with all that is derived from them; none is checked, see `self_failures`.

    Large matrices are mapped from files without names.
    """
    from spectriage.spectra.search import SCORES
    from spectriage.spectra.search.projection import WORTH_KEEPING, keep_projection

    step_cm = float(references.shift[1] - references.shift[0])
    indexes = {
        SCORES[score].key(step_cm): search_matrix(references, score, progress) for score in INDEX_SCORES
    }
    key = SCORES[INDEX_SCORES[0]].key(step_cm)
    made = replace(references, indexes=indexes, derived=Derived(coarse=coarse_rows(indexes[key])))
    if len(references) >= WORTH_KEEPING:
        made = keep_projection(made, key)
    nulls = {technique: _null(made, technique, key, progress) for technique in Technique}
    derived = replace(made.derived, null=nulls[Technique.NORMAL], sers_null=nulls[Technique.SERS])
    return replace(made, derived=derived)


def search_matrix(
    references: ReferenceSet, score: str, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return what `index_matrix` makes, shape (n, m); mapped from a file without a name where it is large."""
    return scratch_matrix(references.spectra.shape, np.float32, _prepared(references, score, progress))


def _prepared(
    references: ReferenceSet, score: str, progress: Progress | None
) -> Iterator[NDArray[np.float32]]:
    """Yield a search matrix a block at a time."""
    from spectriage.spectra.search import SCORES
    from spectriage.spectra.search.index import prepared_rows

    step_cm = float(references.shift[1] - references.shift[0])
    for start in range(0, len(references), BLOCK_ROWS):
        block = references.spectra[start : start + BLOCK_ROWS]
        yield prepared_rows(block, SCORES[score], step_cm).astype(np.float32)
        release_pages(references.spectra)
        done = INDEX_SCORES.index(score) * len(references) + start + len(block)
        report(progress, "indexing", done, len(INDEX_SCORES) * len(references))


def coarse_rows(derivatives: NDArray[np.float32]) -> Coarse:
    """Return what `make_coarse` makes of derivatives (n, m), which may be mapped."""
    from spectriage.spectra.contrast import make_coarse

    parts = []
    for start in range(0, len(derivatives), BLOCK_ROWS):
        parts.append(make_coarse(derivatives[start : start + BLOCK_ROWS]))
        release_pages(derivatives)
    return Coarse(np.concatenate([part.rows for part in parts]), parts[0].method)


def _null(
    references: ReferenceSet, technique: Technique, key: str, progress: Progress | None
) -> NullScores | None:
    """Return the null of the references of one technique, which are never taken for the other's."""
    from spectriage.spectra.evidence import make_null

    keep = references.column("technique") == technique.encode()
    if not keep.any():
        return None
    if keep.all():
        part = references
    else:
        rows = np.flatnonzero(keep)
        part = ReferenceSet(
            records=tuple(references.records[row] for row in rows),
            shift=references.shift,
            spectra=rows_of(references.spectra, rows),
            indexes={key: rows_of(references.indexes[key], rows)},
        )

    def released(stage: str, done: int, total: int) -> None:
        release_pages(part.spectra)
        release_pages(part.indexes[key])
        report(progress, stage, done, total)

    return make_null(part, released)
