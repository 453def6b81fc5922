"""Seeking bands: what the model lacks is added, what the fit does not support is dropped, in turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from spectriage.library.bands.fitting import (
    SHAPE_FREEDOM,
    SHIFT_FREEDOM,
    THRESHOLD_SHARE,
    WIDTH_FREEDOM,
    Solution,
    Start,
    Target,
    fitted_intensity,
    solve,
)
from spectriage.library.bands.peaks import Peaks, find_peaks
from spectriage.library.bands.profiles import Parameters, draw
from spectriage.spectra.arrays import FloatArray

SIGNIFICANCE = 3.0
"""A band is sought where the curvature is so many times its noise."""
KEPT_SIGNIFICANCE = 4.0
"""And kept when its height, its width as it is, is so many times its uncertainty."""
ROUNDS = 8
MORE_A_ROUND = 12
MAX_BANDS = 90
FEW_EVALUATIONS = 12
"""Enough to see what is missing still."""
FEW = 4
"""With fewer bands missing in the wide window the narrow one is looked at too."""
GOOD_ENOUGH = 0.998
"""V beyond which no band is worth seeking: two scans of one sample agree no better."""
POOR, OVERESTIMATED = 0.95, 3.0
WORTH_A_BAND = 0.004
"""Bands that are not significant one by one stay when V would fall by this without them."""
LEAST_MISSING = 0.3
"""A difference of compressed derivatives that is worth a band."""
LEFT_SHARE, NARROW_LEFT_SHARE = 0.05, 0.15
"""What is left of a band's curvature by its own shape, in the wide and the narrow window."""
WINDOW_FWHM_CM = 22.0
"""Width that the engine's window gives to a line that has none."""
APART_CM = 8.0
TWIN_SHARE, TWIN_WIDTH = 0.75, 0.7
"""Bands nearer than this share of the resolution, and of widths no more different, are one."""
NEGLIGIBLE = 1e-3
"""A band lower than this share of the strongest is below what any other instrument will confirm."""


def fit_all(target: Target, known: Start) -> tuple[Solution, NDArray[np.bool_]]:
    """Find bands and fit them, until none is missing; return them and which are not packaging's.

    Where every stretch of a spectrum has bands, its quietest is not noise, and the noise is overestimated:
    the fit is then poor, and is made again with a third of it.
    """
    made = _fit_all(target, known)
    if _agreement(target, fitted_intensity(target, made[0].parameters)) >= POOR:
        return made
    wide, narrow = (
        replace(view, noise=max(view.noise / OVERESTIMATED, view.point_noise))
        for view in (target.wide, target.narrow)
    )
    return _fit_all(replace(target, wide=wide, narrow=narrow), known)


def _fit_all(target: Target, known: Start) -> tuple[Solution, NDArray[np.bool_]]:
    """Find bands at the noise as it is.

    What the engine's wide window shows comes first; then what only a narrow one can tell apart.
    """
    packaging = known.vector.size // 4
    start = Parameters.from_vector(known.vector)
    model = fitted_intensity(target, start) if packaging else np.zeros(target.shift_cm.size)
    expected = found = Parameters(*np.zeros((4, 0)))
    solution = Solution(start, np.zeros(known.vector.size), np.full(packaging, np.inf))
    for _ in range(ROUNDS):
        more = _missing_wide(target, model)
        if more.shift_cm.size < FEW:
            more = _joined_peaks(more, _missing_narrow(target, model))
        room = min(MAX_BANDS - found.shift_cm.size, MORE_A_ROUND if found.shift_cm.size else MAX_BANDS)
        if room <= 0 or not more.shift_cm.size or _agreement(target, model) > GOOD_ENOUGH:
            break
        added = _as_parameters(Peaks(*(values[:room] for values in more)), target)
        found, expected = _append(found, added), _append(expected, added)
        solution = solve(target, _joined(known, found, expected, packaging), evaluations=FEW_EVALUATIONS)
        own = np.arange(solution.parameters.shift_cm.size) >= packaging
        found = solution.parameters.keep(own)
        known = replace(known, vector=solution.parameters.keep(~own).vector)
        model = fitted_intensity(target, solution.parameters)
    solution = solve(target, _joined(known, found, expected, packaging))
    solution = _pruned(target, known, solution, expected, packaging)
    own = np.arange(solution.parameters.shift_cm.size) >= packaging
    return solution, own


def _agreement(target: Target, model: FloatArray) -> float:
    """Return V on the target's own axis."""
    wide = target.wide
    derived = wide.of(model[:, None], target.step_cm)[:, 0]
    norm = float(np.linalg.norm(derived))
    scaled = derived * (float(derived @ wide.values) / norm**2 if norm > 0.0 else 0.0)
    return cosine(np.arcsinh(scaled / wide.threshold), np.arcsinh(wide.values / wide.threshold))


def _joined(known: Start, peaks: Parameters, expected: Parameters, packaging: int) -> Start:
    """Put packaging first and what was found after it."""
    count = peaks.shift_cm.size
    width = np.exp(expected.log_fwhm)
    freedom = np.stack(
        [
            SHIFT_FREEDOM * np.maximum(width, 4.0),
            np.full(count, np.inf),
            np.full(count, WIDTH_FREEDOM),
            np.full(count, SHAPE_FREEDOM),
        ]
    )
    parts = [
        np.hstack([start.reshape(4, packaging), own.reshape(4, count)]).ravel()
        for start, own in (
            (known.vector, peaks.vector),
            (known.expected, expected.vector),
            (known.freedom, freedom.ravel()),
        )
    ]
    return Start(*parts)


def _as_parameters(peaks: Peaks, target: Target) -> Parameters:
    shape = np.full(peaks.shift_cm.size, 0.5)
    least, most = target.fwhm_range_cm
    fwhm = np.sqrt(np.maximum(peaks.fwhm_cm**2 - target.resolution_cm**2, (1.5 * least) ** 2))
    fwhm = np.clip(fwhm, least * 1.05, most * 0.95)
    height = np.maximum(peaks.height, 1e-12) * np.minimum(peaks.fwhm_cm / fwhm, 2.0)
    return Parameters(peaks.shift_cm, np.log(height), np.log(fwhm), shape)


def _append(first: Parameters, second: Parameters) -> Parameters:
    return Parameters(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))


def _missing_wide(target: Target, model: FloatArray) -> Peaks:
    """Return bands that the model lacks in the engine's own view, strongest first."""
    wide = target.wide
    derived = wide.of(model[:, None], target.step_cm)[:, 0]
    gap = np.arcsinh(derived / wide.threshold) - np.arcsinh(wide.values / wide.threshold)
    # Where the model stands already, the gap says less than the missing curvature itself.
    curvature = np.where(gap > LEAST_MISSING, derived - wide.values, 0.0)
    least = SIGNIFICANCE * wide.noise + LEFT_SHARE * np.abs(derived)
    peaks = find_peaks(target.shift_cm, curvature, wide.valid, least, (0.0, target.fwhm_range_cm[1]))
    # The window adds its own width, and lowers the curvature of what is narrower than it.
    fwhm = np.sqrt(np.maximum(peaks.fwhm_cm**2 - WINDOW_FWHM_CM**2, target.resolution_cm**2))
    height = peaks.height * (1.0 + (WINDOW_FWHM_CM / np.maximum(fwhm, 1.0)) ** 2) ** 0.5
    return _strongest(Peaks(peaks.shift_cm, height, fwhm), gap, target.shift_cm)


def _missing_narrow(target: Target, model: FloatArray) -> Peaks:
    """Return bands that only the narrow window tells from their neighbours, strongest first."""
    narrow = target.narrow
    modelled = narrow.of(model[:, None], target.step_cm)[:, 0]
    reach = max(1, round(target.resolution_cm / target.step_cm))
    # What a model leaves of a strong band is the band's own shape, and no other band.
    near = maximum_filter1d(np.abs(modelled), 2 * reach + 1)
    least = np.maximum(
        SIGNIFICANCE * narrow.noise, 2.0 * THRESHOLD_SHARE * float(np.linalg.norm(narrow.values))
    )
    gap = np.arcsinh(modelled / narrow.threshold) - np.arcsinh(narrow.values / narrow.threshold)
    peaks = find_peaks(
        target.shift_cm,
        modelled - narrow.values,
        narrow.valid,
        least + NARROW_LEFT_SHARE * near,
        (target.resolution_cm, 3.0 * narrow.width_cm),
    )
    return _strongest(peaks, gap, target.shift_cm)


def _strongest(peaks: Peaks, gap: FloatArray, shift_cm: FloatArray) -> Peaks:
    order = np.argsort(-np.interp(peaks.shift_cm, shift_cm, gap), kind="stable")
    return Peaks(*(values[order] for values in peaks))


def _joined_peaks(first: Peaks, second: Peaks) -> Peaks:
    """Return peaks of both, where those of the second stand apart from the first."""
    apart = np.array(
        [not (np.abs(first.shift_cm - at) < APART_CM).any() for at in second.shift_cm], dtype=bool
    )
    return Peaks(*(np.concatenate([a, b[apart]]) for a, b in zip(first, second, strict=True)))


def _pruned(
    target: Target, known: Start, solution: Solution, expected: Parameters, packaging: int
) -> Solution:
    """Drop bands that the fit does not support, and fit the rest again, until it supports all.

    The weakest go first, half of them at a time; those above the noise whose loss the engine would see stay.
    """
    least = _agreement(target, fitted_intensity(target, solution.parameters)) - WORTH_A_BAND
    for _ in range(2 * ROUNDS):
        parameters = solution.parameters
        own = np.arange(parameters.shift_cm.size) >= packaging
        negligible = _is_negligible(target, parameters, own) | _is_twin(target, parameters, own)
        drop = own & ((solution.significance < KEPT_SIGNIFICANCE) | negligible)
        if not drop.any():
            break
        # Of two that share one height between them, one may stay.
        weakest = solution.significance <= np.quantile(solution.significance[drop], 0.5)
        # What is no band goes by itself, so that what is lost with the others can be told.
        drop &= negligible if negligible.any() else weakest
        kept = parameters.keep(own & ~drop)
        expected = expected.keep(~drop[own])
        known = replace(known, vector=parameters.keep(~own).vector)
        fewer = solve(target, _joined(known, kept, expected, packaging), evaluations=10)
        lost = _agreement(target, fitted_intensity(target, fewer.parameters)) < least
        if lost and not negligible.any():
            break
        solution = fewer
        if negligible.any():
            least = _agreement(target, fitted_intensity(target, solution.parameters)) - WORTH_A_BAND
    return solution


def _is_negligible(target: Target, parameters: Parameters, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which bands no other instrument could confirm, or do not stand above the noise."""
    bands = draw(parameters, target.shift_cm, target.resolution_cm)
    narrow, wide = (
        np.abs(view.of(bands, target.step_cm)).max(axis=0) / max(view.noise, 1e-300)
        for view in (target.narrow, target.wide)
    )
    top = float(parameters.log_height[own].max(initial=-np.inf))
    low = parameters.log_height < top + np.log(NEGLIGIBLE)
    return np.asarray(own & (low | (np.maximum(narrow, wide) < SIGNIFICANCE)))


def _is_twin(target: Target, parameters: Parameters, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which bands stand where a stronger one of like width does: one band, found twice."""
    twin = np.zeros(own.size, dtype=bool)
    for i in np.flatnonzero(own):
        beside = np.abs(parameters.shift_cm - parameters.shift_cm[i]) < TWIN_SHARE * target.resolution_cm
        alike = np.abs(parameters.log_fwhm - parameters.log_fwhm[i]) < TWIN_WIDTH
        twin[i] = bool((beside & alike & (parameters.log_height > parameters.log_height[i])).any())
    return twin


def cosine(first: FloatArray, second: FloatArray) -> float:
    """Return the cosine between two vectors, 0 where one is none."""
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm > 0.0 else 0.0
