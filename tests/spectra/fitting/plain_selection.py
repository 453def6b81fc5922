"""The forward selection stated plainly, one fit after the other: what the kernel of it must agree with."""

from collections.abc import Callable

import numpy as np

from spectriage.spectra.arrays import BoolArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting.band_support import BandSupport, band_support, independent_supports
from spectriage.spectra.fitting.fit import NO_CORRECTION, Fit, Single
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Tier

MOST_COMPONENTS, MOST_PACKAGINGS = 5, 2
SEEN_SHARE, EQUAL_GAIN = 0.25, 0.1
Required = Callable[[int], float]
Selected = tuple[Fit, list[Single], tuple[int, float] | None]


def plain_select(fitter: Fitter, allowed: BoolArray, policy: Policy, most: int = MOST_COMPONENTS) -> Selected:
    """The fit, the best singles, and the best addition that was not needed."""
    records = fitter.index.references.records

    def required(row: int) -> float:
        return policy.required_gain(records[row])

    runner_up = fitter.first(allowed)
    if not runner_up or runner_up[0].similarity <= 0.0:
        return fitter.fit((), NO_CORRECTION), [], None
    fit = fitter.refine((runner_up[0].row,), runner_up[0].axis, stretch=True)
    rejected = None
    while True:
        open_rows = allowed & still_open(fitter.index, fit, most)
        step = None
        for row, gain, excess in additions(fitter, fit, open_rows, runner_up, required):
            if excess >= 0.0:
                larger = fitter.with_row(fit, row)
                if is_seen(fitter, larger, policy.supports_needed(records[row], gain)):
                    step = (row, larger)
                    break
            rejected = (row, gain) if rejected is None or gain > rejected[1] else rejected
        if step is None:
            break
        row, larger = step
        rejected = None
        fit = without_needless(fitter, fitter.refine(larger.rows, larger.axis), required)
        if row not in fit.rows:
            break
    fit = best_forms(fitter, fit, allowed)
    if len(fit.rows) > 1:
        order = np.argsort(-fit.amplitudes, kind="stable")
        fit = fitter.fit(tuple(fit.rows[i] for i in order), fit.axis)
    return fit, runner_up, rejected


def still_open(index: ContrastIndex, fit: Fit, most: int) -> BoolArray:
    open_rows = index.outside_families_of(fit.rows)
    packagings = sum(bool(index.packaging[row]) for row in fit.rows)
    if packagings >= MOST_PACKAGINGS:
        open_rows &= ~index.packaging
    if len(fit.rows) - packagings >= most:
        open_rows &= index.packaging
    return open_rows


def supported_share(bands: tuple[BandSupport, ...]) -> float:
    """The share of a component's bands, by height, that need it; 0 for no bands."""
    total = sum(band.height for band in bands)
    return sum(band.height for band in bands if band.supports) / total if total > 0.0 else 0.0


def is_seen(fitter: Fitter, larger: Fit, supports_needed: int) -> bool:
    if fitter.index.references.records[larger.rows[-1]].is_packaging:
        return True
    bands = band_support(fitter, larger, len(larger.rows) - 1)
    return supported_share(bands) >= SEEN_SHARE and independent_supports(bands) >= supports_needed


def additions(
    fitter: Fitter, fit: Fit, open_rows: BoolArray, runner_up: list[Single], required: Required
) -> list[tuple[int, float, float]]:
    rows = fitter.likeliest(fit, open_rows)
    rows += [other.row for other in runner_up[1:3] if open_rows[other.row] and other.row not in rows]
    gains = fitter.gains(fit, rows).tolist()
    tried = [(row, gain, gain - required(row)) for row, gain in zip(rows, gains, strict=True)]
    return sorted(tried, key=lambda each: each[2], reverse=True)


def without_needless(fitter: Fitter, fit: Fit, required: Required) -> Fit:
    while len(fit.rows) > 1:
        margins = fitter.losses(fit) - [required(row) for row in fit.rows]
        worst = int(np.argmin(margins))
        if margins[worst] >= 0.0:
            break
        fit = fitter.fit(fit.without(worst), fit.axis)
    return fit


def best_forms(fitter: Fitter, fit: Fit, allowed: BoolArray) -> Fit:
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
            fit = fitter.fit((*fit.rows[:position], best, *fit.rows[position + 1 :]), fit.axis)
    return fit
