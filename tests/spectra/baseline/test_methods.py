"""Baselines against pybaselines, and on input that breaks other implementations."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pybaselines import Baseline

from spectriage.spectra.baseline import methods as module
from spectriage.spectra.baseline.methods import (
    BaselineFit,
    airpls_fit,
    arpls,
    arpls_fit,
    asls_fit,
    baseline,
    baseline_methods,
)
from spectriage.spectra.errors import ParameterError

FITS = {"arpls": arpls_fit, "airpls": airpls_fit, "asls": asls_fit}
SIZES = (8, 9, 63, 64, 65, 127, 128, 255, 1000, 1024, 1031, 4096, 8192)


def spectrum(n: int, seed: int = 0, *, kind: str = "raman") -> np.ndarray:
    """A made-up spectrum of n points in counts."""
    rng = np.random.default_rng([seed, n])
    x = np.linspace(0.0, 1.0, n)
    noise = rng.normal(0.0, 5.0, n)
    if kind == "noise":
        return noise
    if kind == "negative":
        return -300.0 - 200.0 * x + noise
    if kind == "ramp":
        return 40.0 + 1000.0 * x
    if kind == "spikes":
        spikes = np.zeros(n)
        spikes[rng.integers(0, n, max(1, n // 50))] = rng.uniform(1e3, 1e5, max(1, n // 50))
        return 100.0 + noise + spikes
    bands = sum(
        height * np.exp(-(((x - centre) / 0.006) ** 2))
        for height, centre in zip(rng.uniform(50, 2000, 15), rng.random(15), strict=True)
    )
    return 800.0 * np.exp(-2.0 * x) + bands + noise


def oracle(values: np.ndarray, method: str, **parameters) -> tuple[np.ndarray, int]:
    """The baseline of pybaselines and how many systems it solved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted, record = getattr(Baseline(), method)(values, **parameters)
    return fitted, len(record["tol_history"])


def error_of_range(fit: BaselineFit, expected: np.ndarray, values: np.ndarray) -> float:
    return float(np.abs(fit.baseline - expected).max() / np.ptp(values))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("method", FITS)
@pytest.mark.parametrize("kind", ["raman", "noise", "negative", "spikes"])
def test_equals_the_oracle(method, n, kind):
    values = spectrum(n, kind=kind)
    expected, solved = oracle(values, method, lam=1e5)
    fit = FITS[method](values, 1e5)
    # Where a line passes through the only two points that weigh, rounding says whether they lie below it.
    assert fit.iterations == solved or fit.stop == "all above"
    assert error_of_range(fit, expected, values) < 1e-8


@pytest.mark.parametrize("lam", [1e-2, 1.0, 1e2, 1e3, 1e4, 1e6])
@pytest.mark.parametrize("n", [64, 1024, 8192])
def test_equals_the_oracle_at_other_smoothness(n, lam):
    values = spectrum(n, seed=3)
    expected, solved = oracle(values, "arpls", lam=lam)
    fit = arpls_fit(values, lam)
    assert fit.iterations == solved
    assert error_of_range(fit, expected, values) < 1e-8


def extended_precision_arpls(values: np.ndarray, lam: float, systems: int) -> np.ndarray:
    """Baek's iteration in extended precision, with a system solved as the paper writes it."""
    real = np.longdouble
    y = values.astype(real)
    n = y.size
    weights = np.ones(n, real)
    for _ in range(systems):
        bands = np.zeros((n, 5), real)
        for row in range(n - 2):  # λ DᵀD, one second difference after another
            for a, left in enumerate((1, -2, 1)):
                for b, right in enumerate((1, -2, 1)):
                    bands[row + a, 2 + b - a] += real(lam) * left * right
        bands[:, 2] += weights
        right_side = weights * y
        for i in range(n):  # Gauss, without exchanges: the matrix is positive definite
            for k in (1, 2):
                if i + k < n:
                    factor = bands[i + k, 2 - k] / bands[i, 2]
                    bands[i + k, 2 - k : 5 - k] -= factor * bands[i, 2:]
                    right_side[i + k] -= factor * right_side[i]
        z = np.zeros(n + 2, real)
        for i in range(n - 1, -1, -1):
            z[i] = (right_side[i] - bands[i, 3] * z[i + 1] - bands[i, 4] * z[i + 2]) / bands[i, 2]
        residual = y - z[:n]
        below = residual[residual < 0]
        std = below.std(ddof=1)
        weights = 1 / (1 + np.exp(2 / std * (residual - (2 * std - below.mean()))))
    return z[:n]


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here")
@pytest.mark.parametrize(("lam", "tolerance"), [(1e3, 1e-10), (1e5, 1e-9), (1e7, 1e-8)])
@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("n", [40, 300])
def test_is_as_accurate_as_double_precision_allows(n, offset, lam, tolerance):
    values = spectrum(n, seed=3) + offset
    fit = arpls_fit(values, lam, tol=0.0, max_iter=5)
    expected = extended_precision_arpls(values, lam, 6)
    assert error_of_range(fit, expected, values) < tolerance


@pytest.mark.parametrize("n", [256, 1024, 8192])
def test_equals_the_oracle_at_the_greatest_smoothness(n):
    # At λ = 1e7 both are about 1e-9 of the range from the exact result, pybaselines further where a constant
    # lies under the spectrum.
    values = spectrum(n, seed=5)
    expected, solved = oracle(values, "arpls", lam=1e7)
    fit = arpls_fit(values, 1e7)
    assert fit.iterations == solved
    assert error_of_range(fit, expected, values) < 1e-8


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(8, 600),
    seed=st.integers(0, 2**32 - 1),
    exponent=st.floats(0.0, 6.0),
    iterations=st.integers(0, 12),
    offset=st.floats(-100.0, 100.0),
)
def test_equals_the_oracle_at_equal_iterations(n, seed, exponent, iterations, offset):
    rng = np.random.default_rng(seed)
    values = rng.normal(0.0, 1.0, n) + rng.normal(0.0, 1.0, n).cumsum()
    settings_ = {"lam": 10.0**exponent, "tol": 0.0, "max_iter": iterations}
    # the oracle is given no constant to lose digits to
    expected, _ = oracle(values - values.min(), "arpls", **settings_)
    fit = arpls_fit(values + offset, **settings_)
    assert error_of_range(fit, expected + values.min() + offset, values) < 1e-8


@pytest.mark.parametrize("method", FITS)
@pytest.mark.parametrize("value", [0.0, 7.5, -3.0, 1e-300, 1e300])
def test_a_flat_spectrum_is_its_own_baseline(method, value):
    values = np.full(100, value)
    fit = FITS[method](values)
    assert np.array_equal(fit.baseline, values)
    assert fit.converged
    assert fit.iterations == 0


@pytest.mark.parametrize("n", [4, 8, 100, 1024, 8192])
def test_a_line_is_its_own_baseline(n):
    values = spectrum(n, kind="ramp")
    assert np.abs(arpls(values) - values).max() < 1e-7 * np.ptp(values)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e299])
def test_the_unit_does_not_matter(scale):
    values = spectrum(500)
    assert np.allclose(arpls(values * (scale / 1e3)) / (scale / 1e3), arpls(values), rtol=0, atol=1e-6)


def test_a_constant_and_a_slope_go_through():
    values = spectrum(1024)
    line = 1e5 + np.linspace(0.0, 1e4, values.size)
    assert np.allclose(arpls(values + line), arpls(values) + line, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", FITS)
def test_the_weights_belong_to_the_baseline(method):
    values = spectrum(300)
    for fit in (FITS[method](values), FITS[method](values, tol=0.0, max_iter=3)):
        n = values.size
        difference = np.diff(np.eye(n), 2, axis=0)
        lam = 1e5 if method == "arpls" else 1e6
        solved = np.linalg.solve(np.diag(fit.weights) + lam * difference.T @ difference, fit.weights * values)
        assert np.abs(solved - fit.baseline).max() < 1e-6 * np.ptp(values)


def test_the_cap_is_kept_and_said():
    fit = arpls_fit(spectrum(256), tol=0.0, max_iter=7)
    assert (fit.iterations, fit.stop, fit.converged, fit.changes.size) == (8, "capped", False, 8)
    assert arpls_fit(spectrum(256)).changes[-1] < 1e-3


@pytest.mark.parametrize("index", [0, 17, 99])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(index, bad):
    values = spectrum(100)
    values[index] = bad
    with pytest.raises(ParameterError, match=rf"index {index} "):
        arpls(values)
    with pytest.raises(ParameterError, match=rf"index {index} "):
        baseline(values, "modpoly")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lam": 0.0}, "lam is 0"),
        ({"lam": -1.0}, "lam is -1"),
        ({"lam": 5e-324}, "lam is 5e-324"),
        ({"lam": np.inf}, "lam is inf"),
        ({"lam": np.nan}, "lam is nan"),
        ({"tol": -1e-3}, "tol is"),
        ({"tol": np.nan}, "tol is"),
        ({"max_iter": -1}, "max_iter is -1"),
        ({"max_iter": 10**9}, "max_iter is 1000000000"),
        ({"weights": np.ones(5)}, "weights has 5 points, intensity 20"),
        ({"weights": -np.ones(20)}, "weights is negative at index 0"),
        ({"weights": np.eye(20)[3]}, "fewer than two"),
        ({"weights": np.full(20, np.nan)}, "weights is not finite at index 0"),
    ],
)
def test_settings_outside_their_range_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        arpls(spectrum(20), **arguments)


@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 2.0, 4.0], np.ones((4, 4)), "text", [1.0, "x"], [1e308, -1e308, 0, 0]]
)
def test_what_is_not_a_spectrum_is_refused(values):
    with pytest.raises(ParameterError):
        arpls(values)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, np.nan])
def test_asls_refuses_its_asymmetry(p):
    with pytest.raises(ParameterError, match="p is"):
        asls_fit(spectrum(20), p=p)


def test_first_weights_are_used_as_the_oracle_does():
    values = spectrum(400)
    first = np.random.default_rng(1).random(400)
    kept = first.copy()
    expected, _ = oracle(values, "arpls", lam=1e4, max_iter=2, weights=first.copy())
    fit = arpls_fit(values, 1e4, max_iter=2, weights=first)
    assert error_of_range(fit, expected, values) < 1e-8
    assert np.array_equal(first, kept)


def test_too_few_points_below_ends_as_the_oracle_does():
    values = np.zeros(50)
    values[10:20] = 1e6
    weights = np.zeros(50)
    weights[[0, 49]] = 1.0
    values[0] = values[49] = -1.0
    fit = arpls_fit(values, 1.0, weights=weights)
    assert fit.stop == "all above"
    assert np.isfinite(fit.baseline).all()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0, -1.0, 5e-324]),
        min_size=4,
        max_size=300,
    ),
    st.sampled_from(["arpls", "airpls", "asls"]),
    st.sampled_from([1e-100, 1e-6, 1.0, 1e5, 1e9]),
)
def test_any_finite_spectrum_gets_a_finite_answer(values, method, lam):
    fit = FITS[method](values, lam)
    assert fit.baseline.shape == (len(values),)
    assert np.isfinite(fit.baseline).all()
    assert fit.iterations <= 51


@pytest.mark.parametrize("n", [20, 200])
def test_a_system_beyond_double_precision_is_refused(n):
    with pytest.raises(ParameterError, match=r"lam 1e\+90 is singular"):
        arpls(spectrum(n), 1e90)


NEEDED = {
    "interp_pts": {"baseline_points": ((0, 0.0), (99, 0.0))},
    "peak_filling": {"half_window": 5},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", baseline_methods())
def test_every_method_of_the_oracle_by_name(method):
    values = spectrum(200)
    axis = np.linspace(200.0, 1800.0, 200)
    if method == "collab_pls":
        assert baseline(np.stack([values, 2 * values]), method, shift=axis).shape == (2, 200)
        return
    fitted = baseline(values, method, shift=axis, **NEEDED.get(method, {}))
    assert fitted.shape == (200,)
    assert np.isfinite(fitted).all()


def test_names_and_their_parameters():
    values = spectrum(200)
    assert {"arpls", "airpls", "asls", "modpoly", "snip"} <= set(baseline_methods())
    assert np.array_equal(baseline(values), arpls(values))
    assert np.array_equal(baseline(values, "arPLS", lam=1e3), arpls(values, 1e3))
    first_order, _ = Baseline().arpls(values, diff_order=1)
    assert np.array_equal(baseline(values, "arpls", diff_order=1), first_order)
    with pytest.raises(ParameterError, match=r"no baseline method is called 'arplss' .*arpls"):
        baseline(values, "arplss")
    with pytest.raises(ParameterError, match="modpoly has no parameter lamb"):
        baseline(values, "modpoly", lamb=3)
    with pytest.raises(ParameterError, match="arpls has no parameter polynomial"):
        baseline(values, polynomial=3)
    with pytest.raises(ParameterError, match="_setup_whittaker"):
        baseline(values, "_setup_whittaker")
    with pytest.raises(ParameterError, match="shift has 3 points"):
        baseline(values, "modpoly", shift=[1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match="modpoly failed"):
        baseline(values, "modpoly", poly_order=-4)


def test_pybaselines_is_not_imported_with_the_module():
    import subprocess
    import sys

    code = f"import sys, {module.__name__}; sys.exit('pybaselines' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
