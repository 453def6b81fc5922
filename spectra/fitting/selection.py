"""Forward selection of the components of a mixture, each one necessary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.block import Block, together
from spectriage.spectra.contrast.contrast import Contrast, QueryRows, queries_together
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting._kernels_selected import Selected, SelectionRules
from spectriage.spectra.fitting._kernels_selection import select_scans
from spectriage.spectra.fitting.fit import (
    MOST_COMPONENTS,
    MOST_PACKAGINGS,
    OFFSET_PENALTY,
    STRETCH_PENALTY,
    Fit,
    FitRows,
    Single,
    axis_of,
)
from spectriage.spectra.fitting.fitter import (
    LIKELIEST,
    REFINED_FROM,
    STRETCHED,
    UNSTRETCHED,
    Fitter,
    coarse_penalties,
)
from spectriage.spectra.fitting.library import largest_family, library_of
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Tier

SECONDS = 2
"""So many of those that come second alone are tried as additions too."""
SEEN_SHARE = 0.25
"""The share of an addition's bands, by height, that must need it."""

EQUAL_GAIN = 0.1
"""Members of a family within this log gain of each other fit equally well."""


class Alone(NamedTuple):
    """The references that explain a query most alone, best first, as kernels take and write them.

    Parameters
    ----------
    rows
        Of the library, shape (c,).
    numbers
        V of each, and its axis as `axis_numbers`, shape (c, 4).
    block, place
        Where they stand together with others.
    """

    rows: IndexArray
    numbers: FloatArray
    block: Block[AloneRows] | None = None
    place: int = 0


class AloneRows(NamedTuple):
    """The same of several queries, of each up to c: how many, shape (s,); and (s, c) and (s, c, 4)."""

    counts: IndexArray
    rows: IndexArray
    numbers: FloatArray


def alone_together(each: Sequence[Alone]) -> AloneRows:
    """Return those of several queries as rows."""
    return together(each, _stacked)


def _stacked(each: Sequence[Alone]) -> AloneRows:
    counts = np.array([alone.rows.size for alone in each], np.intp)
    most = max(REFINED_FROM, int(counts.max()))
    rows, numbers = np.zeros((len(each), most), np.intp), np.zeros((len(each), most, 4))
    for place, (own, count) in enumerate(zip(each, counts.tolist(), strict=True)):
        rows[place, :count], numbers[place, :count] = own.rows, own.numbers
    return AloneRows(counts, rows, numbers)


class Selection(NamedTuple):
    """What was selected, and what came close.

    Parameters
    ----------
    fit
        The fit by the selected references.
    alone
        The references that explain most alone: what else the spectrum looks like.
    rejected
        The best addition that was not necessary: its row and gain; None when there was none.
    """

    fit: Fit
    alone: Alone
    rejected: tuple[int, float] | None

    @property
    def runner_up(self) -> tuple[Single, ...]:
        """The references that explain most alone, best first."""
        found = zip(self.alone.rows.tolist(), self.alone.numbers.tolist(), strict=True)
        return tuple([Single(row, similarity, axis_of(axis)) for row, (similarity, *axis) in found])


def select(fitter: Fitter, rules: SelectionRules) -> Selection:
    """Select the references that a query needs: `select_each` of one."""
    return select_each([fitter], rules)[0]


def select_each(fitters: Sequence[Fitter], rules: SelectionRules) -> list[Selection]:
    """Select the references that each of several queries needs, of one library.

    The best reference at its own axis comes first. Then what explains most of the rest is added, as long as
    it brings what is required and its own bands need it, and what that makes needless is dropped. At last
    each component is exchanged for what fits about as well and is known by the stronger evidence: among the
    members of its family for the best one; a harmless component also for one of another family and a
    stronger tier, for two estimated references differ by a guess, not by nature.

    Parameters
    ----------
    fitters
        The queries and the library.
    rules
        What an addition must bring: `selection_rules`.

    Raises
    ------
    LibraryError
        When a reference could not be read.
    """
    if not fitters:
        return []
    index = fitters[0].index
    most = MOST_COMPONENTS + MOST_PACKAGINGS + 1
    # at most a whole family, and what may be taken for it, in the place of one component
    library = library_of(index, most + max(largest_family(index), SECONDS) + LIKELIEST)
    queries = queries_together([fitter.query for fitter in fitters])
    found = _room_for(len(fitters), index.rows.points)
    memory = memory_of(most, index.rows.points)
    select_scans(library, queries.queries, rules, memory, REFINED_FROM, packed(found))
    index.rows.check()
    alone = Block(AloneRows(found.single_counts, found.single_rows, found.singles))
    each = zip(
        _fits_of(found, queries, fitters),
        found.single_counts.tolist(),
        found.single_rows,
        found.singles,
        found.rejected.tolist(),
        found.gains.tolist(),
        strict=True,
    )
    return [
        Selection(
            fit,
            Alone(rows[:count], singles[:count], alone, place),
            (rejected, gain) if rejected >= 0 else None,
        )
        for place, (fit, count, rows, singles, rejected, gain) in enumerate(each)
    ]


def _fits_of(found: Selected, queries: QueryRows, fitters: Sequence[Fitter]) -> list[Fit]:
    """Return the fits that a kernel has written of some queries."""
    models = found.counts, found.rows, found.amplitudes, found.similarity, found.fitted
    curves = found.derivative, found.compressed, found.valid
    fitted = Block(FitRows(found.axes, *models))
    moved = Block(QueryRows(*curves, queries.threshold, queries.noise))
    fits = []
    for place, (
        fitter,
        axis,
        count,
        rows,
        amplitudes,
        similarity,
        curve,
        derivative,
        compressed,
        valid,
    ) in enumerate(
        zip(
            fitters,
            found.axes.tolist(),
            found.counts.tolist(),
            found.rows.tolist(),
            found.amplitudes,
            found.similarity.tolist(),
            found.fitted,
            *curves,
            strict=True,
        )
    ):
        own, known = fitter.query, tuple(rows[:count])
        query = Contrast(derivative, valid, own.threshold, compressed, own.norm, own.noise, moved, place)
        fit = Fit(known, amplitudes[:count], similarity, axis_of(axis), query, curve, fitted, place)
        fits.append(fitter.kept(fit))
    return fits


def _room_for(scans: int, points: int) -> Selected:
    """Return room for what a kernel writes of so many scans."""
    most = MOST_COMPONENTS + MOST_PACKAGINGS
    return Selected(
        np.zeros(scans, np.intp),
        np.zeros((scans, most), np.intp),
        np.zeros((scans, most)),
        np.empty(scans),
        np.empty((scans, 3)),
        np.empty(scans, np.intp),
        np.empty(scans),
        np.empty((scans, points), np.float32),
        np.empty((scans, points), np.float32),
        np.empty((scans, points), np.float32),
        np.empty((scans, points), np.bool_),
        np.zeros(scans, np.intp),
        np.zeros((scans, REFINED_FROM), np.intp),
        np.zeros((scans, REFINED_FROM, 4)),
    )


def required_gains(index: ContrastIndex, policy: Policy) -> FloatArray:
    """Return the log gain that every reference must bring, shape (n,)."""
    name = ("required gains", policy.packaging_gain, policy.hazard_gain, policy.gain)
    return index.once(
        name,
        lambda: np.where(
            index.packaging,
            policy.packaging_gain,
            np.where(index.hazardous, policy.hazard_gain, policy.gain),
        ),
    )


def selection_rules(index: ContrastIndex, allowed: BoolArray, policy: Policy) -> SelectionRules:
    """Return what an addition must bring, packed; `allowed` says which references may be used, shape (n,)."""
    kinds, needed, gains = policy.supports_table(index.references)
    rules = SelectionRules(
        allowed,
        required_gains(index, policy),
        kinds,
        needed,
        gains,
        MOST_COMPONENTS,
        MOST_PACKAGINGS,
        SEEN_SHARE,
        EQUAL_GAIN,
        LIKELIEST,
        SECONDS,
        Tier.BANDS.rank,
        OFFSET_PENALTY,
        STRETCH_PENALTY,
        coarse_penalties(index.step_cm),
        UNSTRETCHED,
        STRETCHED,
    )
    return packed(rules)
