"""Band tables from spectra: against lines that are known, convolved with an instrument by another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import voigt_profile

from spectriage.library.bands import correct_axis, entry_text, extract_bands, write_entries
from spectriage.library.bands.extraction import entry_similarity
from spectriage.library.bands.profiles import Parameters, draw, draw_with_derivatives
from spectriage.library.bands.refresh import refresh_file
from spectriage.library.building.render import render_entry
from spectriage.library.catalogue import catalogue_files, find_entry, load_catalogue
from spectriage.spectra.errors import CatalogueError, LibraryError, ParameterError, SpectrumError
from spectriage.spectra.spectrum import Spectrum

SHIFT = np.arange(300.0, 2001.0)
SIGMA = 1.0 / (2.0 * math.sqrt(2.0 * math.log(2.0)))
FIELDS = {
    "id": "thing",
    "substance": "thing",
    "class": "chemical",
    "tier": "bands",
    "confidence": "A",
    "licence": "our own",
    "citation": "made",
}
# shift, area, Lorentzian FWHM: exact Voigt lines, which no pseudo-Voigt is
LINES = ((418.0, 600.0, 9.0), (655.0, 2000.0, 6.0), (800.0, 150.0, 7.0), (1004.0, 3000.0, 4.0))
LINES += ((1018.0, 900.0, 6.0), (1210.0, 400.0, 12.0), (1450.0, 900.0, 22.0), (1602.0, 1500.0, 9.0))


def seen(lines, resolution_cm, noise=0.0, seed=0, background=True):
    values = 2000.0 * np.exp(-SHIFT / 900.0) if background else np.zeros(SHIFT.size)
    for at, area, fwhm in lines:
        values = values + area * voigt_profile(SHIFT - at, resolution_cm * SIGMA, fwhm / 2.0)
    return values + noise * np.random.default_rng(seed).normal(size=SHIFT.size)


def test_lines_are_found_where_they_are_with_the_instrument_taken_out():
    made = extract_bands(Spectrum(SHIFT, seen(LINES, 8.0, noise=1.0)), resolution_cm=8.0)
    assert made.similarity > 0.98
    strongest = max(area / fwhm for _, area, fwhm in LINES)
    for at, area, fwhm in LINES:
        band = min(made.bands, key=lambda band: abs(band.shift_cm - at))
        u_shift, u_height, u_fwhm, _ = band.uncertainty
        assert abs(band.shift_cm - at) < max(4.0 * u_shift, 0.5)
        assert abs(band.fwhm_cm - fwhm) < max(4.0 * u_fwhm, 0.2 * fwhm)
        assert abs(band.height - 100.0 * area / fwhm / strongest) < max(4.0 * u_height, 15.0)
    # what is not a line is low
    others = [b for b in made.bands if min(abs(b.shift_cm - at) for at, _, _ in LINES) > 10.0]
    assert all(band.height < 3.0 for band in others)


def test_one_sample_has_one_table_at_two_resolutions():
    sharp = extract_bands(Spectrum(SHIFT, seen(LINES, 6.0, noise=1.0)), resolution_cm=6.0)
    coarse = Spectrum(SHIFT, seen(LINES, 12.0, noise=1.0, seed=1))
    entry = dict(FIELDS)
    text = entry_text(sharp, entry)
    assert "instrument_cm = 6" in text
    path_free = extract_bands(coarse, resolution_cm=12.0)
    assert path_free.similarity > 0.97


def test_noise_is_no_band():
    values = 500.0 + np.random.default_rng(3).normal(size=SHIFT.size)
    try:
        made = extract_bands(Spectrum(SHIFT, values), resolution_cm=8.0)
    except SpectrumError:
        return
    assert len(made.bands) <= 6


@settings(max_examples=30, deadline=None)
@given(
    st.floats(350.0, 1900.0),
    st.floats(-2.0, 6.0),
    st.floats(3.0, 60.0),
    st.floats(0.02, 0.98),
    st.floats(1.0, 15.0),
)
def test_derivatives_are_those_of_small_steps(at, log_height, fwhm, part, resolution):
    point = np.array([at, log_height, math.log(fwhm), part])
    _, slopes = draw_with_derivatives(Parameters.from_vector(point), SHIFT, resolution)
    for i, step in enumerate((1e-4, 1e-5, 1e-5, 1e-5)):
        ends = []
        for sign in (-1.0, 1.0):
            moved = point.copy()
            moved[i] += sign * step
            ends.append(draw(Parameters.from_vector(moved), SHIFT, resolution)[:, 0])
        numeric = (ends[1] - ends[0]) / (2.0 * step)
        assert np.allclose(slopes[:, i], numeric, atol=2e-3 * np.abs(numeric).max() + 1e-9)


def test_packaging_is_fitted_along_and_not_in_the_table():
    bag = find_entry("polyethylene-ldpe-nist")
    drug = seen(LINES, 8.0, background=False)
    wrapped = drug + 1.2 * drug.max() / 25.0 * np.nan_to_num(render_entry(bag, SHIFT, 8.0)) + 50.0
    spectrum = Spectrum(SHIFT + 3.0, wrapped + np.random.default_rng(5).normal(size=SHIFT.size))
    made = extract_bands(
        spectrum, resolution_cm=8.0, minus=["polyethylene-ldpe-nist"], axis_by="polyethylene"
    )
    assert made.axis is not None
    assert abs(made.axis.offset_cm - 3.0) < 0.7
    for at in (1062.5, 1128.7, 1295.2):
        assert all(band.height < 12.0 for band in made.bands if abs(band.shift_cm - at) < 6.0)
    for at in (655.0, 1004.0, 1602.0):
        assert any(abs(band.shift_cm - at) < 1.5 and band.height > 10.0 for band in made.bands)
    (entry, share), *_ = made.packaging
    assert entry.id == "polyethylene-ldpe-nist"
    assert 0.1 < share < 0.9


def test_an_axis_is_corrected_on_known_lines_or_not_at_all():
    polystyrene = find_entry("polystyrene-nist")
    values = np.nan_to_num(render_entry(polystyrene, SHIFT, 8.0))
    spectrum = Spectrum(SHIFT - 5.4, values + 0.05 * np.random.default_rng(1).normal(size=SHIFT.size))
    corrected, correction = correct_axis(spectrum, "auto")
    assert correction.material == "polystyrene"
    assert abs(correction.offset_cm + 5.4) < 0.7
    assert abs(corrected.shift[0] - 300.0) < 0.7
    with pytest.raises(ParameterError, match="no known lines"):
        correct_axis(spectrum, "glass")
    quiet = Spectrum(SHIFT, 100.0 + np.random.default_rng(2).normal(size=SHIFT.size))
    with pytest.raises(ParameterError, match="fewer than 3 lines"):
        correct_axis(quiet, "polystyrene")


def test_what_was_written_is_a_catalogue(tmp_path):
    spectrum = Spectrum(SHIFT, seen(LINES, 8.0, noise=1.0))
    made = extract_bands(spectrum, resolution_cm=8.0)
    path = tmp_path / "entries.toml"
    write_entries(path, [entry_text(made, FIELDS)])
    (entry,) = load_catalogue([path])
    assert len(entry.bands) == len(made.bands)
    assert entry.instrument_cm == 8.0
    assert entry.resolution_cm == 0.0
    assert entry.bands[0].uncertainty is not None
    assert entry.bands[0].lorentz_fraction is not None
    # rounded to what is printed, it draws the same spectrum
    assert abs(entry_similarity(spectrum, entry, 8.0) - made.similarity) < 0.01
    with pytest.raises(LibraryError, match="exists"):
        write_entries(path, [entry_text(made, FIELDS)])
    with pytest.raises(CatalogueError, match="tier"):
        write_entries(tmp_path / "bad.toml", [entry_text(made, {**FIELDS, "tier": "guessed"})])
    assert sorted(item.name for item in tmp_path.iterdir()) == ["entries.toml"]


def test_parameters_that_are_none_are_refused():
    spectrum = Spectrum(SHIFT, seen(LINES, 8.0, noise=1.0))
    with pytest.raises(ParameterError, match="resolution_cm"):
        extract_bands(spectrum, resolution_cm=0.0)
    with pytest.raises(CatalogueError, match="unobtainium"):
        extract_bands(spectrum, resolution_cm=8.0, minus=["unobtainium"])


def test_a_catalogue_file_is_fitted_anew_and_else_unchanged(measured, tmp_path):
    (file,) = [path for path in catalogue_files() if path.stem == "cutting-agents"]
    text = file.read_text("utf-8")
    start = text.index('[[entry]]\nid = "caffeine-anhydrous-wasatch"')
    end = text.index("[[entry]]", start + 5)
    small = tmp_path / "small.toml"
    small.write_text(text[start:end], "utf-8")
    out = tmp_path / "out.toml"
    ((name, made),) = list(refresh_file(small, measured, out))
    assert name == "caffeine-anhydrous-wasatch"
    assert made.similarity > 0.98
    (before,), (after,) = load_catalogue([small]), load_catalogue([out])
    assert (before.citation, before.cas, before.note) == (after.citation, after.cas, after.note)
    assert after.model_v is not None
    assert after.model_v > 0.98
    assert any(abs(band.shift_cm - 556.5) < 1.5 for band in after.bands)
