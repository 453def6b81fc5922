"""Kernels of the compression: asinh of many values at once, and the cosine of what it gives.

Single precision: the references are kept so, and no instrument measures seven digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

Float32Array = NDArray[np.float32]

_MANTISSA = np.int32(0x007FFFFF)
_ONE_BITS = np.int32(0x3F800000)
_MANTISSA_BITS = np.int32(23)
_BIAS = np.int32(127)
_ZERO, _HALF, _ONE, _TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
_LN2 = np.float32(0.6931471805599453)
_SQRT2 = np.float32(1.4142135623730951)
_THIRD, _FIFTH, _SEVENTH, _NINTH = (np.float32(1.0 / k) for k in (3, 5, 7, 9))


@kernel(fastmath=True)
def compress(values: Float32Array, threshold: float, out: Float32Array) -> None:
    """Write asinh(values / threshold): linear in the noise, logarithmic above.

    asinh|x| = ln(|x| + √(x² + 1)); the logarithm is ln 2 times the exponent plus 2 artanh((m − 1)/(m + 1)) of
    the mantissa m in √½…√2, by its series to the 9th power (error below 1e-6). Written out because the
    compiler turns loops of these steps into vector instructions, and calls of `log` not.
    """
    n = values.size
    bits = out.view(np.int32)
    exponents = np.empty(n, np.float32)
    scale = _ONE / np.float32(threshold)
    for p in range(n):
        size = abs(values[p]) * scale
        out[p] = size + np.sqrt(size * size + _ONE)
    for p in range(n):
        exponents[p] = np.float32((bits[p] >> _MANTISSA_BITS) - _BIAS)
        bits[p] = (bits[p] & _MANTISSA) | _ONE_BITS
    for p in range(n):
        mantissa = out[p]
        high = mantissa > _SQRT2
        mantissa = _HALF * mantissa if high else mantissa
        exponent = exponents[p] + _ONE if high else exponents[p]
        ratio = (mantissa - _ONE) / (mantissa + _ONE)
        square = ratio * ratio
        series = _SEVENTH + square * _NINTH
        series = _FIFTH + square * series
        series = _THIRD + square * series
        logarithm = exponent * _LN2 + _TWO * ratio * (_ONE + square * series)
        out[p] = logarithm if values[p] >= _ZERO else -logarithm


@kernel(fastmath=True)
def weighted_cosine(first: Float32Array, second: Float32Array, weights: Float32Array) -> float:
    """Return the weighted cosine between two curves (m,); 0 when one is nothing."""
    dot = own = other = _ZERO
    for p in range(first.size):
        weighted = weights[p] * first[p]
        dot += weighted * second[p]
        own += weighted * first[p]
        other += weights[p] * second[p] * second[p]
    if own <= 0.0 or other <= 0.0:
        return 0.0
    return float(np.float64(dot) / np.sqrt(np.float64(own) * np.float64(other)))


@kernel(fastmath=True)
def agreement(
    compressed: Float32Array,
    fitted: Float32Array,
    weights: Float32Array,
    threshold: float,
    scratch: Float32Array,
) -> float:
    """Return the weighted cosine between a compressed query and a fit that is compressed here."""
    compress(fitted, threshold, scratch)
    return weighted_cosine(compressed, scratch, weights)
