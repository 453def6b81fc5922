"""Kernels of the compression: asinh of many values at once, and the cosine of what it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

FloatArray = NDArray[np.float64]

_MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
_ONE = np.int64(0x3FF0000000000000)
_LN2 = 0.6931471805599453
_SQRT2 = 1.4142135623730951


@kernel(fastmath=True)
def compress(values: FloatArray, threshold: float, out: FloatArray) -> None:
    """Write asinh(values / threshold): linear in the noise, logarithmic above.

    asinh|x| = ln(|x| + √(x² + 1)); the logarithm is ln 2 times the exponent plus 2 artanh((m − 1)/(m + 1)) of
    the mantissa m in √½…√2, by its series to the 17th power (error below 1e-15). Written out because the
    compiler turns loops of these steps into vector instructions, and calls of `log` not.
    """
    n = values.size
    bits = out.view(np.int64)
    exponents = np.empty(n)
    scale = 1.0 / threshold
    for p in range(n):
        size = abs(values[p]) * scale
        out[p] = size + np.sqrt(size * size + 1.0)
    for p in range(n):
        exponents[p] = np.float64((bits[p] >> 52) - 1023)
        bits[p] = (bits[p] & _MANTISSA) | _ONE
    for p in range(n):
        mantissa = out[p]
        high = mantissa > _SQRT2
        mantissa = 0.5 * mantissa if high else mantissa
        exponent = exponents[p] + 1.0 if high else exponents[p]
        ratio = (mantissa - 1.0) / (mantissa + 1.0)
        square = ratio * ratio
        series = 1.0 / 15.0 + square * (1.0 / 17.0)
        series = 1.0 / 13.0 + square * series
        series = 1.0 / 11.0 + square * series
        series = 1.0 / 9.0 + square * series
        series = 1.0 / 7.0 + square * series
        series = 1.0 / 5.0 + square * series
        series = 1.0 / 3.0 + square * series
        logarithm = exponent * _LN2 + 2.0 * ratio * (1.0 + square * series)
        out[p] = logarithm if values[p] >= 0.0 else -logarithm


@kernel(fastmath=True)
def agreement(
    compressed: FloatArray, fitted: FloatArray, weights: FloatArray, threshold: float, scratch: FloatArray
) -> float:
    """Return the weighted cosine between a compressed query and a fit that is compressed here."""
    compress(fitted, threshold, scratch)
    dot = 0.0
    first = 0.0
    second = 0.0
    for p in range(compressed.size):
        weighted = weights[p] * compressed[p]
        dot += weighted * scratch[p]
        first += weighted * compressed[p]
        second += weights[p] * scratch[p] * scratch[p]
    if first <= 0.0 or second <= 0.0:
        return 0.0
    return float(dot / np.sqrt(first * second))
