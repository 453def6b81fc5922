"""Forward selection of the components of a mixture, each one necessary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from spectriage.spectra.arrays import BoolArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.contrast import Contrast
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import BROADENINGS_CM
from spectriage.spectra.fitting._kernels_growing import NOTHING, Library, Model, SelectionRules
from spectriage.spectra.fitting._kernels_selection import ADD, grow
from spectriage.spectra.fitting.band_support import band_rules
from spectriage.spectra.fitting.fit import NO_CORRECTION, Fit, Single
from spectriage.spectra.fitting.fitter import (
    LIKELIEST,
    PACKED_SETTINGS,
    STRETCHED,
    UNSTRETCHED,
    Fitter,
    axis_of,
)
from spectriage.spectra.policy.policy import FEW_LINES, Policy
from spectriage.spectra.reference import Tier

MOST_COMPONENTS = 5
MOST_PACKAGINGS = 2
SEEN_SHARE = 0.25
"""The share of an addition's bands, by height, that must need it."""

EQUAL_GAIN = 0.1
"""Members of a family within this log gain of each other fit equally well."""


@dataclass(frozen=True, eq=False)
class Selection:
    """What was selected, and what came close.

    Parameters
    ----------
    fit
        The fit by the selected references.
    runner_up
        The references that explain most alone, best first: what else the spectrum looks like.
    rejected
        The best addition that was not necessary: its row and gain; None when there was none.
    """

    fit: Fit
    runner_up: tuple[Single, ...]
    rejected: tuple[int, float] | None


def select(fitter: Fitter, allowed: BoolArray, policy: Policy, *, most: int = MOST_COMPONENTS) -> Selection:
    """Select the references that a query needs.

    One is taken that explains most alone. Then the best addition that brings enough and is seen, and the axis
    is sought anew, until there is none; what later ones made unnecessary is dropped. At last each component
    is exchanged for what fits about as well and is known by the stronger evidence: among the members of its
    family, or, of a harmless one, also among others: two estimated references differ by a guess, not by
    nature.

    Parameters
    ----------
    fitter
        The query and the library.
    allowed
        Which references may be used, shape (n,).
    policy
        What an addition must bring.
    most
        Most components, packaging not counted.
    """
    runner_up = fitter.first(allowed)
    if not runner_up or runner_up[0].similarity <= 0.0:
        return Selection(fitter.fit((), NO_CORRECTION), (), None)
    model = _begun(fitter, runner_up[0])
    index, query = fitter.index, fitter.query
    singles = [single.row for single in runner_up[:3]]
    known = list(singles)
    while True:
        references, place_of = index.rows.at_hand(known)
        missing = grow(
            packed(references),
            place_of,
            _library(index, policy),
            query.packed,
            fitter.grid,
            allowed,
            np.array(singles[1:], np.intp),
            PACKED_SETTINGS,
            STRETCHED,
            UNSTRETCHED,
            band_rules(index),
            _rules(policy.hazard_gain, most),
            packed(model),
        )
        if not missing:
            break
        # of a large library only these are at hand
        seen = set(known)
        known += [row for row in model.others[: model.numbers[3]].tolist() if row not in seen]
    rejected = int(model.numbers[5])
    return Selection(
        fitter.adopt(_fit_of(model, query)),
        tuple(runner_up),
        None if rejected == NOTHING else (rejected, float(model.values[1])),
    )


def _begun(fitter: Fitter, best: Single) -> Model:
    """Return the model that a selection begins with: one component, not yet fitted."""
    points = fitter.query.derivative.size
    derivative, compressed, fitted = np.empty((3, points), np.float32)
    room = MOST_COMPONENTS + MOST_PACKAGINGS + 1
    rows = np.full(room, best.row)
    place = (best.axis.offset_cm, best.axis.stretch, BROADENINGS_CM.index(best.axis.broadening_cm))
    return Model(
        np.array([NOTHING, ADD, 0, NOTHING, 0, NOTHING]),
        rows,
        np.zeros(room),
        np.empty(len(fitter.index) + LIKELIEST + room, np.intp),
        np.array(place),
        np.zeros(2),
        derivative,
        compressed,
        np.empty(points, np.bool_),
        fitted,
    )


def _fit_of(model: Model, query: Contrast) -> Fit:
    count = int(model.numbers[0])
    moved = replace(query, derivative=model.derivative, valid=model.valid, compressed=model.compressed)
    return Fit(
        tuple(model.rows[:count].tolist()),
        model.amplitudes[:count],
        float(model.values[0]),
        axis_of(model.axis.tolist()),
        moved,
        model.fitted,
    )


@lru_cache(maxsize=16)
def _rules(hazard_gain: float, most: int) -> SelectionRules:
    return packed(
        SelectionRules(
            most, MOST_PACKAGINGS, LIKELIEST, SEEN_SHARE, hazard_gain, EQUAL_GAIN, Tier.RECALLED.rank
        )
    )


def _library(index: ContrastIndex, policy: Policy) -> Library:
    """Return what the selection must know of every reference, packed for its kernel."""
    return index.once(("selection", policy.sha256), lambda: packed(describe(index, policy)))


def describe(index: ContrastIndex, policy: Policy) -> Library:
    """Return what the selection must know of every reference of a library."""
    references = index.references
    tiers, of_tier = np.unique(references.column("tier"), return_inverse=True)
    ranks = np.array([Tier(tier.decode()).rank for tier in tiers.tolist()], np.intp)[of_tier]
    required = np.where(index.hazardous, policy.hazard_gain, policy.gain)
    few_lines = np.isin(references.column("hazard"), [hazard.encode() for hazard in FEW_LINES])
    watched = np.isin(references.column("family"), [name.encode() for name in policy.watched_families])
    return Library(
        index.coarse,
        index.families,
        ranks,
        index.packaging,
        index.hazardous,
        np.where(index.packaging, policy.packaging_gain, required),
        np.where(few_lines, 1, np.where(index.hazardous | watched, 2, 0)),
    )
