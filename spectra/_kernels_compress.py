"""Kernels of the compression: asinh of many values at once, and the cosine of what it gives.

Single precision: the references are kept so, and no instrument measures seven digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._jit import kernel

Float32Array = NDArray[np.float32]

_ROOT_HALF_BITS = np.int32(0x3F3504F3)
_MANTISSA_BITS = np.int32(23)
_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_LN2 = np.float32(0.6931471805599453)
_P0, _P1, _P2 = np.float32(0.33334080), np.float32(-0.25000928), np.float32(0.19957896)
_P3, _P4 = np.float32(-0.16589476), np.float32(0.14971727)
_P5, _P6 = np.float32(-0.14179679), np.float32(0.08433236)


@kernel(fastmath=True)
def compress(values: Float32Array, threshold: float, out: Float32Array) -> None:
    """Write asinh(values / threshold): linear in the noise, logarithmic above.

    asinh|x| = ln(|x| + √(x² + 1)); the logarithm is ln 2 times the exponent plus ln(1 + x) of the mantissa
    1 + x in √½…√2, that is x − ½ x² + x³ P(x) with P fitted there (error below 2e-8). Written out because
    the compiler turns loops of these steps into vector instructions, and calls of `log` not.
    """
    n = values.size
    bits = out.view(np.int32)
    exponents = np.empty(n, np.int32)
    scale = _ONE / np.float32(threshold)
    for p in range(n):
        size = abs(values[p]) * scale
        out[p] = size + np.sqrt(size * size + _ONE)
    for p in range(n):
        exponent = (bits[p] - _ROOT_HALF_BITS) >> _MANTISSA_BITS
        exponents[p] = exponent
        bits[p] -= exponent << _MANTISSA_BITS
    for p in range(n):
        x = out[p] - _ONE
        series = _P5 + x * _P6
        series = _P4 + x * series
        series = _P3 + x * series
        series = _P2 + x * series
        series = _P1 + x * series
        series = _P0 + x * series
        logarithm = np.float32(exponents[p]) * _LN2 + (x + x * x * (x * series - _HALF))
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
    # rounded sums may agree better than wholly
    return float(min(1.0, np.float64(dot) / np.sqrt(np.float64(own) * np.float64(other))))


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
