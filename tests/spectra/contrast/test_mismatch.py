"""The mismatch model has the size that its documentation states, and does not move what it should not."""

import numpy as np
import pytest

from spectriage.spectra import Spectrum, Tier
from spectriage.spectra.contrast.contrast import contrast
from spectriage.spectra.contrast.mismatch import CORRELATION_CM, mismatched, severity, smooth_field
from spectriage.spectra.signal.grid import resample

SHIFT = 200.0 + 2.0 * np.arange(1024)


def test_the_field_has_unit_variance_and_the_stated_correlation():
    rng = np.random.default_rng(1)
    fields = np.stack([smooth_field(SHIFT, rng) for _ in range(1500)])
    assert abs(fields.mean()) < 0.05
    np.testing.assert_allclose(fields.var(axis=0).mean(), 1.0, atol=0.05)
    for lag in (5, 10, 20, 40):
        seen = np.mean(fields[:, :-lag] * fields[:, lag:])
        expected = np.exp(-0.5 * (2.0 * lag / CORRELATION_CM) ** 2)
        assert seen == pytest.approx(expected, abs=0.05)


def test_no_severity_is_no_change_and_the_seed_decides():
    values = np.exp(-(((SHIFT - 900.0) / 9.0) ** 2))
    same = mismatched(values, SHIFT, np.random.default_rng(1), times=0.0)
    np.testing.assert_allclose(same, values, atol=1e-12)
    one, other, again = (mismatched(values, SHIFT, np.random.default_rng(s)) for s in (1, 2, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_is_unknown_stays_unknown():
    values = np.where(SHIFT < 400.0, np.nan, 1.0)
    made = mismatched(values, SHIFT, np.random.default_rng(1))
    np.testing.assert_array_equal(np.isnan(made), np.isnan(values))


def test_the_scale_of_a_spectrum_does_not_count():
    values = np.exp(-(((SHIFT - 900.0) / 9.0) ** 2))
    one = mismatched(values, SHIFT, np.random.default_rng(1))
    other = mismatched(1e4 * values, SHIFT, np.random.default_rng(1))
    np.testing.assert_allclose(other, 1e4 * one, rtol=1e-9)


def perturbed_pairs(library):
    rng = np.random.default_rng(7)
    rows = [
        row
        for row, record in enumerate(library.records)
        if record.tier is Tier.BANDS and np.nanmax(library.spectra[row], initial=0.0) > 0.0
    ]
    for row in rows:
        values = np.nan_to_num(library.spectra[row].astype(float))
        yield values, mismatched(values, library.shift, rng)


def test_the_residual_has_the_size_measured_between_instruments(library):
    """15 to 20 % of the norm in the median, as stated; the best multiple of one to explain the other."""
    residuals = []
    for values, seen in perturbed_pairs(library):
        scale = values @ seen / (values @ values)
        residuals.append(np.linalg.norm(seen - scale * values) / np.linalg.norm(seen))
    assert 0.12 < np.median(residuals) < 0.23
    assert np.quantile(residuals, 0.95) < 0.5


def test_the_compressed_cosine_falls_as_stated(library):
    """The median of V at a good signal: 0.92, within what the choice of references allows."""
    cosines = []
    rng = np.random.default_rng(3)
    for values, seen in perturbed_pairs(library):
        noise = rng.normal(scale=0.002 * values.max(), size=(2, values.size))
        one, other = (
            contrast(resample(Spectrum(library.shift, v + n), library.shift), library.shift)
            for v, n in zip((values, seen), noise, strict=True)
        )
        threshold = max(one.threshold, other.threshold)
        a, b = np.arcsinh(one.derivative / threshold), np.arcsinh(other.derivative / threshold)
        cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert 0.85 < np.median(cosines) < 0.97
    assert np.quantile(cosines, 0.02) < 0.9


def test_weaker_evidence_is_further_off():
    severities = [severity(tier) for tier in Tier]
    assert severities == sorted(severities)
    assert severities[0] == 1.0
