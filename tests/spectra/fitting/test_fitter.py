"""The non-negative fit against SciPy's, and the measure of what a component is worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from spectriage.spectra import Spectrum
from spectriage.spectra.contrast._kernels_coarse import best_allowed, best_moves
from spectriage.spectra.contrast._kernels_compress import agreement
from spectriage.spectra.contrast.rows import BROADENINGS_CM
from spectriage.spectra.fitting._kernels_additions import log_gain as log_gain_of
from spectriage.spectra.fitting._kernels_additions import weigh
from spectriage.spectra.fitting._kernels_fit import fit_rows, write_errors
from spectriage.spectra.fitting._kernels_memory import Workspace
from spectriage.spectra.fitting._kernels_nonnegative import (
    minimise,
    solve_four,
    solve_one,
    solve_three,
    solve_two,
)
from spectriage.spectra.fitting.fit import MIN_DISAGREEMENT, Axis
from spectriage.spectra.fitting.fitter import (
    RELATIVE_ERROR,
    REWEIGHTINGS,
    SETTINGS,
    UNMEASURED_WEIGHT,
    Fitter,
)


def solved(gram, target, solution):
    """What is solved for in registers of a system, its upper half not to be used."""
    if target.size == 4:
        return solve_four(np.where(np.tri(4, dtype=bool), gram, np.nan), target, solution)
    solve = (solve_one, solve_two, solve_three)[target.size - 1]
    return solve(*gram[np.tril_indices(target.size)].tolist(), *target.tolist(), solution)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.floats(0.0, 0.9), st.booleans())
@settings(max_examples=150, deadline=None)
def test_non_negative_least_squares_is_that_of_scipy(seed, columns, overlap, warm):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(60, columns)) + overlap * rng.normal(size=(60, 1))
    b = a @ rng.normal(size=columns) + 0.1 * rng.normal(size=60)
    gram, target = a.T @ a, a.T @ b
    solution = rng.uniform(0, 2, columns) if warm else np.zeros(columns)
    # the half that is to be written has nothing in it that could be used
    half = np.where(np.tri(columns, dtype=bool), gram, np.nan)
    free, factor, room = np.full(columns, -1, np.intp), np.full((columns, columns), np.nan), np.empty(columns)
    minimise(half, target, solution, free, factor, room)
    expected, residual = nnls(a, b)
    assert np.all(solution >= 0.0)
    np.testing.assert_allclose(solution, expected, atol=1e-4 * max(1.0, expected.max()))
    assert np.linalg.norm(a @ solution - b) <= residual * (1 + 1e-6) + 1e-9


def test_columns_of_nothing_get_nothing():
    solution, free, room = np.array([3.0, 3.0]), np.empty(2, np.intp), np.empty(2)
    minimise(np.diag([0.0, 2.0]), np.array([1.0, 4.0]), solution, free, np.empty((2, 2)), room)
    np.testing.assert_allclose(solution, [0.0, 2.0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(0.0, 0.95), st.sampled_from([1e-9, 1.0, 1e9]))
@settings(max_examples=300, deadline=None)
def test_up_to_four_are_solved_for_as_by_scipy_or_not_at_all(seed, columns, overlap, size):
    rng = np.random.default_rng(seed)
    a = size * (rng.normal(size=(60, columns)) + overlap * rng.normal(size=(60, 1)))
    b = a @ rng.uniform(-0.3, 1.0, columns) + 0.1 * size * rng.normal(size=60)
    expected, _ = nnls(a, b)
    solution = np.full(columns, np.nan)
    if solved(a.T @ a, a.T @ b, solution):
        np.testing.assert_allclose(solution, expected, rtol=1e-8, atol=1e-8)
    else:
        # one but the last would not be positive
        assert not expected[:-1].all()
        assert np.isnan(solution).all()


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_what_is_singular_or_no_number_is_not_solved_for(columns):
    solution = np.full(columns, np.nan)
    for gram in (
        np.ones((columns, columns)),
        np.zeros((columns, columns)),
        np.full((columns, columns), np.nan),
    ):
        assert not solved(gram, np.ones(columns), solution)
    # each pivot in turn is rounding
    for pivot in range(1, columns):
        lower = np.tri(columns)
        lower[pivot, pivot] = 3e-4
        gram = lower @ lower.T
        assert not solved(gram, gram.sum(1), solution)
        lower[pivot, pivot] = 1e-2
        gram = lower @ lower.T
        assert solved(gram, gram.sum(1), solution)
        np.testing.assert_allclose(solution, 1.0, rtol=1e-9)
    # of a product of eight sums nothing is left
    tiny = 1e-38 * (np.eye(columns) + 0.5)
    if columns == 4:
        assert not solved(tiny, tiny.sum(1), solution)


def test_of_nothing_there_is_nothing():
    solution = np.array([3.0])
    assert solve_one(0.0, 1.0, solution)
    assert solution[0] == 0.0


def reweighted(rows, query, weights, threshold, error, iterations):
    """The documented fit, written with SciPy's solver."""
    fitted = np.zeros_like(query)
    for _ in range(iterations):
        signal = np.maximum(np.abs(query), np.abs(fitted))
        root = np.sqrt(weights / (threshold**2 + error**2 * signal**2))
        amplitudes, _ = nnls((rows * root).T, query * root)
        fitted = amplitudes @ rows
    return amplitudes, fitted


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([1e-3, 1e-2, 0.1]), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_the_reweighted_fit_is_that_of_scipy(seed, count, threshold, extra):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 150))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = rng.uniform(-0.2, 1.0, count) @ rows + 0.02 * rng.normal(size=150)
    weights = rng.choice([0.0, 0.5, 1.0], 150)
    amplitudes, fitted = np.zeros(count), np.zeros(150, np.float32)
    single = [array.astype(np.float32) for array in (rows, query, weights)]
    errors = np.full(150, np.nan, np.float32)
    write_errors(single[1], threshold, SETTINGS, errors)
    # room for as many or more, with nothing in it that could be used
    room = count + extra
    work, free = np.full((2 * room + 3, room), np.nan), np.full(room, -1, np.intp)
    space = Workspace(work, free, np.full(150, np.nan, np.float32))
    fit_rows(*single, errors, threshold, SETTINGS, amplitudes, fitted, space)
    expected, expected_fit = reweighted(rows, query, weights, threshold, 0.3, 3)
    np.testing.assert_allclose(amplitudes, expected, atol=2e-5)
    np.testing.assert_allclose(fitted, expected_fit, atol=2e-5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_agreement_is_a_weighted_cosine(seed):
    rng = np.random.default_rng(seed)
    compressed, fitted, weights = rng.normal(size=100), rng.normal(size=100), rng.random(100)
    other = np.arcsinh(fitted / 0.2)
    root = np.sqrt(weights)
    expected = np.corrcoef(np.r_[root * compressed, -root * compressed], np.r_[root * other, -root * other])
    query, fit, weight = (array.astype(np.float32) for array in (compressed, fitted, weights))
    assert agreement(query, fit, weight, 0.2) == pytest.approx(expected[0, 1], abs=1e-6)
    assert agreement(query, np.zeros_like(fit), weight, 0.2) == 0.0


def log_gain(before: float, after: float) -> float:
    return log_gain_of(before, after, MIN_DISAGREEMENT)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(0.0, 0.0, 0.0), (0.5, 0.75, np.log(2.0)), (0.0, 0.9, np.log(10.0)), (0.8, 0.6, -np.log(2.0))],
)
def test_the_log_gain(before, after, expected):
    assert log_gain(before, after) == pytest.approx(expected)


def test_the_log_gain_of_a_perfect_fit_is_finite():
    assert np.isfinite(log_gain(0.5, 1.0))
    assert log_gain(1.0, 1.0) == 0.0
    assert log_gain(0.0, 1.0) > log_gain(0.0, 0.99)


@pytest.fixture(scope="module")
def fitter(engine, sample) -> Fitter:
    mixed = sample({"caffeine-anhydrous-wasatch": 0.6, "mannitol-beta": 0.4}, seed=3)
    return Fitter(engine.index, mixed)


@pytest.fixture(scope="module")
def rows(row_of) -> tuple[int, ...]:
    names = ("caffeine-anhydrous-wasatch", "mannitol-beta", "talc-rruff")
    return tuple(row_of[name] for name in names)


def weights_of(fitter, rows):
    """The documented weights: 0 outside the query, less outside a component's range."""
    weights = fitter.query.valid.astype(float)
    for holds in fitter.index.rows.holds(rows):
        weights[fitter.query.valid & ~holds] = UNMEASURED_WEIGHT
    return weights


def test_a_fit_is_that_of_the_formulas(fitter, rows):
    fit = fitter.fit(rows, Axis())
    stack = np.stack([fitter.index.rows.row(row) for row in rows])
    weights = weights_of(fitter, rows)
    amplitudes, fitted = reweighted(
        stack, fitter.query.derivative, weights, fitter.query.threshold, RELATIVE_ERROR, REWEIGHTINGS
    )
    np.testing.assert_allclose(fit.amplitudes, amplitudes, atol=1e-4)
    np.testing.assert_allclose(fit.fitted, fitted, atol=1e-4 * np.abs(fitted).max())
    other = np.arcsinh(fitted / fitter.query.threshold)
    query = fitter.query.compressed
    expected = (weights * query) @ other / np.sqrt(((weights * query) @ query) * ((weights * other) @ other))
    assert fit.similarity == pytest.approx(expected, abs=1e-4)
    assert fit.disagreement == pytest.approx(1.0 - expected, abs=1e-4)


def test_what_was_not_put_in_gets_little(fitter, rows):
    caffeine, mannitol, talc = fitter.fit(rows, Axis()).amplitudes
    assert caffeine > 0.1
    assert mannitol > 0.1
    assert talc < 0.02


def test_a_necessary_component_gains_and_another_does_not(fitter, rows):
    caffeine, mannitol, talc = rows
    base = fitter.fit((caffeine,), Axis())
    needed, useless = fitter.gains(base, [mannitol, talc])
    assert needed > 0.5
    assert abs(useless) < 0.05
    for row, gain in zip((mannitol, talc), (needed, useless), strict=True):
        whole = fitter.with_row(base, row)
        assert whole.rows == (caffeine, row)
        # a loss refits the rest where the whole holds, a gain does not
        assert fitter.losses(whole)[1] == pytest.approx(gain, abs=1e-3)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 69))
@settings(max_examples=40, deadline=None)
def test_weights_are_those_of_the_definition(seed, count, start):
    rng = np.random.default_rng(seed)
    valid, ranges = rng.random(70) < 0.8, rng.random((3, 70)) < 0.7
    numbers, places = rng.integers(0, 3, 9), rng.integers(0, 9, count)
    weights = np.full(70 - start, np.nan, np.float32)
    weigh(valid, ranges, numbers, places, 0.5, start, weights)
    whole = np.all([ranges[numbers[place]] for place in places], axis=0)
    np.testing.assert_array_equal(weights, np.where(valid, np.where(whole, 1.0, 0.5), 0.0)[start:])


def test_nothing_fits_nothing(fitter):
    fit = fitter.fit((), Axis())
    assert fit.similarity == 0.0
    assert not fit.fitted.any()
    assert fitter.gains(fit, []).size == 0


@pytest.mark.parametrize("offset", [-6.0, -3.0, 4.0, 7.0])
def test_the_axis_is_found_with_the_fit(engine, sample, row_of, offset):
    row = row_of["caffeine-anhydrous-wasatch"]
    moved = sample({"caffeine-anhydrous-wasatch": 1.0}, seed=5, times=0.3, offset_cm=offset)
    best = Fitter(engine.index, moved).first(np.ones(len(engine.references), bool))[0]
    assert best.row == row
    assert best.axis.offset_cm == pytest.approx(-offset, abs=2.0)


def test_a_blurred_query_is_compared_at_its_own_resolution(engine, library, row_of):
    row = row_of["caffeine-anhydrous-wasatch"]
    values = np.nan_to_num(library.spectra[row].astype(float))
    window = np.exp(-0.5 * np.square(np.arange(-30, 31) * 2.0 / (12.0 / 2.3548)))
    rng = np.random.default_rng(1)
    blurred = np.convolve(values, window / window.sum(), "same") + rng.normal(
        scale=0.002 * values.max(), size=values.size
    )
    fitter = Fitter(engine.index, Spectrum(library.shift, blurred))
    sharp = fitter.fit((row,), Axis())
    assert fitter.refine(sharp.rows, sharp.axis).axis.broadening_cm > 0.0
    assert fitter.refine(sharp.rows, sharp.axis).similarity > sharp.similarity


def test_rows_that_are_not_allowed_are_not_proposed(fitter, rows):
    allowed = np.ones(len(fitter.index), bool)
    allowed[list(rows)] = False
    base = fitter.fit((rows[0],), Axis())
    assert not {single.row for single in fitter.first(allowed)} & set(rows)
    assert not set(fitter.likeliest(base, allowed)) & set(rows)
    assert rows[1] in fitter.likeliest(base, np.ones(len(fitter.index), bool))


def test_removing_each_is_fitting_the_others_where_the_whole_holds(fitter, rows):
    whole = fitter.fit(rows, Axis())
    query, weights = fitter.query, weights_of(fitter, rows)
    for position, loss in enumerate(fitter.losses(whole)):
        stack = np.stack([fitter.index.rows.row(row) for row in whole.without(position)]).astype(float)
        _, fitted = reweighted(
            stack, query.derivative, weights, query.threshold, RELATIVE_ERROR, REWEIGHTINGS
        )
        root = np.sqrt(weights)
        seen, other = root * query.compressed, root * np.arcsinh(fitted / query.threshold)
        left = seen @ other / np.linalg.norm(seen) / np.linalg.norm(other)
        assert loss == pytest.approx(log_gain(left, whole.similarity), abs=1e-4)
    alone = fitter.fit(rows[:1], Axis())
    assert fitter.losses(alone)[0] == pytest.approx(log_gain(0.0, alone.similarity))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_joining_each_is_fitting_it_with_the_model(fitter, rows, count):
    base = fitter.fit(rows[:count], Axis())
    added = fitter.add_each(base, rows[count:], (0, count + 1))
    gains = fitter.gains(base, rows[count:])
    for place, row in enumerate(rows[count:]):
        larger = fitter.with_row(base, row)
        assert added.similarity[place] == pytest.approx(larger.similarity, abs=1e-6)
        np.testing.assert_allclose(added.amplitudes[place], larger.amplitudes, atol=1e-5)
        np.testing.assert_allclose(added.losses[place], fitter.losses(larger), atol=1e-5)
        # a gain keeps the model's fit, a loss fits it again where the whole holds
        assert added.losses[place, -1] == pytest.approx(gains[place], abs=5e-3)
    np.testing.assert_allclose(added.fitted, larger.fitted, atol=1e-6)
    # what is not asked for is not told, and changes nothing else
    for parts in [(first, end) for first in range(count + 1) for end in range(first + 1, count + 2)]:
        some = fitter.add_each(base, rows[count:], parts)
        asked = slice(*parts)
        np.testing.assert_allclose(some.losses[:, asked], added.losses[:, asked], atol=1e-6)
        assert not np.delete(some.losses, asked, axis=1).any()
        for one, other in ((some.similarity, added.similarity), (some.gains, added.gains)):
            np.testing.assert_allclose(one, other, atol=1e-6)
    assert not fitter.add_each(base, rows[count:]).losses.any()


def refined(fitter, fit, stretches):
    """The documented search, one fit after the other."""
    best = fit
    for width in BROADENINGS_CM:
        best = max(best, fitter.fit(fit.rows, best.axis._replace(broadening_cm=width)), key=merit)
    for step in (-1.0, 1.0, -0.5, 0.5):
        offset = min(max(best.axis.offset_cm + step, -10.0), 10.0)
        best = max(best, fitter.fit(fit.rows, best.axis._replace(offset_cm=offset)), key=merit)
    for stretch in stretches:
        best = max(best, fitter.fit(fit.rows, best.axis._replace(stretch=stretch)), key=merit)
    return best


def merit(fit):
    return fit.similarity - 0.02 * ((fit.axis.offset_cm / 8.0) ** 2 + (fit.axis.stretch / 0.004) ** 2)


@pytest.mark.parametrize("start", [0.0, -9.5, 4.0])
@pytest.mark.parametrize("stretch", [False, True])
def test_refining_is_trying_one_axis_after_the_other(fitter, rows, start, stretch):
    fit = fitter.fit(rows[:2], Axis(offset_cm=start))
    expected = refined(fitter, fit, (-0.003, -0.0015, 0.0015, 0.003) if stretch else ())
    found = fitter.refine(fit.rows, fit.axis, stretch=stretch)
    assert found.axis == expected.axis
    assert found.similarity == pytest.approx(expected.similarity)


def test_singles_are_fits_by_one_reference(fitter):
    for single in fitter.first(np.ones(len(fitter.index), bool)):
        fit = fitter.fit((single.row,), single.axis)
        assert single.similarity == pytest.approx(fit.similarity, abs=1e-6)
        assert single.merit == pytest.approx(merit(fit), abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_the_best_allowed_are_those_of_a_sort(seed, size, room):
    rng = np.random.default_rng(seed)
    # few different values, so that some are equal
    values = (rng.integers(-3, 6, size) / 4.0).astype(np.float32)
    allowed = rng.random(size) < 0.7
    best = np.empty(room, np.intp)
    found = best_allowed(values, allowed, best)
    order = [row for row in np.argsort(-values, kind="stable") if allowed[row] and values[row] > 0.0]
    assert best[:found].tolist() == order[:room]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_best_moves_are_those_of_an_argmax(seed):
    rng = np.random.default_rng(seed)
    similarities = rng.normal(size=(17, 5)).astype(np.float32)
    penalties = rng.random(5).astype(np.float32)
    best, move = np.empty(17, np.float32), np.empty(17, np.intp)
    best_moves(similarities, penalties, best, move)
    np.testing.assert_array_equal(move, (similarities - penalties).argmax(axis=1))
    np.testing.assert_allclose(best, (similarities - penalties).max(axis=1), rtol=1e-6)


def test_nothing_is_refined_and_nothing_lost(fitter):
    nothing = fitter.fit((), Axis())
    assert fitter.refine(nothing.rows, nothing.axis) is nothing
    assert fitter.losses(nothing).shape == (0,)
    assert fitter.first(np.zeros(len(fitter.index), bool)) == []
