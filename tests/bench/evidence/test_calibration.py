from dataclasses import replace

import numpy as np
import pytest

from spectriage.bench.evidence.calibration import Stated, _by_trial, calibration_error, decoy_set, reliability
from spectriage.spectra.errors import ParameterError


def test_bins_and_error_of_honest_probabilities():
    rng = np.random.default_rng(1)
    stated = rng.uniform(size=20_000)
    right = rng.uniform(size=20_000) < stated
    bins = reliability(stated, right)
    assert sum(b.right.trials for b in bins) == 20_000
    assert all(b.low <= b.mean <= b.high for b in bins)
    assert all(b.right.interval.low - 0.02 <= b.mean <= b.right.interval.high + 0.02 for b in bins)
    assert calibration_error(bins) < 0.02


def test_overconfidence_is_measured():
    bins = reliability([0.97] * 100, [True] * 60 + [False] * 40)
    assert len(bins) == 1
    assert calibration_error(bins) == pytest.approx(0.37)
    assert reliability([1.0], [True])[0].high == 1.0
    with pytest.raises(ParameterError):
        reliability([1.2], [True])


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
