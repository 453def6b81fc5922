from dataclasses import replace

import numpy as np

from spectriage.bench.evidence.calibration import Stated, _by_trial
from spectriage.bench.evidence.decoys import decoy_set


def test_decoys_keep_bands_but_not_places(world):
    references = world.pairing().references
    decoys = decoy_set(references)
    assert len(decoys) == 2 * len(references)
    for i in range(len(references)):
        row = references.spectra[i]
        inside = np.isfinite(row)
        mirrored, shuffled = decoys.spectra[2 * i], decoys.spectra[2 * i + 1]
        assert np.array_equal(np.isfinite(mirrored), inside)
        assert sorted(mirrored[inside]) == sorted(row[inside])
        assert np.corrcoef(row[inside], mirrored[inside])[0, 1] < 0.7
        assert np.corrcoef(row[inside], shuffled[inside])[0, 1] < 0.7


def test_repeats_of_one_statement_are_one_trial():
    one = Stated("a", "unit", "catalogue", 0.97, 0.9, True, True, "a")
    wrong = replace(one, key="b", right=False)
    assert str(_by_trial([one] * 5 + [wrong] * 3)).startswith("1/2")
