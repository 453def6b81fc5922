"""Many baselines at once against one at a time, and the vector functions under both."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from spectriage.spectra.baseline import _kernels_baseline as plain
from spectriage.spectra.baseline import _kernels_baseline_arpls as stretches
from spectriage.spectra.baseline import _kernels_baseline_lanes as vectors
from spectriage.spectra.baseline import _kernels_baseline_split as split
from spectriage.spectra.baseline.many import arpls_batch, batch_fit
from spectriage.spectra.baseline.methods import airpls_fit, arpls_fit, asls_fit
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.errors import ParameterError

_spec = importlib.util.spec_from_file_location("baseline_cases", Path(__file__).with_name("test_methods.py"))
assert _spec is not None
assert _spec.loader is not None
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)
spectrum = cases.spectrum

FITS = {"arpls": arpls_fit, "airpls": airpls_fit, "asls": asls_fit}


def spectra(count: int, n: int) -> np.ndarray:
    kinds = ("raman", "noise", "negative", "spikes")
    return np.stack([spectrum(n, seed, kind=kinds[seed % 4]) for seed in range(count)])


def assert_same(values, fits, singles, tolerance=1e-8):
    for i, single in enumerate(singles):
        # airPLS may end on a line through two or three points; rounding then decides which, here as elsewhere
        if np.count_nonzero(single.weights) < 8 < single.weights.size:
            continue
        error = np.abs(fits.baselines[i] - single.baseline).max()
        assert error <= tolerance * np.ptp(values[i])
        assert fits.iterations[i] == single.iterations
        assert fits.stops[i] == single.stop


@pytest.mark.parametrize("method", FITS)
@pytest.mark.parametrize("n", [4, 8, 63, 64, 65, 200, 201, 1024])
@pytest.mark.parametrize("count", [1, 5, 6, 8, 9, 37])
def test_equals_one_at_a_time(method, n, count):
    values = spectra(count, n)
    fits = batch_fit(values, method, lam=1e4)
    assert_same(values, fits, [FITS[method](row, 1e4) for row in values])


def test_a_flat_row_and_a_row_of_zeros_are_their_own_baseline():
    values = spectra(20, 100)
    values[3] = 0.0
    values[7] = -12.5
    values[19] = 1e6
    fits = batch_fit(values)
    assert_same(values, fits, [arpls_fit(row) for row in values])
    assert np.array_equal(fits.baselines[[3, 7, 19]], values[[3, 7, 19]])
    assert np.array_equal(arpls_batch(np.ones((9, 70))), np.ones((9, 70)))


def test_threads_change_nothing():
    values = spectra(150, 128)
    once = batch_fit(values, tol=1e-4)
    shared = batch_fit(values, tol=1e-4, workers=3)
    assert np.abs(once.baselines - shared.baselines).max() <= 1e-8 * np.ptp(values)
    assert np.array_equal(once.iterations, shared.iterations)


def test_slow_rows_do_not_hold_the_others():
    values = spectra(30, 256)
    fits = batch_fit(values, tol=0.0, max_iter=4)
    assert set(fits.stops) == {"capped"}
    assert set(fits.iterations.tolist()) == {5}


def test_long_spectra_are_fitted_one_by_one():
    values = spectra(12, 6500)
    assert_same(values, batch_fit(values), [arpls_fit(row) for row in values])


def test_no_spectra_have_no_baselines():
    assert arpls_batch(np.empty((0, 50))).shape == (0, 50)


@pytest.mark.parametrize(
    ("values", "settings_", "message"),
    [
        (np.ones(50), {}, "1 dimensions, not 2"),
        (np.ones((3, 3)), {}, "3 points, fewer than 4"),
        (np.ones((3, 9)), {"workers": 0}, "workers is 0"),
        (np.ones((3, 9)), {"lam": -1.0}, "lam is -1"),
        (np.where(np.eye(3, 9) > 0, np.nan, 1.0), {}, "index 0, 0 "),
        (np.eye(3, 9) * 1e301, {}, "beyond 1e\\+300"),
    ],
)
def test_what_cannot_be_fitted_is_refused(values, settings_, message):
    with pytest.raises(ParameterError, match=message):
        arpls_batch(values, **settings_)


def test_an_unknown_method_and_a_singular_row_are_named():
    with pytest.raises(ParameterError, match="'modpoly' has no batch fit"):
        batch_fit(np.ones((2, 9)), "modpoly")
    values = np.ones((12, 100))
    values[5] = spectrum(100)
    with pytest.raises(ParameterError, match="spectrum 5: "):
        arpls_batch(values, 1e90)


@kernel()
def _apply(values, kind, out):
    for i in range(0, values.size, vectors.LANES):
        value = vectors.load(values, i)
        if kind == 0:
            vectors.store(out, i, vectors.logistic(value))
        else:
            vectors.store(out, i, vectors.exponential(value))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-690.0, 690.0), min_size=vectors.LANES, max_size=vectors.LANES))
def test_the_exponential_and_logistic_are_accurate(values):
    exponents = np.array(values)
    out = np.empty_like(exponents)
    _apply(exponents, 1, out)
    assert np.allclose(out, np.exp(exponents), rtol=4e-15, atol=0.0)
    _apply(exponents, 0, out)
    assert np.allclose(out, expit(-exponents), rtol=4e-15, atol=0.0)


@settings(max_examples=100, deadline=None)
@given(n=st.integers(64, 400), exponent=st.floats(-3.0, 4.0), seed=st.integers(0, 2**32 - 1))
def test_the_stretches_solve_the_same_system(n, exponent, seed):
    rng = np.random.default_rng(seed)
    y, weights, lam = rng.normal(0.0, 1.0, n), rng.uniform(0.01, 1.0, n), 10.0**exponent
    expected = np.empty(n)
    assert plain.solve_system(weights, lam, y, np.empty(n), np.empty(n), expected)
    found, first = np.empty(n), weights.copy()
    split.fit(y, 0.0, 1.0, lam, plain.ASLS, 0.5, 1.0, 0.0, 0, first, found, np.empty(1))
    assert np.abs(found - expected).max() < 1e-10
    assert np.allclose(first, weights, rtol=1e-14)
    stretches.fit(y, 0.0, 1.0, lam, 0.0, 0, first, found, np.empty(1))
    assert np.abs(found - expected).max() < 1e-10
    assert np.allclose(first, weights, rtol=1e-14)


@pytest.mark.full
@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v3"])
def test_other_processors_give_the_same(cpu, tmp_path):
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        pytest.skip("the processors to imitate are x86-64")
    code = (
        "import numpy as np, sys; from spectriage.spectra.baseline import arpls, arpls_batch;"
        "v = np.random.default_rng(0).normal(0, 1, (20, 300)).cumsum(axis=1);"
        "np.save(sys.argv[1], np.stack([arpls_batch(v, 1e3), [arpls(r, 1e3) for r in v]]))"
    )
    out = tmp_path / "found.npy"
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": cpu,
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }
    subprocess.run([sys.executable, "-c", code, str(out)], env=environment, check=True)
    values = np.random.default_rng(0).normal(0, 1, (20, 300)).cumsum(axis=1)
    for found in np.load(out):
        assert np.abs(found - arpls_batch(values, 1e3)).max() < 1e-8 * np.ptp(values)
