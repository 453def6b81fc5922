"""Noise estimates against noise that was put in."""

import numpy as np
import pytest

from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.signal.noise import noise_level

POINTS = 1024
SHIFT = 200.0 + 2.0 * np.arange(POINTS)


def on_grid(values: np.ndarray, variance: np.ndarray | None = None) -> Resampled:
    return Resampled(values, variance, np.ones(values.size, bool))


def bands(rng: np.random.Generator, count: int = 15) -> np.ndarray:
    centres = rng.uniform(250.0, 2200.0, (count, 1))
    return (rng.uniform(50.0, 1000.0, (count, 1)) * np.exp(-(((SHIFT - centres) / 8.0) ** 2))).sum(axis=0)


@pytest.mark.parametrize("sigma", [0.01, 1.0, 300.0])
def test_white_noise_is_estimated_without_bias(sigma):
    rng = np.random.default_rng(1)
    estimates = [noise_level(on_grid(rng.normal(scale=sigma, size=POINTS))) for _ in range(200)]
    # the quiet 30 % of a flat spectrum lies a little under its mean
    assert np.mean(estimates) == pytest.approx(sigma, rel=0.12)
    assert np.std(estimates) < 0.1 * sigma


@pytest.mark.parametrize("sigma", [1.0, 10.0])
def test_bands_and_background_are_not_noise(sigma):
    rng = np.random.default_rng(2)
    background = 5000.0 * np.exp(-(((SHIFT - 1500.0) / 700.0) ** 2)) + 3.0 * SHIFT
    estimates = [
        noise_level(on_grid(bands(rng) + background + rng.normal(scale=sigma, size=POINTS)))
        for _ in range(60)
    ]
    assert sigma * 0.8 < np.median(estimates) < sigma * 1.25


def test_it_scales_with_the_spectrum():
    values = np.random.default_rng(3).normal(size=POINTS)
    assert noise_level(on_grid(1e3 * values)) == pytest.approx(1e3 * noise_level(on_grid(values)), rel=1e-12)
    assert noise_level(on_grid(values + 7.0 - 0.1 * SHIFT)) == pytest.approx(
        noise_level(on_grid(values)), rel=1e-6
    )


def test_a_stated_variance_counts_when_it_is_larger():
    values = np.random.default_rng(4).normal(size=POINTS)
    shown = noise_level(on_grid(values))
    assert noise_level(on_grid(values, np.full(POINTS, 25.0))) == pytest.approx(5.0)
    assert noise_level(on_grid(values, np.full(POINTS, 1e-6))) == pytest.approx(shown)


def test_the_quiet_part_of_a_stated_variance_counts():
    variance = np.where(np.arange(POINTS) < POINTS // 2, 4.0, 400.0)
    assert noise_level(on_grid(np.zeros(POINTS), variance)) == pytest.approx(2.0)


def test_what_was_not_measured_does_not_count():
    rng = np.random.default_rng(5)
    values = rng.normal(size=POINTS)
    measured = np.ones(POINTS, bool)
    measured[:400] = False
    spoilt = np.where(measured, values, 1e9)
    variance = np.where(measured, 1e-9, 1e9)
    expected = noise_level(on_grid(values[400:]))
    assert noise_level(Resampled(spoilt, variance, measured)) == pytest.approx(expected)


def test_a_flat_spectrum_has_none():
    assert noise_level(on_grid(np.full(POINTS, 3.0))) == pytest.approx(0.0, abs=1e-9)
