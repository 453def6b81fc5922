"""Watched targets: found where they are, not where they are not, and a limit that follows the measurement.

Simulated, with samples perturbed to the mismatch between instruments; measured spectra are in test_identify.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import Spectrum
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.coarse import as_float, upper_halves
from spectriage.spectra.evidence._kernels_limits import Sought, limits_each
from spectriage.spectra.evidence._kernels_targets import Members, best_looks, looked_at
from spectriage.spectra.evidence.detection_limit import LIMIT_SETTINGS, limit_rules
from spectriage.spectra.evidence.target_rows import target_rows
from spectriage.spectra.fitting.band_support import band_rules
from spectriage.spectra.fitting.fit import Axis
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import DEFAULT_TARGETS, Policy, Target

CAFFEINE, MANNITOL = "caffeine-anhydrous-wasatch", "mannitol-beta"
SEEDS = range(6)
BENIGN = [
    CAFFEINE,
    MANNITOL,
    "sucrose-crystalline-wasatch",
    "acetaminophen-form-1-wasatch",
    "lactose-alpha-monohydrate-wasatch",
    "talc-rruff",
    "polystyrene-wasatch",
    "polyethylene-hdpe-wasatch",
    "toluene-liquid-wasatch",
    "methylparaben-wasatch",
]


def evidence(engine: Identifier, spectrum) -> dict:
    return {target.name: target for target in engine.identify(spectrum).targets}


def test_every_target_is_weighed_on_its_best_known_tier(engine, sample):
    targets = engine.identify(sample({CAFFEINE: 1.0})).targets
    assert [target.name for target in targets] == [target.name for target in DEFAULT_TARGETS]
    for target, watched in zip(targets, DEFAULT_TARGETS, strict=True):
        members = [record for record in engine.references.records if record.family in target.families]
        assert set(watched.families) <= set(target.families)
        assert target.reference in members
        assert target.tier is target.reference.tier
        assert target.known_tier.rank == min(record.tier.rank for record in members)


def test_every_hazard_of_the_library_is_guarded(engine, sample):
    """Nothing that can raise goes without a limit, or is named as not covered."""
    targets = engine.identify(sample({CAFFEINE: 1.0})).targets
    hazards = {record.family for record in engine.references.records if record.hazard.value != "none"}
    assert {family for target in targets for family in target.families} == hazards
    for target in targets:
        guesses = {
            family
            for family in target.families
            if all(
                record.tier.value in ("estimated", "computed")
                for record in engine.references.records
                if record.family == family
            )
        }
        assert set(target.guessed) == guesses


@pytest.mark.parametrize("name", ["fentanyl-hcl", "fentanyl-base"])
def test_fentanyl_in_caffeine_is_found(engine, sample, name):
    found = [
        evidence(engine, sample({name: 0.4, CAFFEINE: 0.6}, seed=seed))["fentanyl-class"] for seed in SEEDS
    ]
    assert sum(target.found for target in found) >= 5
    for target in found:
        if target.found:
            assert target.gain >= Policy().hazard_gain
            assert target.supports >= 3
            assert target.reference.family == "fentanyl-class"


def test_benign_materials_hold_no_target(engine, sample):
    for name in BENIGN:
        for seed in range(3):
            found = [t.name for t in evidence(engine, sample({name: 1.0}, seed=seed)).values() if t.found]
            assert found == [], (name, seed)


def test_noise_alone_is_never_an_alarm(engine):
    shift = np.arange(250.0, 1950.0, 2.0)
    background = 500.0 * np.exp(-(((shift - 1500.0) / 1200.0) ** 2))
    for seed in (*range(20), 39, 59):
        noise = np.random.default_rng(seed).normal(scale=10.0, size=shift.size)
        for variance in (None, np.full(shift.size, 100.0)):
            result = engine.identify(Spectrum(shift, background + noise, variance))
            assert result.verdict.value == "INCONCLUSIVE", (seed, result.summary)


def test_limits_fall_as_the_signal_rises(engine, sample):
    """The same samples with ever less noise: monotone within a tenth, until mismatch is all that is left."""
    medians = []
    for snr in (5.0, 12.0, 30.0, 100.0):
        limits = []
        for seed in range(8):
            targets = evidence(engine, sample({MANNITOL: 0.5, CAFFEINE: 0.5}, seed=seed, snr=snr))
            limits.append([min(target.lod, 2.0) for target in targets.values() if target.covered])
        medians.append(np.median(limits, axis=0))
    over_targets = [float(np.exp(np.log(limits).mean())) for limits in medians]
    for before, after in pairwise(over_targets):
        assert after <= before * 1.1
    # one line among many is limited by its neighbours, and not by noise
    assert np.mean(medians[-1] < 0.8 * medians[0]) >= 0.75


def test_limits_are_fractions_and_none_is_zero(engine, sample):
    for name in BENIGN[:6]:
        for target in evidence(engine, sample({name: 1.0}, seed=2)).values():
            assert target.lod > 0.001
            assert target.lod < 1.0 or target.lod == np.inf


@pytest.fixture(scope="module")
def opiate(engine, sample, row_of):
    """A scan with heroin, the model without it, and targets that share what they are made of."""
    fitter = Fitter(engine.index, sample({MANNITOL: 0.8, "heroin-hcl": 0.2}, seed=1))
    base = fitter.fit((row_of[MANNITOL],), Axis())
    cocaine, heroin = row_of["cocaine-hcl"], row_of["heroin-hcl"]
    amounts = fitter.add_each(base, [cocaine, heroin]).amplitudes[:, -1].tolist()
    assert amounts[1] > 0.1
    return fitter, base, (cocaine, heroin), amounts


class Wanted(NamedTuple):
    """A target whose limit is asked for: its references, the bands each needs, what may be held of it."""

    rows: tuple[int, ...]
    needed: tuple[int, ...]
    held: int
    amplitude: float


class Limits(NamedTuple):
    """Of each target and of every reference, and the place of each target's heaviest one among these."""

    targets: list[float]
    references: list[float]
    heaviest: list[int]


def limits(fitter, base, targets, watched, *, worth=1.0, responses=None) -> Limits:
    flat = [
        (watched.index(row), needed, number)
        for number, target in enumerate(targets)
        for row, needed in zip(target.rows, target.needed, strict=True)
    ]
    places, needed, numbers = np.array(flat, np.intp).reshape(-1, 3).T.copy()
    sought = Sought(
        places,
        needed,
        numbers,
        np.full(places.size, worth),
        np.array([1.0] * places.size if responses is None else responses),
        np.array([target.amplitude for target in targets], np.float64),
    )
    index, policy, width = fitter.index, Policy(), base.axis.broadening_cm
    area = sum(
        amplitude * index.area_per_norm(row)
        for amplitude, row in zip(base.amplitudes.tolist(), base.rows, strict=True)
    )
    found = np.empty(len(targets)), np.empty(places.size), np.empty(len(targets), np.intp)
    limits_each(
        packed(index.rows.gather([*base.rows, *(target.held for target in targets)], width)),
        base.query.packed,
        packed(index.probes(watched, width)),
        packed(sought),
        index.families[list(base.rows)],
        band_rules(index),
        LIMIT_SETTINGS,
        limit_rules(policy.hazard_gain, policy.margin),
        1.0,
        area / float(np.linalg.norm(base.fitted)),
        memory_of(len(base.rows) + 1, index.rows.points),
        np.empty(len(watched), np.intp),
        *found,
    )
    return Limits(*(part.tolist() for part in found))


def test_a_limit_does_not_depend_on_what_else_is_watched(opiate):
    fitter, base, (cocaine, heroin), (much, more) = opiate
    for wanted in (Wanted((cocaine,), (3,), cocaine, much), Wanted((heroin,), (3,), heroin, more)):
        alone = limits(fitter, base, [wanted], wanted.rows)
        assert 0.0 < alone.targets[0] < 1.0
        for watched in ((cocaine, heroin), (heroin, *base.rows, cocaine)):
            assert limits(fitter, base, [wanted], watched) == alone
    assert limits(fitter, base, [], (cocaine, heroin)).targets == []


def test_a_target_s_limit_is_that_of_its_hardest_reference(opiate):
    fitter, base, rows, (_, more) = opiate
    each = [limits(fitter, base, [Wanted((row,), (3,), rows[1], more)], rows).targets[0] for row in rows]
    both = limits(fitter, base, [Wanted(rows, (3, 3), rows[1], more)], rows)
    assert both.targets == [pytest.approx(max(each), rel=0.05)]
    assert both.references == pytest.approx(each, rel=0.05)
    # more bands than there are
    for needed in ((99, 3), (3, 99)):
        hidden = Wanted(rows, needed, rows[1], more)
        assert limits(fitter, base, [hidden], rows).targets == [np.inf]


def test_by_mass_that_reference_counts_of_which_most_is_needed(opiate):
    """A weaker scatterer may be the easier one to see by its share of the signal."""
    fitter, base, rows, (_, more) = opiate
    wanted = [Wanted(rows, (3, 3), rows[1], more)]
    shares = limits(fitter, base, wanted, rows).references
    easier = int(np.argmin(shares))
    odds = [share / (1.0 - share) for share in shares]
    responses = [1.0, 1.0]
    assert limits(fitter, base, wanted, rows, responses=responses).heaviest == [1 - easier]
    responses[easier] = 0.5 * min(odds) / max(odds)
    assert limits(fitter, base, wanted, rows, responses=responses).heaviest == [easier]
    assert limits(fitter, base, [Wanted((), (), rows[1], more)], rows).heaviest == [-1]


def test_a_limit_grows_by_what_its_table_is_uncertain_by(opiate):
    fitter, base, (cocaine, _), (much, _) = opiate
    wanted = [Wanted((cocaine,), (3,), cocaine, much)]
    plain, wider = (limits(fitter, base, wanted, (cocaine,), worth=worth).targets[0] for worth in (1.0, 1.5))
    assert wider / (1.0 - wider) == pytest.approx(1.5 * plain / (1.0 - plain))


def test_targets_that_share_a_reference_keep_their_own_limits(opiate):
    """What the scan may hold of the one is not what it may hold of the other."""
    fitter, base, (cocaine, heroin), (much, more) = opiate
    one = Wanted((cocaine,), (3,), cocaine, much)
    other = Wanted((cocaine, heroin), (3, 3), heroin, more)
    watched = (cocaine, heroin)
    alone = [limits(fitter, base, [each], watched).targets[0] for each in (one, other)]
    # else nothing could be mistaken
    assert abs(alone[0] - alone[1]) > 0.2 * min(alone)
    assert limits(fitter, base, [one, other], watched).targets == pytest.approx(alone, rel=0.05)
    assert limits(fitter, base, [other, one], watched).targets == pytest.approx(alone[::-1], rel=0.05)


def test_limits_by_recalled_tables_are_provisional_and_others_are_not(engine, sample):
    targets = evidence(engine, sample({MANNITOL: 1.0}, seed=1))
    assert targets["heroin"].provisional
    assert not targets["fentanyl-class"].provisional
    assert targets["heroin"].to_json()["provisional"] is True


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_members_are_looked_at_by_likeness_and_those_that_carry_besides(seed, count, most):
    rng = np.random.default_rng(seed)
    coarse = upper_halves(rng.normal(size=(40, 12)).astype(np.float32))
    pooled = rng.normal(size=12).astype(np.float32)
    groups = [rng.choice(40, rng.integers(1, 9), replace=False) for _ in range(count)]
    few = [rng.choice(group, rng.integers(1, len(group) + 1), replace=False) for group in groups]
    ends, few_ends = (np.cumsum([len(group) for group in each]) for each in (groups, few))
    members = Members(np.concatenate(groups), ends, np.concatenate(few), few_ends)
    looks, (likely, stops, best) = np.empty(200, np.intp), np.empty((3, count), np.intp)
    total = looked_at(coarse, pooled, tuple(members), most, looks, likely, stops)
    products = as_float(coarse).astype(float) @ pooled.astype(float)
    expected = []
    for group, carrying in zip(groups, few, strict=True):
        own = group.tolist()
        if len(own) > most:
            liked = sorted([row for row in own if products[row] > 0.0], key=lambda row: -products[row])
            own = liked[:most] or own[:most]
        expected.append((own, [row for row in carrying.tolist() if row not in own]))
    flat = [row for own, more in expected for row in own + more]
    assert looks[:total].tolist() == flat
    assert likely.tolist() == [len(own) for own, _ in expected]
    assert stops.tolist() == np.cumsum([len(own) + len(more) for own, more in expected]).tolist()
    gains = rng.integers(0, 4, total) / 4.0
    carrying_gains = np.empty(count)
    best_looks(gains, looks, likely, stops, tuple(members), best, carrying_gains)
    start = 0
    for c, (own, more) in enumerate(expected):
        of = dict(zip(own + more, gains[start : start + len(own) + len(more)].tolist(), strict=True))
        assert looks[best[c]] == max(own, key=of.__getitem__)
        assert carrying_gains[c] == max(of[row] for row in few[c].tolist())
        start += len(own) + len(more)


def test_what_lies_above_its_limit_is_found(engine, sample):
    """The limit is where 95 % of samples show the target; here at least 90 % of 30 at twice it."""
    matrix = {MANNITOL: 1.0}
    limit = evidence(engine, sample(matrix, seed=1))["fentanyl-class"].lod
    assert limit < 0.4
    share = min(2.0 * limit, 0.8)
    found = [
        evidence(engine, sample({"fentanyl-hcl": share, MANNITOL: 1.0 - share}, seed=seed))[
            "fentanyl-class"
        ].found
        for seed in range(30)
    ]
    assert np.mean(found) >= 0.9


def test_the_limit_gates_no_alarm(library, sample):
    """The same scan, with policies on both sides of its worst limit."""
    spectrum = sample({"sucrose-crystalline-wasatch": 1.0}, seed=1, times=0.3)
    targets = Identifier(library).identify(spectrum).targets
    worst = max(target.lod for target in targets if target.asked.required)
    assert worst < 0.9
    above = Identifier(library, Policy().with_signal_limit(min(worst * 1.05, 0.99))).identify(spectrum)
    below = Identifier(library, Policy().with_signal_limit(worst * 0.95)).identify(spectrum)
    assert (above.verdict.value, above.reason) == ("NO_ALARM", "identified")
    assert (below.verdict.value, below.reason) == ("INCONCLUSIVE", "limit-of-detection")
    assert above.components == below.components


def test_targets_can_be_chosen(library, sample):
    policy = Policy(targets=(Target("sugar", ("sucrose",)),), lod=0.95)
    result = Identifier(library, policy).identify(sample({MANNITOL: 1.0}, seed=1, times=0.3))
    assert [target.name for target in result.targets] == ["sugar"]
    assert not result.targets[0].found
    assert result.verdict.value == "NO_ALARM"


def test_a_library_without_hazards_gives_no_no_alarm(library, sample):
    """Fentanyl that the library does not know must not be ruled out by its silence."""
    harmless = library.subset(np.array([record.hazard.value == "none" for record in library.records]))
    engine = Identifier(harmless, Policy(lod=0.99))
    for parts in ({MANNITOL: 1.0}, {MANNITOL: 0.7, "fentanyl-hcl": 0.3}):
        result = engine.identify(sample(parts, seed=1))
        assert result.verdict.value == "INCONCLUSIVE"
    plain = engine.identify(sample({MANNITOL: 1.0}, seed=1, times=0.3))
    assert "fentanyl-class (not in the library)" in plain.summary


def test_an_analogue_that_the_library_lacks_is_of_its_class(library, sample, row_of):
    """Leave-one-out over estimated analogues: a test of the code, not of nature."""
    found = called = trials = 0
    for name in (
        "acetylfentanyl-hcl",
        "butyrylfentanyl-hcl",
        "furanylfentanyl-hcl",
        "cyclopropylfentanyl-hcl",
    ):
        keep = np.arange(len(library)) != row_of[name]
        engine = Identifier(library.subset(keep))
        for seed in range(2):
            result = engine.identify(sample({name: 0.7, MANNITOL: 0.3}, seed=seed))
            found += result.verdict.value in ("ALARM", "WARNING")
            called += any(c.claim == "fentanyl" for c in result.components)
            trials += 1
    assert found >= 0.85 * trials
    assert called == 0


def test_the_target_is_weighed_on_the_model_without_it(engine, sample, row_of):
    """Taking the target out of the fit must not take its evidence along."""
    spectrum = sample({"cocaine-hcl": 0.5, MANNITOL: 0.5}, seed=1)
    cocaine = evidence(engine, spectrum)["cocaine"]
    assert cocaine.found
    fitter = Fitter(engine.index, spectrum)
    with_it = fitter.refine((row_of[MANNITOL], row_of["cocaine-hcl"]), Axis())
    assert cocaine.gain == pytest.approx(fitter.losses(with_it)[1], rel=0.3)


def test_a_family_that_is_named_twice_is_watched_for_once(library):
    policy = Policy()
    (once,) = target_rows(library, policy, [Target("t", ("cocaine", "heroin"))])
    (twice,) = target_rows(library, policy, [Target("t", ("cocaine", "heroin", "cocaine"))])
    assert len(once.rows) > 1
    for field in ("rows", "carrying", "tier", "foremost", "needed", "hazards"):
        assert getattr(once, field) == getattr(twice, field)


@pytest.mark.parametrize(
    ("hazard", "target", "raised_on_less"),
    [("potassium-nitrate", "oxidisers", False), ("heroin-hcl", "heroin", True)],
)
def test_what_warns_must_be_there_by_a_share_of_its_limit(
    engine, sample, monkeypatch, hazard, target, raised_on_less
):
    scan = sample({MANNITOL: 0.7, hazard: 0.3}, seed=4)
    assert evidence(engine, scan)[target].found
    monkeypatch.setattr("spectriage.spectra.evidence.targets.CRITICAL", 1e3)
    assert evidence(engine, scan)[target].found is raised_on_less
