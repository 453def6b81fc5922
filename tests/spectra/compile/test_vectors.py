"""What kernels ask of the compiler, against NumPy and against what it was asked."""

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.compile._kernels_vectors import (
    float_of_upper,
    split_float,
    widest,
    with_sign_of,
)


@numba.njit(error_model="numpy")
def parts_of(value):
    widest()
    return split_float(np.float32(value))


@numba.njit(error_model="numpy")
def whole_of(bits):
    return float_of_upper(np.uint16(bits))


@settings(deadline=None)  # the first call compiles
@given(st.floats(2.0**-100, 2.0**100, width=32))
def test_a_float_is_its_mantissa_times_a_power_of_two(value):
    shifted, mantissa = parts_of(value)
    exponent = shifted / 2**23
    assert exponent == round(exponent)
    assert np.sqrt(0.5) * (1 - 1e-6) <= mantissa <= np.sqrt(2.0) * (1 + 1e-6)
    assert np.float64(mantissa) * 2.0 ** np.float64(exponent) == value


@settings(deadline=None)
@given(st.integers(0, 2**16 - 1))
def test_the_upper_half_of_a_float_is_that_of_numpy(bits):
    expected = np.array([bits << 16], np.uint32).view(np.float32)[0]
    assert np.array_equal(np.float32(whole_of(bits)), expected, equal_nan=True)


@numba.njit(error_model="numpy")
def signed(size, value):
    return with_sign_of(np.float32(size), np.float32(value))


@settings(deadline=None)
@given(st.floats(0.0, width=32), st.floats(width=32))
def test_a_number_takes_the_sign_of_another(size, value):
    found = signed(size, value)
    assert abs(found) == size
    assert np.signbit(found) == np.signbit(np.float32(value))


def test_the_compiler_is_asked_for_the_widest_vectors():
    parts_of(1.0)
    asked = '"prefer-vector-width"="512"'
    assert all(asked in code for code in parts_of.inspect_llvm().values())
