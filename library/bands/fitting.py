"""Fitting many bands at once to one spectrum, in the domain in which the engine compares.

Three residuals are made small together: the compressed second derivative over the engine's own window (what V
is the cosine of), the compressed second derivative over a window as narrow as the instrument's resolution
(which tells narrow bands apart), and, with little weight, the intensity over the baseline (which holds the
broad ones). The loss is quadratic for what noise does and linear for what it does not (soft L1), so that a
cosmic ray or a line that is no band draws little. Solved by the method of Levenberg and Marquardt on the
normal equations: with 60 bands ten times faster here than SciPy's solvers for bounds, which factor the whole
matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.library.bands.profiles import Parameters, draw, draw_with_derivatives
from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.contrast.contrast import THRESHOLD_FLOOR, contrast
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, differentiate, window_points
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.signal.noise import noise_level

NARROW_WINDOWS = 2.5
"""The narrow window, in resolutions."""
NARROW_NOISE = 4.0
"""Where the narrow derivative is compressed, in units of its noise."""
NARROW_FLOOR = 2e-3
"""And at least this share of its greatest value: heights are not known better between instruments."""
WEIGHTS = (1.0, 0.4, 0.1)
"""Of the three residuals."""
HEIGHT_ERROR = 0.02
POINT_NOISE = 1.5
"""Noise from point to point counts so much more than that of the quietest part, which is a little less."""
QUIET_CM, QUIET_SHARE = 80.0, 0.1
SHIFT_FREEDOM = 0.35
"""A position may leave where it was found by about this share of its band's width."""
SHAPE_FREEDOM = 0.35
WIDTH_FREEDOM = 0.8
"""Of the logarithm of a width, around the one it was found with."""
PACKAGING_FREEDOM = (1.5, 0.12, 0.15, 0.15)
"""How far packaging may differ from its reference: shift in cm⁻¹, logarithms of height and width, shape."""
LEAST_WIDTH = 0.4
"""No band is taken to be narrower than this share of the resolution: the instrument could not tell."""
WIDEST_CM = 120.0
SOFT = 0.5
"""Residuals beyond this count linearly: in units of the compressed derivative."""
MAX_EVALUATIONS = 40


@dataclass(frozen=True, eq=False)
class Target:
    """A spectrum on an even axis, as the fit sees it.

    Parameters
    ----------
    shift_cm
        Shape (m,).
    intensity
        Over the baseline, shape (m,).
    resolution_cm
        Of the instrument.
    wide, narrow
        Second derivatives over the engine's and over the narrow window.
    """

    shift_cm: FloatArray
    intensity: FloatArray
    resolution_cm: float
    wide: Derivative
    narrow: Derivative

    @property
    def step_cm(self) -> float:
        """Of the axis."""
        return float(self.shift_cm[1] - self.shift_cm[0])

    @property
    def fwhm_range_cm(self) -> tuple[float, float]:
        """Least and greatest width of a band before the instrument."""
        return LEAST_WIDTH * self.resolution_cm, WIDEST_CM


@dataclass(frozen=True, eq=False)
class Derivative:
    """A second derivative and where it is compressed.

    Parameters
    ----------
    width_cm
        Of its window.
    values
        Shape (m,), zero where not valid.
    valid
        Shape (m,).
    threshold
        Where the compression sets in, in the derivative's unit.
    noise
        Standard deviation of its noise, or what the quietest part of the spectrum shows where that is more.
    point_noise
        The same, from one point to the next alone: less where noise is smoothed, or no part is quiet.
    """

    width_cm: float
    values: FloatArray
    valid: BoolArray
    threshold: float
    noise: float
    point_noise: float

    def of(self, columns: FloatArray, step_cm: float) -> FloatArray:
        """Differentiate columns, shape (m, k), likewise."""
        rows, valid = np.ascontiguousarray(columns.T), np.ones(columns.T.shape, dtype=bool)
        derived, _ = differentiate(rows, valid, order=2, step_cm=step_cm, width_cm=self.width_cm)
        derived[:, ~self.valid] = 0.0
        return np.asarray(derived.T)


def prepare(query: Resampled, shift_cm: FloatArray, resolution_cm: float) -> Target:
    """Turn a spectrum on an even axis into what is fitted."""
    from spectriage.spectra.baseline import arpls

    step = float(shift_cm[1] - shift_cm[0])
    whole = contrast(query, shift_cm)
    derivative = whole.derivative.astype(np.float64) * whole.norm
    point_noise = POINT_NOISE * whole.noise * whole.norm
    wide = Derivative(
        DERIVATIVE_WINDOW_CM,
        derivative,
        whole.valid,
        whole.threshold * whole.norm,
        max(point_noise, quiet_level(derivative, whole.valid, step)),
        point_noise,
    )
    window = max(NARROW_WINDOWS * resolution_cm, 5.0 * step)
    values, valid = differentiate(query.intensity, query.measured, order=2, step_cm=step, width_cm=window)
    point_noise = POINT_NOISE * noise_level(query) * _gain(window, step)
    noise = max(point_noise, quiet_level(values, valid, step))
    top = float(np.abs(values).max(initial=0.0))
    threshold = NARROW_NOISE * noise + NARROW_FLOOR * top
    narrow = Derivative(window, values, valid, threshold, noise, point_noise)
    floor = np.zeros(shift_cm.size)
    floor[query.measured] = arpls(query.intensity[query.measured])
    return Target(shift_cm, query.intensity - floor, resolution_cm, wide, narrow)


def quiet_level(values: FloatArray, valid: BoolArray, step_cm: float) -> float:
    """Return the root mean square of a derivative in the quietest part of a spectrum.

    Smoothed and interpolated spectra hide their noise from a filter over a few points; no material has bands
    everywhere, and what the quietest tenth of all stretches of 80 cm⁻¹ shows is no band.
    """
    width = max(5, round(QUIET_CM / step_cm))
    inside = np.flatnonzero(valid)
    if inside.size < 2 * width:
        return 0.0
    squares = np.cumsum(np.square(values[inside[0] : inside[-1] + 1], dtype=np.float64))
    return float(np.sqrt(np.quantile((squares[width:] - squares[:-width]) / width, QUIET_SHARE)))


def _gain(window_cm: float, step_cm: float) -> float:
    from spectriage.spectra.signal.derivative import savgol_weights

    return float(np.linalg.norm(savgol_weights(window_points(window_cm, step_cm), 3, 2))) / step_cm**2


@dataclass(frozen=True, eq=False)
class Start:
    """Bands to begin a fit with, and how far they may go; all of shape (4 n,), as `Parameters.vector`.

    Parameters
    ----------
    vector
        Where they begin.
    expected, freedom
        Where they are expected, and the standard deviation around it; infinite where nothing is.
    """

    vector: FloatArray
    expected: FloatArray
    freedom: FloatArray


@dataclass(frozen=True, eq=False)
class Solution:
    """Bands as fitted.

    Parameters
    ----------
    parameters
        Of n bands.
    uncertainty
        Standard uncertainties, shape (4 n,), as `Parameters.vector`.
    significance
        Height of each band, its width and shape as they are, in units of its uncertainty, shape (n,).
    """

    parameters: Parameters
    uncertainty: FloatArray
    significance: FloatArray


def solve(target: Target, start: Start, evaluations: int = MAX_EVALUATIONS) -> Solution:
    """Fit bands to a target; stops when the cost falls by less than a thousandth in two steps."""
    if not start.vector.size:
        return Solution(Parameters.from_vector(start.vector), start.vector, start.vector)
    problem = _Problem(target, start)
    vector = np.clip(start.vector, problem.low, problem.high)
    cost, weak, damping = problem.cost(problem.residuals(vector)), 0, 1e-2
    normal, gradient = problem.normal(vector)
    for _ in range(evaluations):
        damped = normal + np.diag(damping * np.diag(normal) + 1e-12)
        step = np.clip(np.linalg.solve(damped, -gradient), -problem.reach, problem.reach)
        tried = np.clip(vector + step, problem.low, problem.high)
        new = problem.cost(problem.residuals(tried))
        if new >= cost:
            damping *= 5.0
            if damping > 1e8:
                break
            continue
        weak = weak + 1 if cost - new < 1e-3 * cost else 0
        vector, cost, damping = tried, new, max(damping / 4.0, 1e-7)
        normal, gradient = problem.normal(vector)
        if weak == 2:
            break
    return problem.solution(vector)


class _Problem:
    """The residuals of one fit and their derivatives."""

    def __init__(self, target: Target, start: Start) -> None:
        self.target = target
        self.start = start
        self.held = np.isfinite(start.freedom)
        count = start.vector.size // 4
        low_fwhm, high_fwhm = np.log(target.fwhm_range_cm)
        ends = target.shift_cm[[0, -1]]
        top = float(target.intensity.max(initial=0.0))
        low_height, high_height = np.log(max(top, 1e-300) * np.array([1e-6, 20.0]))
        self.low = np.repeat([ends[0], low_height, low_fwhm, 0.0], count)
        self.high = np.repeat([ends[1], high_height, high_fwhm, 1.0], count)
        self.reach = np.repeat([target.resolution_cm, 1.0, 0.5, 0.5], count)
        noise = target.narrow.noise / _gain(target.narrow.width_cm, target.step_cm)
        self.scale = (
            WEIGHTS[2] / (noise + HEIGHT_ERROR * (np.abs(target.intensity) + 0.5 * top) + 1e-300)[::2]
        )
        # over 42 cm⁻¹ nothing is finer than every other point
        self.points = [np.flatnonzero(target.wide.valid)[::2], np.flatnonzero(target.narrow.valid)]

    def cost(self, residuals: FloatArray) -> float:
        """Return the cost: soft L1 of what is measured, squares of what is expected."""
        data = residuals.size - int(self.held.sum())
        robust = 2.0 * SOFT**2 * float(np.sum(np.sqrt(1.0 + (residuals[:data] / SOFT) ** 2) - 1.0))
        return robust + float(np.sum(residuals[data:] ** 2))

    def residuals(self, vector: FloatArray) -> FloatArray:
        """Return all residuals, those from what is expected last."""
        return self._residuals(vector, self._columns(vector, slopes=False))[0]

    def normal(self, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normal matrix and the gradient, weighted as the loss asks."""
        residuals, jacobian = self._residuals(vector, self._columns(vector, slopes=True))
        data = residuals.size - int(self.held.sum())
        weights = np.ones(residuals.size)
        weights[:data] = 1.0 / np.sqrt(1.0 + (residuals[:data] / SOFT) ** 2)
        weighted = jacobian * weights[:, None]
        return weighted.T @ jacobian, weighted.T @ residuals

    def _columns(self, vector: FloatArray, *, slopes: bool) -> FloatArray:
        """Return the model and, if asked for, its derivatives by the parameters, shape (m, 1 + 4 n)."""
        target, parameters = self.target, Parameters.from_vector(vector)
        if not slopes:
            return np.asarray(draw(parameters, target.shift_cm, target.resolution_cm).sum(axis=1)[:, None])
        bands, by = draw_with_derivatives(parameters, target.shift_cm, target.resolution_cm)
        return np.column_stack([bands.sum(axis=1), by])

    def _residuals(self, vector: FloatArray, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        target, held = self.target, self.held
        parts, jacobians = [], []
        derivatives = (target.wide, target.narrow)
        for weight, derivative, points in zip(WEIGHTS, derivatives, self.points, strict=False):
            derived = derivative.of(columns, target.step_cm)[points] / derivative.threshold
            goal = np.arcsinh(derivative.values[points] / derivative.threshold)
            parts.append(weight * (np.arcsinh(derived[:, 0]) - goal))
            jacobians.append(weight * derived[:, 1:] / np.sqrt(1.0 + derived[:, :1] ** 2))
        parts.append(self.scale * (columns[::2, 0] - target.intensity[::2]))
        jacobians.append(self.scale[:, None] * columns[::2, 1:])
        parts.append((vector[held] - self.start.expected[held]) / self.start.freedom[held])
        if columns.shape[1] > 1:
            prior = np.zeros((int(held.sum()), vector.size))
            prior[np.arange(len(prior)), np.flatnonzero(held)] = 1.0 / self.start.freedom[held]
            jacobians.append(prior)
            return np.concatenate(parts), np.vstack(jacobians)
        return np.concatenate(parts), np.zeros((0, 0))

    def solution(self, vector: FloatArray) -> Solution:
        """Return the bands with their uncertainties: what the residuals are, through the derivatives.

        The residuals of a derivative are alike over its window, so that a window's points count as one.
        """
        residuals, jacobian = self._residuals(vector, self._columns(vector, slopes=True))
        data = residuals.size - int(self.held.sum())
        together = window_points(self.target.narrow.width_cm, self.target.step_cm)
        free = max(data - vector.size / 2.0, data / 4.0)
        # The deviation of a robust fit: the bulk of the residuals says what is usual.
        variance = float(np.sum(np.minimum(np.abs(residuals[:data]), SOFT) ** 2)) / free * together
        normal = jacobian[:data].T @ jacobian[:data] / max(variance, 1e-12)
        count = vector.size // 4
        heights = normal[count : 2 * count, count : 2 * count]
        presence = np.sqrt(np.maximum(np.diag(np.linalg.pinv(heights, rcond=1e-12, hermitian=True)), 1e-12))
        # What is expected of a parameter counts as it stands.
        spread = np.linalg.pinv(normal + jacobian[data:].T @ jacobian[data:], rcond=1e-12, hermitian=True)
        deviation = np.sqrt(np.maximum(np.diag(spread), 0.0))
        return Solution(Parameters.from_vector(vector), deviation, 1.0 / presence)


def fitted_intensity(target: Target, parameters: Parameters) -> FloatArray:
    """Return the sum of bands on the target's axis, shape (m,)."""
    return np.asarray(draw(parameters, target.shift_cm, target.resolution_cm).sum(axis=1))


THRESHOLD_SHARE = THRESHOLD_FLOOR
"""No band is sought whose curvature is less than this share of the norm: the engine sees none."""
