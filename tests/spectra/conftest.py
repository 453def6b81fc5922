"""The shipped library, opened once for all tests, and samples that are not its own rendering."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from spectriage.spectra import ReferenceSet, Spectrum
from spectriage.spectra.contrast.mismatch import mismatched
from spectriage.spectra.formats import read_spectrum

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


@pytest.fixture(scope="session")
def many_kinds(sample: Sample) -> dict[str, Spectrum]:
    """Simulated scans of every kind that a search may meet, by what they are."""
    caffeine, mannitol = "caffeine-anhydrous-wasatch", "mannitol-beta"
    paracetamol, bag = "acetaminophen-form-1-wasatch", "polyethylene-hdpe-wasatch"
    sucrose, talc = "sucrose-crystalline-wasatch", "talc-rruff"
    four = {paracetamol: 0.3, caffeine: 0.3, mannitol: 0.2, sucrose: 0.2}
    scans = {
        "pure": sample({caffeine: 1.0}, seed=1),
        "pure salt": sample({"urea-crystalline-wasatch": 1.0}, seed=2),
        "pure hazard": sample({"rdx-alpha": 1.0}, seed=3),
        "few lines": sample({"potassium-nitrate": 0.4, mannitol: 0.6}, seed=4),
        "two": sample({caffeine: 0.6, mannitol: 0.4}, seed=5),
        "two forms": sample({sucrose: 0.5, "sucrose-crystalline-wiercigroch": 0.5}, seed=6),
        "three": sample({paracetamol: 0.4, caffeine: 0.35, mannitol: 0.25}, seed=7),
        "four": sample(four, seed=8, times=0.5),
        "a trace": sample({mannitol: 0.93, caffeine: 0.07}, seed=9),
        "packed": sample({paracetamol: 0.6, bag: 0.4}, seed=10),
        "packaging": sample({bag: 1.0}, seed=11),
        "packed four": sample({**{name: 0.7 * share for name, share in four.items()}, bag: 0.3}, seed=12),
        "hazard": sample({"fentanyl-hcl": 0.4, caffeine: 0.6}, seed=13),
        "little hazard": sample({"fentanyl-hcl": 0.1, mannitol: 0.9}, seed=14),
        "two hazards": sample({"xylazine-hcl": 0.4, "fentanyl-base": 0.3, mannitol: 0.3}, seed=15),
        "packed hazard": sample({"cocaine-hcl": 0.6, "polystyrene-wasatch": 0.4}, seed=16),
        "estimated hazard": sample({"furanylfentanyl-hcl": 0.6, caffeine: 0.4}, seed=17),
        "noisy": sample({"heroin-hcl": 0.5, talc: 0.5}, seed=18, snr=12.0),
        "noise": sample({caffeine: 1.0}, seed=19, snr=1.0, background=2.0),
        "moved": sample({"cocaine-hcl": 0.5, mannitol: 0.5}, seed=20, offset_cm=6.0),
        "moved back": sample({paracetamol: 0.7, sucrose: 0.3}, seed=21, offset_cm=-8.5),
        "short": sample({caffeine: 0.5, talc: 0.5}, seed=22, low_cm=500.0, high_cm=1300.0),
        "badly matched": sample({"toluene-liquid-wasatch": 1.0}, seed=23, times=3.0),
    }
    # a hole of 150 cm⁻¹, and the resolution of a coarser instrument
    whole = sample({caffeine: 0.5, "methamphetamine-hcl": 0.5}, seed=24)
    seen = (whole.shift < 900.0) | (whole.shift > 1050.0)
    assert whole.variance is not None
    scans["gap"] = Spectrum(whole.shift[seen], whole.intensity[seen], whole.variance[seen])
    blurring = np.exp(-0.5 * np.square(np.arange(-30, 31) * 2.0 / (12.0 / 2.3548)))
    for name, parts in {"coarse": {caffeine: 1.0}, "coarse two": {"heroin-hcl": 0.5, mannitol: 0.5}}.items():
        sharp = sample(parts, seed=25)
        blurred = np.convolve(sharp.intensity, blurring / blurring.sum(), "same")
        noise = np.random.default_rng(26).normal(scale=10.0, size=blurred.size)
        scans[name] = sharp.with_step("blur", intensity=blurred + noise, variance=None)
    return scans


@pytest.fixture(scope="session")
def some_measured(measured: Path) -> list[Spectrum]:
    """Measured spectra of two units, one of every four."""
    paths = [
        p for name in ("wasatch-785-2024", "wasatch-785xs-2026") for p in (measured / name).glob("*.csv")
    ]
    return [read_spectrum(path) for path in sorted(paths)[::4]]
