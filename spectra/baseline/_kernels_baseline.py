"""Reweighted Whittaker smoothing, one spectrum, one point after another.

The system of every iteration is ``(W + λ DᵀD) z = W y`` with D the second difference. It is solved
divided by λ, so that the off-diagonals are the integers of DᵀD and the pivots are of order one:

    DᵀD = pentadiagonal, diagonal 1 5 6 … 6 5 1, then -2 -4 … -4 -2, then 1 … 1

This is the plain form, used for short spectra and as the yardstick of the one in lanes.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.baseline._kernels_baseline_lanes import (
    LANES,
    lane_of,
    least,
    load,
    spread,
    total,
    where_less,
)
from spectriage.spectra.compile.jit import kernel

ARPLS, AIRPLS, ASLS = 0, 1, 2
CONVERGED, CAPPED, ALL_ABOVE, SINGULAR = 0, 1, 2, 3
# Beyond this exponent a logistic weight is below 1e-43: nothing to the fit, and no denormal numbers after it.
STEEPEST = 100.0


@kernel()
def first_not_finite(values: FloatArray) -> int:
    """Return the index of the first value that is not finite, -1 when there is none."""
    for i in range(values.size):
        if not np.isfinite(values[i]):
            return i
    return -1


@kernel()
def extremes(values: FloatArray) -> tuple[float, float]:
    """Return the least and the greatest value, both nan when a value is not finite."""
    low, high, zeros = spread(np.inf), spread(-np.inf), spread(0.0)
    whole = values.size - values.size % LANES
    for at in range(0, whole, LANES):
        value = load(values, at)
        low, high = least(value, low), where_less(high, value, value, high)
        zeros = zeros + (value - value)  # nan or zero
    bottom, top, zero = np.inf, -np.inf, total(zeros)
    for lane in range(LANES):
        bottom, top = min(bottom, lane_of(low, lane)), max(top, lane_of(high, lane))
    for i in range(whole, values.size):
        bottom, top = min(bottom, values[i]), max(top, values[i])
        zero += values[i] - values[i]
    return bottom + zero, top + zero


@kernel()
def solve_system(
    weights: FloatArray, lam: float, y: FloatArray, factor: FloatArray, inverse: FloatArray, z: FloatArray
) -> bool:
    """Solve the system by LDLᵀ into `z`; False when a pivot is not positive."""
    n = y.size
    scale = 1.0 / lam
    inverse_1 = inverse_2 = factor_1 = z_1 = z_2 = 0.0
    coupling = 0.0
    for i in range(n):
        edge = min(i, n - 1 - i)
        v = weights[i] * scale
        diagonal = (1.0 if edge == 0 else (5.0 if edge == 1 else 6.0)) + v
        pivot = diagonal - coupling * factor_1 - inverse_2
        if not pivot > 0.0:
            return False
        z_0 = v * y[i] - factor_1 * z_1 - inverse_2 * z_2
        next_off = -2.0 if (i == 0 or i == n - 2) else -4.0
        # the second off-diagonal couples i-1 with i+1, and does not exist for i = 0
        coupling = next_off - (factor_1 if i > 0 else 0.0)
        inverse_2 = inverse_1
        inverse_1 = 1.0 / pivot
        factor_1 = coupling * inverse_1
        z_2 = z_1
        z_1 = z_0
        inverse[i] = inverse_1
        factor[i] = factor_1
        z[i] = z_0
    z[n - 1] *= inverse[n - 1]
    z[n - 2] = z[n - 2] * inverse[n - 2] - factor[n - 2] * z[n - 1]
    for i in range(n - 3, -1, -1):
        z[i] = inverse[i] * (z[i] - z[i + 2]) - factor[i] * z[i + 1]
    return True


@kernel()
def arpls_weights(y: FloatArray, z: FloatArray, new: FloatArray) -> bool:
    """Write the logistic weights of Baek et al. (2015); False when fewer than two points lie below `z`."""
    n = y.size
    count = 0
    total = 0.0
    for i in range(n):
        residual = y[i] - z[i]
        if residual < 0.0:
            count += 1
            total += residual
    if count < 2:
        return False
    mean = total / count
    square = 0.0
    for i in range(n):
        residual = y[i] - z[i]
        if residual < 0.0:
            square += (residual - mean) ** 2
    std = np.sqrt(square / (count - 1))
    if std == 0.0:
        std = np.finfo(np.float64).eps
    centre = 2.0 * std - mean
    for i in range(n):
        exponent = 2.0 / std * (y[i] - z[i] - centre)
        new[i] = 1.0 / (1.0 + np.exp(min(exponent, STEEPEST)))
    return True


@kernel()
def airpls_weights(y: FloatArray, z: FloatArray, iteration: int, new: FloatArray) -> float:
    """Write the weights of Zhang et al. (2010); return the sum below `z`, -1 when not two points are."""
    count = 0
    total = 0.0
    for i in range(y.size):
        residual = y[i] - z[i]
        if residual < 0.0:
            count += 1
            total -= residual
    if count < 2:
        return -1.0
    slope = min(iteration, 50) / total
    for i in range(y.size):
        residual = y[i] - z[i]
        new[i] = np.exp(-slope * residual) if residual < 0.0 else 0.0
    return total


@kernel()
def reweigh(
    y: FloatArray, z: FloatArray, weights: FloatArray, new: FloatArray, method: int, asymmetry: float
) -> float:
    """Write the weights of arPLS or asLS; return their relative change, -1 when not two points are below."""
    if method == ARPLS:
        if not arpls_weights(y, z, new):
            return -1.0
    else:
        for i in range(y.size):
            new[i] = asymmetry if y[i] > z[i] else 1.0 - asymmetry
    moved = 0.0
    size = 0.0
    for i in range(y.size):
        moved += (new[i] - weights[i]) ** 2
        size += weights[i] ** 2
    return float(np.sqrt(moved) / max(np.sqrt(size), np.finfo(np.float64).eps))


@kernel()
def fit(
    values: FloatArray,
    low: float,
    extent: float,
    lam: float,
    method: int,
    asymmetry: float,
    norm: float,
    tol: float,
    done: int,
    weights: FloatArray,
    baseline: FloatArray,
    history: FloatArray,
) -> tuple[int, int]:
    """Iterate to convergence, at most ``history.size`` times; return the status and the systems solved.

    The fit is made on ``(values - low) / extent``: a line is its own baseline, so nothing is lost, and what
    rounding loses is then a part of the range, not of a constant under it; `low` is the least value because
    baselines lie low. `norm` is Σ|values| / extent, what airPLS compares with. The fit goes on from `weights`
    after `done` systems, and returns there those `baseline` was solved with; `history` receives the change in
    each iteration.
    """
    n = values.size
    y = (values - low) * (1.0 / extent)
    factor, inverse, z, trial = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    new = np.empty(n)
    current = weights.copy()
    status, solved = CAPPED, done
    for iteration in range(done, history.size):
        if not solve_system(current, lam, y, factor, inverse, trial):
            status = SINGULAR
            break
        solved = iteration + 1
        z[:] = trial
        weights[:] = current
        if method == AIRPLS:
            change = airpls_weights(y, z, solved, new) / norm
        else:
            change = reweigh(y, z, current, new, method, asymmetry)
        if change < 0.0:
            status = ALL_ABOVE
            break
        history[iteration] = change
        if change < tol:
            status = CONVERGED
            break
        current, new = new, current
    if solved > done:
        baseline[:] = z * extent + low
    return status, solved
