"""What a library derives from its spectra, worked out again: search matrices, first looks, projection, null.

The hashes of a file say that nothing was changed after it was made, not that it was made right: whoever
swaps two rows of a search matrix can make all hashes again, and fentanyl then reads as lactose. So the
derived parts are compared with what the spectra give. `check_opened` does that for the rows that matter most
whenever a named library is opened, `check_derived` for all of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.derived import Coarse
from spectriage.spectra.errors import AlteredLibraryError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Hazard, ReferenceSet
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

QUICK_ROWS = 256
QUICK_FAMILIES = 6
OPENED_ROWS = 256
BLOCK_ROWS = 512
ROW_TOLERANCE = 2e-5
"""Rows have unit norm; another build of the numeric libraries rounds some 1e-7 differently."""
LOOK_TOLERANCE = 1e-2
"""Of looks, which have unit norm and seven bits of mantissa."""
NATIVE_TOLERANCE = 1e-5
"""Of a spectrum's range, against its native one resampled."""
NULL_AGREEING, NULL_TOLERANCE = 0.95, 1e-3
"""So much of a null must come out again within so much: a fit may end elsewhere for a rounding."""


@dataclass(frozen=True)
class Checked:
    """What was worked out again.

    Parameters
    ----------
    rows
        How many references, of their search matrices, looks and projection.
    natives
        How many spectra, from their native ones.
    families
        How many columns of the null.
    seed
        Of the sample; None where everything was.
    """

    rows: int
    natives: int
    families: int
    seed: int | None


def check_derived(
    references: ReferenceSet,
    natives: Mapping[str, Spectrum] | None = None,
    *,
    quick: bool = False,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Compare everything that a library derives from its spectra with what the spectra give.

    Parameters
    ----------
    references
        As read from a file.
    natives
        Spectra as imported, by id: the library's must be these, resampled.
    quick
        Only a sample of the references, and of the null.
    seed
        Of the sample; drawn if None, so that nobody can know beforehand what is looked at.
    progress
        Called as the work goes on.

    Raises
    ------
    AlteredLibraryError
        Names the part and the reference that disagree.
    """
    drawn = (secrets.randbits(32) if seed is None else seed) if quick else None
    rows = np.arange(len(references))
    if drawn is not None and len(rows) > QUICK_ROWS:
        rows = np.sort(np.random.default_rng(drawn).choice(rows, QUICK_ROWS, replace=False))
    for done in _row_blocks(references, rows, tuple(references.indexes)):
        if progress is not None:
            progress("comparing", done, len(rows))
    _check_projection(references, rows)
    compared = _check_natives(references, natives or {}, rows)
    families = 0
    for technique in Technique:
        part = references.of_technique(technique)
        if len(part):
            families += _check_null(part, drawn, progress)
    return Checked(len(rows), compared, families, drawn)


def check_opened(references: ReferenceSet) -> None:
    """Compare the rows of what alarms or warns, and some others, with their spectra.

    Takes milliseconds, whatever the size of the library.

    Raises
    ------
    AlteredLibraryError
        Names the part and the reference that disagree.
    """
    from spectriage.spectra.search import SCORES

    hazardous = references.column("hazard") != Hazard.NONE.encode()
    graver, other = np.flatnonzero(hazardous), np.flatnonzero(~hazardous)
    rows = np.concatenate([_thinned(graver, OPENED_ROWS), _thinned(other, OPENED_ROWS // 4)])
    key = SCORES["deriv2"].key(_step(references))
    for _ in _row_blocks(references, np.sort(rows), (key,) if key in references.indexes else ()):
        pass


def _thinned(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.intp))]


def _step(references: ReferenceSet) -> float:
    return float(references.shift[1] - references.shift[0])


def _wrong(what: str, references: ReferenceSet, row: int) -> AlteredLibraryError:
    record = references.records[row]
    return AlteredLibraryError(
        f"{what} of {record.id!r} ({record.substance}) is not what its spectrum gives",
        where=str(references.attributes.get("path", references.name)),
        remedy="do not use this library; get it again from whoever made it, or build it again",
    )


def _row_blocks(references: ReferenceSet, rows: NDArray[np.intp], keys: tuple[str, ...]) -> Iterator[int]:
    """Compare some rows of some search matrices and of the looks; yield how many are done."""
    from spectriage.spectra.search import SCORES

    step = _step(references)
    named = {score.key(step): score for score in SCORES.values()}
    unknown = [key for key in references.indexes if key not in named]
    if unknown:
        raise AlteredLibraryError(
            f"the library keeps a search matrix {unknown[0]!r} of a preparation that this version has not",
            where=str(references.attributes.get("path", references.name)),
            remedy="build the library again",
        )
    coarse = references.derived.coarse
    for start in range(0, len(rows), BLOCK_ROWS):
        part = rows[start : start + BLOCK_ROWS]
        made = {}
        for key in keys:
            made[key] = _prepared(references, part, key)
            _compare(
                references, part, references.indexes[key][part], made[key], ROW_TOLERANCE, f"the row {key!r}"
            )
        if coarse is not None:
            key = SCORES["deriv2"].key(step)
            derivatives = made[key] if key in made else _prepared(references, part, key)
            _check_looks(references, part, coarse, derivatives)
        yield start + len(part)


def _prepared(references: ReferenceSet, rows: NDArray[np.intp], key: str) -> NDArray[np.float32]:
    from spectriage.spectra.search import SCORES
    from spectriage.spectra.search.index import prepared_rows

    step = _step(references)
    score = next(score for score in SCORES.values() if score.key(step) == key)
    return prepared_rows(references.spectra[rows], score, step).astype(np.float32)


def _check_looks(
    references: ReferenceSet,
    rows: NDArray[np.intp],
    coarse: Coarse,
    derivatives: NDArray[np.float32],
) -> None:
    from spectriage.spectra.contrast.coarse import as_float, make_coarse

    made = make_coarse(derivatives)
    looks = coarse.rows
    if (
        coarse.method != made.method
        or looks.dtype != np.uint16
        or looks.shape != (len(references), made.rows.shape[1])
    ):
        raise AlteredLibraryError(
            "the first looks do not fit the library",
            where=str(references.attributes.get("path", references.name)),
            remedy="build the library again",
        )
    kept = as_float(np.ascontiguousarray(looks[rows]))
    _compare(references, rows, kept, as_float(made.rows), LOOK_TOLERANCE, "the first look")


def _compare(
    references: ReferenceSet,
    rows: NDArray[np.intp],
    kept: NDArray[np.float32],
    made: NDArray[np.float32],
    tolerance: float,
    what: str,
) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.linalg.norm(kept.astype(np.float64) - made, axis=1)
    # not a number is off, too
    bad = np.flatnonzero(~(off <= tolerance))
    if bad.size:
        raise _wrong(what, references, int(rows[bad[0]]))


def _check_projection(references: ReferenceSet, rows: NDArray[np.intp]) -> None:
    from spectriage.spectra.search.projection import kept_projection, unlike_rows

    for key in references.derived.projections:
        made = kept_projection(references, key)
        if made is None:
            raise AlteredLibraryError(
                f"the library keeps a projection of {key!r}, which it has not",
                where=str(references.attributes.get("path", references.name)),
                remedy="build the library again",
            )
        for start in range(0, len(rows), BLOCK_ROWS):
            bad = unlike_rows(made, references.indexes[key], rows[start : start + BLOCK_ROWS])
            if bad.size:
                raise _wrong("the projection", references, int(bad[0]))


def _check_natives(references: ReferenceSet, natives: Mapping[str, Spectrum], rows: NDArray[np.intp]) -> int:
    """Compare measured references with their native spectra, resampled as an import does it."""
    from spectriage.library.building._measured import on_grid

    compared = 0
    for row in rows.tolist():
        record = references.records[row]
        native = natives.get(record.id)
        if native is None:
            continue
        made = on_grid(native, references.shift, record.id)
        kept = references.spectra[row]
        if not np.allclose(
            kept, made, rtol=0.0, atol=NATIVE_TOLERANCE * np.nanmax(np.abs(made)), equal_nan=True
        ):
            raise AlteredLibraryError(
                f"the spectrum of {record.id!r} ({record.substance}) is not its native one, resampled",
                where=str(references.attributes.get("path", references.name)),
                remedy="do not use this library; get it again from whoever made it, or build it again",
            )
        compared += 1
    return compared


def _check_null(references: ReferenceSet, seed: int | None, progress: Progress | None) -> int:
    from spectriage.spectra.evidence import make_null
    from spectriage.spectra.evidence.null import read_null

    kept = read_null(references)
    if kept is None:
        return 0
    columns = np.arange(kept.wrong.shape[1])
    if seed is not None:
        chosen = np.random.default_rng(seed).choice(columns, min(QUICK_FAMILIES, columns.size), replace=False)
        columns = np.sort(chosen)
    made = make_null(references, progress, columns.tolist())
    where = str(references.attributes.get("path", references.name))
    remedy = "do not use this library; build it again"
    if made is None or made.wrong.shape != kept.wrong.shape or not np.array_equal(made.levels, kept.levels):
        raise AlteredLibraryError("the null is not one of these references", where=where, remedy=remedy)
    for name in ("wrong", "right", "added_wrong", "added_right"):
        ours, theirs = getattr(made, name)[:, columns], getattr(kept, name)[:, columns]
        agreeing = np.abs(ours - theirs) <= NULL_TOLERANCE * np.maximum(1.0, np.abs(ours))
        if agreeing.mean() < NULL_AGREEING:
            raise AlteredLibraryError(
                f"the null ({name}) is not what the spectra give", where=where, remedy=remedy
            )
    return len(columns)
