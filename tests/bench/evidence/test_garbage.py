"""Made-up spectra that were once raised or cleared: of no material, so neither."""

import pytest

from spectriage.bench.sets.garbage import make
from spectriage.spectra.identify import Identifier
from spectriage.spectra.verdict import Verdict


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("chirp", 285),
        ("comb", 333),
        ("permuted", 393),
        ("hot pixels, smeared", 450),
        ("broad bands", 563),
        ("neon", 8),
    ],
)
def test_what_is_of_no_material_is_not_decided(library, kind, number):
    result = Identifier(library).identify(make(kind, number, library))
    assert result.verdict is Verdict.INCONCLUSIVE, result.summary
