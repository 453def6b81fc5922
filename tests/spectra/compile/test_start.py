"""What a new process loads: nothing that an identification does not need, and nothing taken from others."""

import subprocess
import sys

import pytest

ENGINE = """
import sys
import numpy as np
from spectriage.spectra import Reference, ReferenceSet, Spectrum
from spectriage.spectra.signal.grid import DEFAULT_GRID
from spectriage.spectra.identify import Identifier
shift = DEFAULT_GRID.shift
rows = np.stack([np.exp(-(((shift - c) / 8.0) ** 2)) for c in (500.0, 900.0)]).astype(np.float32)
engine = Identifier(ReferenceSet((Reference("a", "a"), Reference("b", "b")), shift, rows))
result = engine.identify(Spectrum(shift, 100.0 + 1e4 * rows[0].astype(float)))
assert result.candidates[0].reference.id == "a"
"""
DOT = """
import numba
@numba.njit
def product(a, b):
    return np.dot(a, b), np.correlate(a[0], b[0])
whole, line = product(np.eye(3), 2.0 * np.eye(3))
assert np.array_equal(whole, 2.0 * np.eye(3)) and line[0] == 2.0
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_identification_needs_no_linear_algebra_of_scipy():
    loaded = run(ENGINE + "print(*(name for name in sys.modules if name.startswith('scipy.linalg')))")
    assert loaded == ""


@pytest.mark.parametrize("before", [True, False])
def test_a_callers_own_kernels_still_multiply_matrices(before):
    """Whether they were compiled before the engine was imported, or after."""
    first, then = ("import numpy as np\n" + DOT, ENGINE) if before else (ENGINE, DOT)
    run(first + then)
