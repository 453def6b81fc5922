"""Kernels of the compression: asinh of many values at once, and the cosine of what it gives.

Single precision: the references are kept so, and no instrument measures seven digits.
"""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import Float32Array
from spectriage.spectra.compile._kernels_vectors import split_float, widest, with_sign_of
from spectriage.spectra.compile.jit import kernel

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_LN2 = np.float32(0.6931471805599453 / 2**23)
"""Of an exponent as `split_float` gives it."""
_P0, _P1, _P2 = np.float32(0.33334080), np.float32(-0.25000928), np.float32(0.19957896)
_P3, _P4 = np.float32(-0.16589476), np.float32(0.14971727)
_P5, _P6 = np.float32(-0.14179679), np.float32(0.08433236)


@kernel(bare=True, fastmath=True)
def _asinh(value: np.float32) -> np.float32:
    """Return asinh of a value: ln(|x| + √(x² + 1)), with its sign.

    The logarithm is ln 2 times the exponent plus ln(1 + x) of the mantissa 1 + x in √½…√2, that is
    x − ½ x² + x³ P(x) with P fitted there (error below 2e-8). Written out because the compiler turns loops of
    these steps into vector instructions, and calls of `log` not.
    """
    size = abs(value)
    exponent, mantissa = split_float(size + np.sqrt(size * size + _ONE))
    x = mantissa - _ONE
    series = _P5 + x * _P6
    series = _P4 + x * series
    series = _P3 + x * series
    series = _P2 + x * series
    series = _P1 + x * series
    series = _P0 + x * series
    logarithm = exponent * _LN2 + (x + x * x * (x * series - _HALF))
    signed: np.float32 = with_sign_of(np.float32(logarithm), value)
    return signed


@kernel(bare=True, shared=True, fastmath=True)
def compress(values: Float32Array, threshold: float, out: Float32Array) -> None:
    """Write asinh(values / threshold): linear in the noise, logarithmic above."""
    widest()
    scale = _ONE / np.float32(threshold)
    for p in range(values.size):
        out[p] = _asinh(values[p] * scale)


@kernel(bare=True, fastmath=True)
def _cosine(dot: np.float32, own: np.float32, other: np.float32) -> float:
    if own <= _ZERO or other <= _ZERO:
        return 0.0
    # rounded sums may agree better than wholly
    return float(min(1.0, np.float64(dot) / np.sqrt(np.float64(own) * np.float64(other))))


@kernel(bare=True, fastmath=True)
def weighted_cosine(first: Float32Array, second: Float32Array, weights: Float32Array) -> float:
    """Return the weighted cosine between two curves (m,); 0 when one is nothing."""
    widest()
    dot = own = other = _ZERO
    for p in range(first.size):
        weighted = weights[p] * first[p]
        dot += weighted * second[p]
        own += weighted * first[p]
        other += weights[p] * second[p] * second[p]
    return _cosine(dot, own, other)


@kernel(bare=True, fastmath=True)
def agreement(
    compressed: Float32Array, fitted: Float32Array, weights: Float32Array, threshold: float
) -> float:
    """Return the weighted cosine between a compressed query and a fit that is compressed on the way."""
    widest()
    scale = _ONE / np.float32(threshold)
    dot = own = other = _ZERO
    for p in range(compressed.size):
        second = _asinh(fitted[p] * scale)
        weighted = weights[p] * compressed[p]
        dot += weighted * second
        own += weighted * compressed[p]
        other += weights[p] * second * second
    return _cosine(dot, own, other)
