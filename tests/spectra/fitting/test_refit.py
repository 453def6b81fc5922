"""Fits of several queries in one call: those of `Fitter.fit`, to the last bit."""

import numpy as np
import pytest

from spectriage.spectra.fitting.fit import NO_CORRECTION, Axis, fits_together, standing_fits
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.refit import Given, fit_each
from spectriage.spectra.fitting.selection import select_each, selection_rules
from spectriage.spectra.spectrum import Spectrum

AXES = (NO_CORRECTION, Axis(1.5, 0.0, 8.0), Axis(-3.0, 0.001, 12.0), Axis(0.0, 0.0, 8.0))


def asked_of(engine, scans, seed=0):
    """Return from no to five references for each, some of them twice, at axes in turn."""
    rng = np.random.default_rng(seed)
    fitters = [Fitter(engine.index, scan) for scan in scans]
    rows = [tuple(rng.integers(len(engine.index), size=number % 6).tolist()) for number in range(len(scans))]
    return [Given(*own, AXES[number % 4]) for number, own in enumerate(zip(fitters, rows, strict=True))]


def test_of_each_what_is_fitted_alone(engine, many_kinds):
    scans = list(many_kinds.values())
    together = fit_each(asked_of(engine, scans))
    for found, (fitter, rows, axis) in zip(together, asked_of(engine, scans), strict=True):
        alone = fitter.fit(rows, axis)
        assert (found.rows, found.axis, found.similarity) == (alone.rows, alone.axis, alone.similarity)
        assert found.amplitudes.tolist() == alone.amplitudes.tolist()
        np.testing.assert_array_equal(found.fitted, alone.fitted)
        np.testing.assert_array_equal(found.query.derivative, alone.query.derivative)
    assert fit_each([]) == []


def test_what_was_fitted_before_is_not_fitted_again(engine, many_kinds):
    asked = asked_of(engine, list(many_kinds.values()), seed=1)
    first = fit_each(asked)
    assert any(fit.similarity > 0.1 for fit in first)
    assert all(again is fit for again, fit in zip(fit_each(asked), first, strict=True))
    for (fitter, rows, axis), fit in zip(asked, first, strict=True):
        assert fitter.fit(rows, axis) is fit


def test_nothing_is_fitted_to_a_flat_scan(engine, many_kinds, row_of):
    flat = Spectrum(np.arange(200.0, 2000.0, 2.0), np.full(900, 5.0))
    rows = row_of["caffeine-anhydrous-wasatch"], row_of["mannitol-beta"]
    scans = many_kinds["two"], flat, many_kinds["pure"], flat
    fits = fit_each([Given(Fitter(engine.index, scan), rows, AXES[3]) for scan in scans])
    assert [fit.similarity > 0.5 for fit in fits] == [True, False, True, False]
    assert fits[1].amplitudes.tolist() == fits[3].amplitudes.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("more", [0, 9])
def test_fits_stand_together_wherever_they_were_made(engine, many_kinds, more):
    """Fits of one call, of another, and one alone with more references than a block has room for."""
    scans = list(many_kinds.values())
    fits = fit_each(asked_of(engine, scans[:6])) + fit_each(asked_of(engine, scans[6:10]))
    fits.append(Fitter(engine.index, scans[0]).fit(tuple(range(1 + more)), NO_CORRECTION))
    rows = fits_together(fits)
    for place, fit in enumerate(fits):
        count = rows.counts[place]
        assert tuple(rows.rows[place, :count].tolist()) == fit.rows
        assert rows.amplitudes[place, :count].tolist() == fit.amplitudes.tolist()
        assert rows.similarity[place] == fit.similarity
        np.testing.assert_array_equal(rows.fitted[place], fit.fitted)
    among, queries, places = standing_fits(fits)
    for place, fit in zip(places, fits, strict=True):
        np.testing.assert_array_equal(among.fitted[place], fit.fitted)
        np.testing.assert_array_equal(queries.derivative[place], fit.query.derivative)


def test_what_was_selected_together_stands_as_it_is(engine, many_kinds):
    rules = selection_rules(engine.index, np.ones(len(engine.index), bool), engine.policy)
    fitters = [Fitter(engine.index, scan) for scan in many_kinds.values()]
    fits = [chosen.fit for chosen in select_each(fitters, rules)]
    among, queries, places = standing_fits(fits[5:2:-1])
    assert among is fits[0].block.rows
    assert queries is fits[0].query.block.rows
    assert places == [5, 4, 3]
    # at no offset the query is that of the fitter, to the last bit
    for fitter, fit in zip(fitters, fits, strict=True):
        if fit.axis[:2] == (0.0, 0.0):
            np.testing.assert_array_equal(fit.query.derivative, fitter.query.derivative)
            np.testing.assert_array_equal(fit.query.compressed, fitter.query.compressed)
            np.testing.assert_array_equal(fit.query.valid, fitter.query.valid)
