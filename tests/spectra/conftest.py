"""The shipped library, opened once for all tests, and samples that are not its own rendering."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from spectriage.spectra import ReferenceSet, Spectrum
from spectriage.spectra.contrast.mismatch import mismatched

Sample = Callable[..., Spectrum]


@pytest.fixture(scope="session")
def row_of(library: ReferenceSet) -> dict[str, int]:
    return {record.id: row for row, record in enumerate(library.records)}


@pytest.fixture(scope="session")
def sample(library: ReferenceSet, row_of: dict[str, int]) -> Sample:
    """A function that makes a sample of references as another instrument might see them."""

    def make(
        parts: Mapping[str, float],
        *,
        seed: int = 1,
        snr: float = 300.0,
        times: float = 1.0,
        offset_cm: float = 0.0,
        background: float = 0.5,
        low_cm: float = 250.0,
        high_cm: float = 1950.0,
    ) -> Spectrum:
        """`parts` are shares of the area by reference id; `snr` is of the highest point."""
        rng = np.random.default_rng(seed)
        total = np.zeros(library.shift.size)
        for name, share in parts.items():
            seen = np.nan_to_num(
                mismatched(library.spectra[row_of[name]].astype(float), library.shift, rng, times=times)
            )
            total += share * seen / np.nansum(np.abs(library.spectra[row_of[name]]))
        total *= 10_000.0 / total.max()
        sigma = 10_000.0 / snr
        smooth = background * 10_000.0 * np.exp(-(((library.shift - 1500.0) / 1200.0) ** 2))
        noisy = total + smooth + rng.normal(scale=sigma, size=total.size)
        return Spectrum(
            library.shift + offset_cm, noisy, np.full(total.size, sigma**2), excitation_nm=785.0
        ).crop(low_cm, high_cm)

    return make
