"""Which components are found in samples that are not the library's own rendering.

All of it is simulated: references perturbed to the mismatch between instruments, with background and noise.
"""

import numpy as np
import pytest

from spectriage.spectra import Spectrum
from spectriage.spectra.fitting import selection
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import MOST_PACKAGINGS, select, selection_rules
from spectriage.spectra.policy.policy import Policy

CAFFEINE, MANNITOL = "caffeine-anhydrous-wasatch", "mannitol-beta"
SUCROSE, UREA = "sucrose-crystalline-wasatch", "urea-crystalline-wasatch"
PARACETAMOL, LACTOSE = "acetaminophen-form-1-wasatch", "lactose-alpha-monohydrate-wasatch"
HDPE = "polyethylene-hdpe-wasatch"

PAIRS = [
    {CAFFEINE: 0.5, MANNITOL: 0.5},
    {CAFFEINE: 0.7, SUCROSE: 0.3},
    {PARACETAMOL: 0.6, LACTOSE: 0.4},
    {"talc-rruff": 0.5, UREA: 0.5},
    {"cocaine-hcl": 0.4, MANNITOL: 0.6},
]
PURE = [
    CAFFEINE,
    SUCROSE,
    PARACETAMOL,
    LACTOSE,
    UREA,
    "glycine-alpha-wasatch",
    "citric-acid-anhydrous-wasatch",
]
SEEDS = range(4)


@pytest.fixture(scope="module")
def selected(engine):
    """What is selected for a sample, with the shipped policy."""
    policy, records = Policy(), engine.references.records

    def run(spectrum: Spectrum, allowed=None):
        allowed = np.ones(len(records), bool) if allowed is None else allowed
        made = select(Fitter(engine.index, spectrum), selection_rules(engine.index, allowed, policy))
        return made, [records[row] for row in made.fit.rows]

    return run


def families(records) -> set[str]:
    return {record.family for record in records}


def contents(records) -> set[str]:
    return {record.family for record in records if not record.is_packaging}


def test_both_of_two_are_found_and_little_else(selected, sample, library, row_of):
    """Recall and precision over pairs and seeds: a wrong one in fewer than one of ten."""
    found = wanted = extra = 0
    for parts in PAIRS:
        truth = {library.records[row_of[name]].family for name in parts}
        for seed in SEEDS:
            _, records = selected(sample(parts, seed=seed))
            found += len(contents(records) & truth)
            extra += len(contents(records) - truth)
            wanted += len(truth)
    assert found >= 0.95 * wanted
    assert extra <= 0.1 * wanted


def test_a_pure_material_is_one(selected, sample, library, row_of):
    right = extra = trials = 0
    for name in PURE:
        family = library.records[row_of[name]].family
        for seed in SEEDS:
            _, records = selected(sample({name: 1.0}, seed=seed))
            right += family in contents(records)
            extra += len(contents(records) - {family})
            trials += 1
    assert right >= 0.95 * trials
    assert extra <= 0.1 * trials


def test_three_are_found(selected, sample, library, row_of):
    parts = {PARACETAMOL: 0.4, CAFFEINE: 0.35, MANNITOL: 0.25}
    truth = {library.records[row_of[name]].family for name in parts}
    found = [len(contents(selected(sample(parts, seed=seed))[1]) & truth) for seed in SEEDS]
    assert sum(found) >= 0.85 * 3 * len(found)


def test_forms_of_one_substance_count_once(selected, sample):
    """Two sources of sucrose, of glucose, of lactose: one component each."""
    for parts in (
        {SUCROSE: 0.5, "sucrose-crystalline-wiercigroch": 0.5},
        {LACTOSE: 0.5, "lactose-alpha-monohydrate-wiercigroch": 0.5},
        {"cocaine-hcl": 0.5, "cocaine-base": 0.5},
    ):
        for seed in SEEDS:
            _, records = selected(sample(parts, seed=seed))
            names = [record.family for record in records]
            assert len(names) == len(set(names))


def test_a_bag_is_found_beside_its_contents(selected, sample):
    for seed in SEEDS:
        _, records = selected(sample({PARACETAMOL: 0.5, HDPE: 0.5}, seed=seed))
        assert "acetaminophen" in families(records)
        assert any(record.is_packaging and "polyethylene" in record.substance.lower() for record in records)


def test_the_selection_is_ordered_and_each_of_it_is_needed(engine, selected, sample):
    spectrum = sample({CAFFEINE: 0.7, SUCROSE: 0.3}, seed=1)
    made, records = selected(spectrum)
    amplitudes = made.fit.amplitudes.tolist()
    assert amplitudes == sorted(amplitudes, reverse=True)
    policy, fitter = Policy(), Fitter(engine.index, spectrum)
    for loss, record in zip(fitter.losses(made.fit), records, strict=True):
        assert loss >= 0.5 * policy.required_gain(record)
    assert made.runner_up[0].similarity >= 0.5
    merits = [single.merit for single in made.runner_up]
    assert merits == sorted(merits, reverse=True)
    if made.rejected is not None:
        assert made.rejected[0] not in made.fit.rows


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_components_than_the_most(selected, sample, monkeypatch, most):
    monkeypatch.setattr(selection, "MOST_COMPONENTS", most)
    for seed in SEEDS:
        spectrum = sample({PARACETAMOL: 0.35, CAFFEINE: 0.35, MANNITOL: 0.2, HDPE: 0.1}, seed=seed)
        _, records = selected(spectrum)
        assert sum(not record.is_packaging for record in records) <= most
        assert sum(record.is_packaging for record in records) <= MOST_PACKAGINGS


def test_rows_that_are_not_allowed_are_never_selected(selected, sample, library, row_of):
    allowed = np.array([record.family != "caffeine" for record in library.records])
    for seed in SEEDS:
        made, records = selected(sample({CAFFEINE: 0.7, SUCROSE: 0.3}, seed=seed), allowed)
        assert "caffeine" not in families(records)
        assert all(allowed[single.row] for single in made.runner_up)


def test_nothing_allowed_selects_nothing(selected, sample, library):
    made, records = selected(sample({CAFFEINE: 1.0}), np.zeros(len(library), bool))
    assert records == []
    assert made.fit.similarity == 0.0


def test_the_same_input_gives_the_same_answer(selected, sample):
    spectrum = sample({CAFFEINE: 0.7, SUCROSE: 0.3}, seed=3)
    one, other = selected(spectrum)[0], selected(spectrum)[0]
    assert one.fit.rows == other.fit.rows
    np.testing.assert_array_equal(one.fit.amplitudes, other.fit.amplitudes)
    assert one.rejected == other.rejected
