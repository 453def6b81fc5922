import numpy as np
import pytest
from scipy.stats import pearsonr

from spectriage.bench.methods.methods import METHODS, Ranked, make_methods, rank_of
from spectriage.spectra.baseline.methods import BASELINE_LAM, arpls
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal.grid import resample


@pytest.mark.parametrize("name", METHODS)
def test_every_method_ranks_the_same_material_first_and_names_it(world, name):
    pairing = world.pairing()
    (method,) = make_methods(pairing.references, [name])
    for trial in world.first.trials():
        spectrum = trial.repeats[0].spectrum
        ranked = method.rank(spectrum)
        assert ranked[0].substance == trial.substance
        assert [match.score for match in ranked] == sorted((m.score for m in ranked), reverse=True)
        assert trial.substance in method.decide(spectrum).named


def test_pearson_is_scipys_on_what_both_measured(world):
    pairing = world.pairing()
    (method,) = make_methods(pairing.references, ["pearson"])
    trial = world.first.trials()[0]
    ranked = method.rank(trial.repeats[0].spectrum)
    shift = pairing.references.shift

    def flat(spectrum):
        query = resample(spectrum, shift)
        values = np.ascontiguousarray(query.intensity[query.measured])
        return values - arpls(values, BASELINE_LAM)

    best = max(
        pearsonr(np.roll(flat(trial.repeats[0].spectrum), k)[8:-8], flat(other.repeats[0].spectrum)[8:-8])[0]
        for k in range(-4, 5)
        for other in world.second.trials()
        if other.substance == trial.substance
    )
    assert ranked[0].score == pytest.approx(best, abs=0.01)


def test_an_unknown_method_is_refused(world):
    with pytest.raises(ParameterError, match="pearson"):
        make_methods(world.pairing().references, ["magic"])


def test_rank_counts_from_one_and_none_is_not_ranked():
    ranked = [Ranked("a", 2.0), Ranked("b", 1.0)]
    assert rank_of(ranked, lambda name: name == "b") == 2
    assert rank_of(ranked, lambda name: name == "c") is None
