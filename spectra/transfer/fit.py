"""A transfer from standards measured on both units.

Axis: the bands of each standard, placed on both, give local differences; a low polynomial goes through them,
outliers left out. Response: the heights of the same bands, each standard with an overall factor of its own
(so much light came from the one powder and the other), give a smooth ratio. A coefficient that the standards
do not ask for stays near zero. How many coefficients there are at all, and whether there is any transfer, the
standards decide among themselves: each is left out in turn, and what makes it most like its twin is taken. A
transfer that helps none of them is not made: the axis then stays as it is.

The two-step idea, axis first and then intensity between a reference and a twinned instrument, is that of CEN
Workshop Agreement 18134 (2024), whose text was not opened; it scales one band's signal against laser power,
which spectra without a stated power do not allow, so that an overall factor is left out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import SpectrumError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.transfer.likeness import MIN_RANGE_CM, likeness
from spectriage.spectra.transfer.transfer import Transfer

MATCH_CM = 10.0
MIN_BANDS = 6
MIN_HEIGHT = 0.04
"""Of a spectrum's highest band: lower ones are placed badly."""
AXIS_SIGMA_CM, RESPONSE_SIGMA = 1.0, 0.2
"""How well the place and the log height of one band repeat between units, when all is corrected."""
AXIS_PRIOR_CM, RESPONSE_PRIOR = (5.0, 3.0, 2.0), (0.7, 0.3, 0.2)
"""How large each coefficient is beforehand: a constant and a slope are likely, a curve is less so."""
OUTLIER = 3.0
MIN_STANDARDS = 2
LEAST_GAIN = 0.002
"""Of the likeness, for each coefficient."""
STEP_CM = 1.0


@dataclass(frozen=True)
class _Match:
    """Bands that two spectra share, shape (k,) each.

    Place on the first, how far it is moved on the second,
    log ratio of heights, and by how much the squared width grows.
    """

    place: FloatArray
    moved: FloatArray
    ratio: FloatArray
    wider: FloatArray


@dataclass(frozen=True)
class _Bands:
    """Bands of one spectrum: where, how high over the background, how wide; shape (k,) each."""

    place: FloatArray
    height: FloatArray
    width: FloatArray


def fit_transfer(
    pairs: Sequence[tuple[str, Spectrum, Spectrum]], source: str = "source", target: str = "target"
) -> Transfer:
    """Fit a transfer to standards measured on both units.

    Parameters
    ----------
    pairs
        Name of a standard, its spectrum on the source and on the target; four or more, so that they can
        vouch for each other. Of one alone only a constant offset of the axis is taken.
    source, target
        Names of the units.

    Raises
    ------
    SpectrumError
        When the two have fewer than `MIN_BANDS` bands in common, or no range.
    """
    low = max(max(float(a.shift[0]), float(b.shift[0])) for _, a, b in pairs) if pairs else 0.0
    high = min(min(float(a.shift[-1]), float(b.shift[-1])) for _, a, b in pairs) if pairs else 0.0
    found = [_matched(_bands(a), _bands(b), low, high) for _, a, b in pairs]
    count = sum(each.place.size for each in found)
    if count < MIN_BANDS or high - low < MIN_RANGE_CM:
        raise SpectrumError(
            f"the standards have {count} bands in common on {low:.0f}-{high:.0f} cm⁻¹",
            remedy=f"measure standards with at least {MIN_BANDS} clear bands together on both",
        )
    kind = _chosen_kind(pairs, found, low, high)
    made = _fitted(found, low, high, *kind)
    return replace(made, source=source, target=target, standards=tuple(name for name, _, _ in pairs))


def _chosen_kind(
    pairs: Sequence[tuple[str, Spectrum, Spectrum]], found: Sequence[_Match], low: float, high: float
) -> tuple[int, int]:
    """Return how many coefficients of axis and response the standards bear out, each left out in turn."""
    if len(pairs) < MIN_STANDARDS:
        return 1, 0
    best, kind = _mean_likeness(pairs) + LEAST_GAIN, (0, 0)
    for axis in range(len(AXIS_PRIOR_CM) + 1):
        for response in range(len(RESPONSE_PRIOR)):
            alike = []
            for left_out, (_, first, second) in enumerate(pairs):
                others = [each for i, each in enumerate(found) if i != left_out]
                moved = _fitted(others, low, high, axis, response).apply(first)
                alike.append(sum(likeness(moved, second)))
            # each coefficient more has to be worth it
            score = float(np.mean(alike)) - LEAST_GAIN * (axis + response)
            if score > best:
                best, kind = score, (axis, response)
    return kind


def _mean_likeness(pairs: Sequence[tuple[str, Spectrum, Spectrum]]) -> float:
    return float(np.mean([sum(likeness(first, second)) for _, first, second in pairs]))


def _fitted(
    found: Sequence[_Match], low: float, high: float, axis_terms: int, response_terms: int
) -> Transfer:
    """Fit so many coefficients of axis and response, to all bands."""
    place, moved, ratio, wider = (
        np.concatenate([getattr(each, name) for each in found])
        for name in ("place", "moved", "ratio", "wider")
    )
    group = np.repeat(np.arange(len(found)), [each.place.size for each in found])
    x = 2.0 * (place - low) / (high - low) - 1.0
    curve = np.vander(x, len(AXIS_PRIOR_CM), increasing=True)
    axis, axis_rms = _robust(
        curve[:, :axis_terms], moved, AXIS_SIGMA_CM, np.array(AXIS_PRIOR_CM[:axis_terms])
    )
    # each standard's overall factor is its own and free
    factors = (group[:, None] == np.arange(len(found))).astype(np.float64)
    design = np.hstack([factors, curve[:, 1 : 1 + response_terms]])
    prior = np.concatenate([np.full(len(found), 50.0), RESPONSE_PRIOR[1 : 1 + response_terms]])
    response, response_rms = _robust(design, ratio, RESPONSE_SIGMA, prior)
    growth = float(np.median(wider)) if wider.size and axis_terms else 0.0
    return Transfer(
        "",
        "",
        low,
        high,
        tuple(axis.tolist()) or (0.0,),
        (0.0, *response[len(found) :].tolist()),
        float(np.sqrt(growth)) if growth > 0.0 else 0.0,
        axis_rms,
        response_rms,
    )


def _bands(spectrum: Spectrum) -> _Bands:
    """Find the bands of a spectrum and place them by a parabola through the smoothed top."""
    from scipy.ndimage import gaussian_filter1d, minimum_filter1d, uniform_filter1d
    from scipy.signal import find_peaks

    grid = np.arange(np.ceil(spectrum.shift[0]), spectrum.shift[-1], STEP_CM)
    values = np.interp(grid, spectrum.shift, spectrum.intensity)
    smooth = gaussian_filter1d(values, 1.5 / STEP_CM)
    floor = uniform_filter1d(minimum_filter1d(smooth, int(80 / STEP_CM)), int(80 / STEP_CM))
    above = smooth - floor
    least = MIN_HEIGHT * float(above.max(initial=0.0))
    noise = 5.0 * 1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2.0)
    tops, found = find_peaks(above, prominence=max(least, noise, 1e-12), width=2.0, rel_height=0.5)
    tops = tops[(tops > 1) & (tops < grid.size - 2)]
    if tops.size == 0:
        return _Bands(np.zeros(0), np.zeros(0), np.zeros(0))
    left, middle, right = above[tops - 1], above[tops], above[tops + 1]
    bend = left - 2.0 * middle + right
    offset = np.where(bend < 0.0, 0.5 * (left - right) / np.where(bend < 0.0, bend, -1.0), 0.0)
    width = found["widths"][: tops.size] * STEP_CM
    return _Bands(grid[tops] + np.clip(offset, -1.0, 1.0) * STEP_CM, found["prominences"][: tops.size], width)


def _matched(first: _Bands, second: _Bands, low: float, high: float) -> _Match:
    """Return the bands that are each other's nearest."""
    empty = np.zeros(0)
    if first.place.size == 0 or second.place.size == 0:
        return _Match(empty, empty, empty, empty)
    apart = np.abs(first.place[:, None] - second.place)
    nearest, back = apart.argmin(axis=1), apart.argmin(axis=0)
    rows = np.arange(first.place.size)
    inside = (first.place > low) & (first.place < high)
    good = inside & (back[nearest] == rows) & (apart[rows, nearest] <= MATCH_CM)
    ours, theirs = rows[good], nearest[good]
    return _Match(
        first.place[ours],
        second.place[theirs] - first.place[ours],
        np.log(second.height[theirs] / first.height[ours]),
        second.width[theirs] ** 2 - first.width[ours] ** 2,
    )


def _robust(
    design: FloatArray, values: FloatArray, sigma: float, prior: FloatArray
) -> tuple[FloatArray, float]:
    """Fit by ridge regression, leaving out what lies too far off; return coefficients and what is left."""
    keep = np.ones(values.size, dtype=bool)
    solved: FloatArray = np.zeros(design.shape[1])
    spread = sigma
    for _ in range(8):
        normal = design[keep].T @ design[keep] / sigma**2 + np.diag(1.0 / prior**2)
        wanted = design[keep].T @ values[keep] / sigma**2
        solved = np.asarray(np.linalg.solve(normal, wanted), dtype=np.float64)
        off = np.abs(values - design @ solved)
        spread = max(1.4826 * float(np.median(off)), 0.3 * sigma)
        kept = off <= OUTLIER * spread
        if np.array_equal(kept, keep):
            break
        keep = kept
    left = values[keep] - design[keep] @ solved
    return solved, float(np.sqrt(np.mean(np.square(left)))) if left.size else spread
