"""Drawing bands, against SciPy's Voigt profile and numerical convolution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.special import voigt_profile

from spectriage.library.building.render import broaden, pseudo_voigt, render, render_entry
from spectriage.library.catalogue import Band, load_catalogue
from spectriage.spectra.errors import ParameterError

SHIFT = np.arange(200.0, 2248.0, 2.0)
WIDTH_TO_SIGMA = 1.0 / (2.0 * math.sqrt(2.0 * math.log(2.0)))


def entry(name):
    return next(item for item in load_catalogue() if item.id == name)


def test_a_band_is_defined_by_its_height():
    for fraction in (0.0, 0.4, 1.0):
        axis = np.array([992.0, 1000.0, 1008.0])
        drawn = render([Band(1000, 80, 16)], axis, resolution_cm=0, lorentz_fraction=fraction)
        np.testing.assert_allclose(drawn, [40, 80, 40], rtol=1e-12)


@pytest.mark.parametrize("lorentz", [0.0, 1.0, 4.0, 12.0])
@pytest.mark.parametrize("gauss", [0.5, 3.0, 9.0])
def test_a_broadened_lorentzian_is_a_voigt_profile(lorentz, gauss):
    axis = np.linspace(-60.0, 60.0, 2401)
    exact = voigt_profile(axis, gauss * WIDTH_TO_SIGMA, max(lorentz, 1e-9) / 2.0)
    fraction = 1.0 if lorentz else 0.0
    width, part, factor = broaden([lorentz or 1e-9], fraction, gauss)
    profile = factor[0] * pseudo_voigt(axis, width[0], part[0])
    # The factor scales a band of height 1; its area is that of the unbroadened profile.
    area = (lorentz or 1e-9) * (math.pi / 2 if lorentz else 0.5 * math.sqrt(math.pi / math.log(2.0)))
    np.testing.assert_allclose(profile / area, exact, atol=0.015 * exact.max())


@given(fwhm=st.floats(4.0, 40.0), fraction=st.floats(0.0, 1.0), resolution=st.floats(3.0, 20.0))
def test_broadening_agrees_with_numerical_convolution(fwhm, fraction, resolution):
    step = 0.25
    axis = np.arange(-600.0, 600.0, step)
    narrow = pseudo_voigt(axis, fwhm, fraction)
    convolved = gaussian_filter1d(narrow, resolution * WIDTH_TO_SIGMA / step, truncate=6.0)
    drawn = render([[0.0, 1.0, fwhm]], axis, resolution_cm=resolution, lorentz_fraction=fraction)
    np.testing.assert_allclose(drawn, convolved, atol=0.015 * convolved.max())
    # The area is kept exactly by construction; what lies outside the axis is the Lorentzian tail.
    assert drawn.sum() == pytest.approx(convolved.sum(), rel=0.01)


@pytest.mark.parametrize("lorentz", [0.5, 2.0, 6.0, 15.0])
@pytest.mark.parametrize("gauss", [1.0, 4.0, 10.0])
def test_width_is_that_of_the_exact_profile(lorentz, gauss):
    axis = np.arange(0.0, 30.0, 1e-3)
    exact = voigt_profile(axis, gauss * WIDTH_TO_SIGMA, lorentz / 2.0)
    half = axis[np.searchsorted(-exact, -exact[0] / 2.0)]
    width, _, _ = broaden([lorentz], 1.0, gauss)
    assert width[0] == pytest.approx(2.0 * half, rel=1e-3)


@given(st.floats(1.0, 60.0), st.floats(0.0, 1.0))
def test_no_broadening_changes_nothing_and_little_broadening_little(fwhm, fraction):
    width, part, factor = broaden([fwhm], fraction, 0.0)
    assert (width[0], part[0], factor[0]) == (fwhm, fraction, 1.0)
    nearly, _, height = broaden([fwhm], fraction, 1e-3)
    assert nearly[0] == pytest.approx(fwhm, rel=5e-3)
    assert height[0] == pytest.approx(1.0, rel=5e-3)


@given(st.floats(0.0, 30.0), st.floats(0.0, 30.0))
def test_contained_resolution_is_never_removed(contained, resolution):
    bands = [[900.0, 100.0, 9.0]]
    plain = render(bands, SHIFT, resolution_cm=0.0, lorentz_fraction=0.3)
    drawn = render(
        bands, SHIFT, resolution_cm=resolution, lorentz_fraction=0.3, contained_resolution_cm=contained
    )
    if resolution <= contained:
        np.testing.assert_array_equal(drawn, plain)
    else:
        assert drawn.max() <= plain.max() * 1.001


@given(
    st.lists(st.tuples(st.floats(100, 3000), st.floats(0, 100), st.floats(0.5, 100)), min_size=0, max_size=8)
)
def test_drawing_is_additive(rows):
    whole = render(rows, SHIFT, resolution_cm=8.0)
    parts = sum((render([row], SHIFT, resolution_cm=8.0) for row in rows), np.zeros(SHIFT.size))
    np.testing.assert_allclose(whole, parts, atol=1e-9)
    assert np.isfinite(whole).all()
    assert (whole >= 0).all()


def test_neighbours_merge_on_a_coarse_instrument():
    """The two phenyl lines of polystyrene, 30 cm⁻¹ apart, are one on a very coarse instrument."""
    near = (SHIFT > 980) & (SHIFT < 1060)

    def peaks(resolution):
        drawn = render_entry(entry("polystyrene-astm-e1840"), SHIFT, resolution)[near]
        return int(np.count_nonzero((drawn[1:-1] > drawn[:-2]) & (drawn[1:-1] > drawn[2:])))

    assert peaks(8.0) == 2
    assert peaks(40.0) == 1


def test_every_entry_draws():
    for item in load_catalogue():
        drawn = render_entry(item, SHIFT, 10.0)
        outside = np.zeros(SHIFT.size, dtype=bool)
        if item.valid_low_cm is not None:
            outside = ~((item.valid_low_cm <= SHIFT) & (item.valid_high_cm >= SHIFT))
        np.testing.assert_array_equal(np.isnan(drawn), outside)
        assert (drawn[~outside] >= 0).all()
        if not item.bands:
            assert (drawn == 0).all()


@pytest.mark.parametrize(
    "change",
    [
        {"resolution_cm": -1.0},
        {"resolution_cm": math.nan},
        {"lorentz_fraction": 1.1},
        {"contained_resolution_cm": math.inf},
        {"shift_cm": [[1.0, 2.0]]},
        {"shift_cm": [1.0, math.nan]},
        {"bands": [[1.0, 2.0]]},
        {"bands": [[1000.0, 100.0, 0.0]]},
        {"bands": [[1000.0, -1.0, 5.0]]},
        {"bands": [[math.nan, 1.0, 5.0]]},
    ],
)
def test_bad_arguments(change):
    arguments = {"bands": [[1000.0, 100.0, 5.0]], "shift_cm": SHIFT, "resolution_cm": 8.0} | change
    bands, shift = arguments.pop("bands"), arguments.pop("shift_cm")
    with pytest.raises(ParameterError):
        render(bands, shift, **arguments)
