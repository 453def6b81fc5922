"""Tiny synthetic sets: ten materials of a few random bands, seen by two instruments."""

from dataclasses import dataclass

import numpy as np
import pytest

from spectriage.bench.sets.names import Names
from spectriage.bench.sets.pairing import Pairing
from spectriage.bench.sets.references import library_of
from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum
from spectriage.spectra.spectrum import Spectrum

MATERIALS = tuple(f"substance {letter}" for letter in "abcdefghij")


@dataclass(frozen=True)
class World:
    """Materials as two instruments see them."""

    first: LabelledSet
    second: LabelledSet

    def pairing(self) -> Pairing:
        references = library_of(self.second, companions=False)
        return Pairing("first by second", self.first, references, self.first.names)


def spectrum_of(material: int, instrument: int) -> Spectrum:
    shift = np.arange(300.0, 2000.0, 2.0)
    bands = np.random.default_rng([material]).uniform(350, 1900, (9, 2))
    rng = np.random.default_rng([material, instrument])
    values = 200.0 + 0.05 * shift
    for place, height in bands:
        place, height = place + rng.normal(0, 0.5), (300 + height) * np.exp(rng.normal(0, 0.1))
        values = values + height / (1 + ((shift - place) / (4.0 + instrument)) ** 2)
    return Spectrum(shift, values + rng.normal(0, 2.0, shift.size))


@pytest.fixture(scope="session")
def world() -> World:
    names = Names(groups=(), catalogue=False)

    def seen(unit: str, number: int) -> LabelledSet:
        items = tuple(
            LabelledSpectrum(spectrum_of(i, number), material, unit, f"{material}.csv", f"{unit}/{material}")
            for i, material in enumerate(MATERIALS)
        )
        return LabelledSet(unit, items, names)

    return World(seen("first", 1), seen("second", 2))
