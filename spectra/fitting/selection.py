"""Forward selection of the components of a mixture, each one necessary."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting.band_support import band_support, independent_supports, supported_share
from spectriage.spectra.fitting.fit import NO_CORRECTION, Fit, Single
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.policy.policy import Policy
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
    records = fitter.index.references.records
    required = required_gains(fitter.index, policy)
    runner_up = fitter.first(allowed)
    if not runner_up or runner_up[0].similarity <= 0.0:
        return Selection(fitter.fit((), NO_CORRECTION), (), None)
    fit = fitter.refine((runner_up[0].row,), runner_up[0].axis, stretch=True)
    rejected: tuple[int, float] | None = None
    while True:
        open_rows = allowed & _still_open(fitter.index, fit, most)
        step = None
        for row, gain, excess in _additions(fitter, fit, open_rows, runner_up, required):
            if excess >= 0.0:
                larger = fitter.with_row(fit, row)
                if _is_seen(fitter, larger, policy.supports_needed(records[row], gain)):
                    step = (row, larger)
                    break
            rejected = (row, gain) if rejected is None or gain > rejected[1] else rejected
        if step is None:
            break
        row, larger = step
        rejected = None
        fit = _without_needless(fitter, fitter.refine(larger.rows, larger.axis), required)
        if row not in fit.rows:
            break
    fit = _best_forms(fitter, fit, allowed)
    if len(fit.rows) > 1:
        order = np.argsort(-fit.amplitudes, kind="stable")
        fit = fitter.fit(tuple(fit.rows[i] for i in order), fit.axis)
    return Selection(fit, tuple(runner_up), rejected)


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


def _still_open(index: ContrastIndex, fit: Fit, most: int) -> BoolArray:
    """Return which references may still be added: each family counts once, and there is a most."""
    open_rows = index.outside_families_of(fit.rows)
    packagings = sum([bool(index.packaging[row]) for row in fit.rows])
    if packagings >= MOST_PACKAGINGS:
        open_rows &= ~index.packaging
    if len(fit.rows) - packagings >= most:
        open_rows &= index.packaging
    return open_rows


def _is_seen(fitter: Fitter, larger: Fit, supports_needed: int) -> bool:
    """Whether an addition explains its own bands, and not only what the others left at a few of them."""
    if fitter.index.references.records[larger.rows[-1]].is_packaging:
        return True
    bands = band_support(fitter, larger, len(larger.rows) - 1)
    return supported_share(bands) >= SEEN_SHARE and independent_supports(bands) >= supports_needed


def _additions(
    fitter: Fitter, fit: Fit, open_rows: BoolArray, runner_up: list[Single], required: FloatArray
) -> list[tuple[int, float, float]]:
    """Return additions, their gains, and by how much these exceed what they must; the greatest first."""
    rows = fitter.likeliest(fit, open_rows)
    rows += [other.row for other in runner_up[1:3] if open_rows[other.row] and other.row not in rows]
    gains = fitter.gains(fit, rows).tolist()
    needed = required[rows].tolist()
    tried = [(row, gain, gain - least) for row, gain, least in zip(rows, gains, needed, strict=True)]
    return sorted(tried, key=itemgetter(2), reverse=True)


def _without_needless(fitter: Fitter, fit: Fit, required: FloatArray) -> Fit:
    """Drop components that later ones made unnecessary, the least necessary first."""
    while len(fit.rows) > 1:
        margins = fitter.losses(fit) - required[list(fit.rows)]
        worst = int(np.argmin(margins))
        if margins[worst] >= 0.0:
            break
        fit = fitter.fit(fit.without(worst), fit.axis)
    return fit


def _best_forms(fitter: Fitter, fit: Fit, allowed: BoolArray) -> Fit:
    """Exchange each component for what fits about as well and is known by the stronger evidence.

    Among the members of its family for the best one; a harmless component also for one of another family and
    a stronger tier: two estimated references differ by a guess, not by nature.
    """
    index = fitter.index
    records = index.references.records
    for position, row in enumerate(fit.rows):
        others = [other for other in index.relatives(row) if other != row and allowed[other]]
        if not index.hazardous[row] and records[row].tier not in (Tier.MEASURED, Tier.BANDS):
            rest = fitter.fit(fit.without(position), fit.axis)
            likeliest = fitter.likeliest(rest, allowed & index.outside_families_of(fit.rows))
            others += [other for other in likeliest if records[other].tier.rank < records[row].tier.rank]
        if not others:
            continue
        own, gains = fitter.exchange_gains(fit, position, others)
        tried = [(row, own), *zip(others, gains.tolist(), strict=True)]
        enough = max(gain for _, gain in tried) - EQUAL_GAIN
        best = min(
            (option for option in tried if option[1] >= enough),
            key=lambda option: (records[option[0]].tier.rank, -option[1], option[0]),
        )[0]
        if best != row:
            rows = (*fit.rows[:position], best, *fit.rows[position + 1 :])
            fit = fitter.fit(rows, fit.axis)
    return fit
