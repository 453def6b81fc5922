"""The sums behind a fit, its bands and its axis, against NumPy and against the documented formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra.contrast._kernels_arguments import Query
from spectriage.spectra.fitting._kernels_axes import best_axes
from spectriage.spectra.fitting._kernels_bands import BandsOfComponent, weigh_bands
from spectriage.spectra.fitting._kernels_moments import (
    combine,
    of_many,
    of_one,
    of_three,
    of_two,
    of_two_at_first,
)
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import SETTINGS, UNSTRETCHED, Fitter
from spectriage.spectra.fitting.memory import memory_of


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([1, 7, 64, 333]), st.booleans())
@settings(max_examples=80, deadline=None)
def test_moments_are_the_weighted_sums(seed, k, m, first):
    rng = np.random.default_rng(seed)
    rows, query = rng.normal(size=(k, m)).astype(np.float32), rng.normal(size=m).astype(np.float32)
    weights = rng.choice([0.0, 0.5, 1.0], m).astype(np.float32)
    amplitudes = rng.choice([0.0, 0.4, 1.3], k)
    gram, target = np.full((k, k), np.nan), np.full(k, np.nan)
    if first:
        amplitudes[:] = 0.0
    signal = np.maximum(np.abs(query), np.abs(amplitudes @ rows.astype(float)))
    root = weights / (1e-3 + 0.09 * signal**2)
    error = np.float32(1e-3), np.float32(0.09)
    known = 1e-3 + 0.09 * query**2 if first else np.full(m, np.nan)
    errors = known.astype(np.float32), first
    sums = None
    if k == 1:
        sums = of_one(rows, query, weights, *errors, amplitudes, *error, gram, target)
    elif k == 2 and first:
        sums = of_two_at_first(rows, query, weights, errors[0], gram, target)
    elif k == 2:
        sums = of_two(rows, query, weights, amplitudes, *error, gram, target)
    elif k == 3:
        sums = of_three(rows, query, weights, *errors, amplitudes, *error, gram, target)
    else:
        room = np.full(m, np.nan, np.float32)
        of_many(rows, query, weights, first, amplitudes, *error, gram, target, room)
    assert sums is None or sums == (*gram[np.tril_indices(k)], *target)
    gram = np.where(np.tri(k, dtype=bool), gram, gram.T)
    np.testing.assert_allclose(gram, (rows * root) @ rows.T, rtol=2e-4, atol=2e-2)
    np.testing.assert_allclose(target, (rows * root) @ query, rtol=2e-4, atol=2e-2)
    out = np.empty(m, np.float32)
    combine(rows, amplitudes, out)
    np.testing.assert_allclose(out, amplitudes @ rows, atol=1e-5)


def remaining(fitted, rest, query, window, centre):
    """What a component leaves of the disagreement around one of its bands, seen in two ways."""
    part = slice(max(0, centre - window), centre + window + 1)

    def squares(fit):
        own = np.arcsinh(fit / query.threshold)
        scale = own @ query.compressed / (own @ own) if own @ own > 0 else 0.0
        return (query.compressed - scale * own) ** 2 * query.valid, (
            query.derivative - fit
        ) ** 2 * query.valid

    return [a[part].sum() / b[part].sum() for a, b in zip(squares(fitted), squares(rest), strict=True)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_bands_are_weighed_by_the_formulas(seed, window):
    rng = np.random.default_rng(seed)
    m, amplitude = 120, 0.6
    row, rest = rng.normal(size=(2, m)).astype(np.float32)
    valid = np.ones(m, bool)
    valid[100:] = False
    fitted = (rest + amplitude * row).astype(np.float32)
    derivative = np.where(valid, fitted + 0.3 * rng.normal(size=m), 0.0).astype(np.float32)
    query = Query(derivative, np.arcsinh(derivative / 0.05).astype(np.float32), valid, 0.05)
    centres = np.array([5, 40, 60, 97])
    heights = np.abs(row[centres]) + np.float32(0.5)
    found, beside = np.empty((2, 4))
    component = BandsOfComponent(row, amplitude, centres, heights)
    weigh_bands(fitted, rest, query, component, window, 3, found, beside)
    for at, centre in enumerate(centres):
        if centre + window >= 100:
            assert found[at] == -1.0
        else:
            first, second = remaining(fitted.astype(float), rest.astype(float), query, window, centre)
            assert found[at] == pytest.approx(min(first, second), rel=1e-3)
        near = slice(max(0, centre - 3), centre + 4)
        highest = (amplitude * row[near] - fitted[near]).max()
        assert beside[at] == pytest.approx(highest / (amplitude * heights[at]), rel=1e-3, abs=1e-4)


def test_the_axis_that_is_found_is_better_than_where_it_began_and_as_good_as_it_says(engine, sample, row_of):
    names = ("caffeine-anhydrous-wasatch", "mannitol-beta", "talc-rruff")
    moved = Fitter(engine.index, sample({names[0]: 1.0}, seed=2, offset_cm=3.0))
    gathered = engine.index.rows.gather_widths([row_of[name] for name in names])
    begun = np.zeros((3, 3))
    axes, merits = begun.copy(), np.empty(3)
    places = gathered._replace(places=gathered.places.reshape(-1, 1))
    memory = memory_of(1, engine.index.rows.points)
    best_axes(places, moved.query.packed, moved.grid, SETTINGS, UNSTRETCHED, memory, axes, merits)
    found = [Axis(offset, stretch, (0.0, 8.0, 12.0)[int(width)]) for offset, stretch, width in axes]
    for name, axis, merit in zip(names, found, merits, strict=True):
        at_found = moved.fit((row_of[name],), axis)
        assert merit == pytest.approx(at_found.similarity - axis.penalty, abs=1e-5)
        assert merit >= moved.fit((row_of[name],), Axis()).similarity - 1e-5
    # one step of half a wavenumber and one of one: what it needs is found by more calls, each from the last
    for _ in range(4):
        best_axes(places, moved.query.packed, moved.grid, SETTINGS, UNSTRETCHED, memory, axes, merits)
    assert axes[0, 0] == pytest.approx(-3.0, abs=1.0)
    assert merits.argmax() == 0
