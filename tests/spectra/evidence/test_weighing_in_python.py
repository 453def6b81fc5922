"""The kernel that weighs targets against the same rules in plain Python, which calls a fit at a time.

The limit of one reference is `limits_each`'s in both; `test_detection_limit` has the formulas of that.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast._kernels_coarse import pool_rest
from spectriage.spectra.contrast.coarse import as_float
from spectriage.spectra.evidence._kernels_limits import Sought, limits_each
from spectriage.spectra.evidence.detection_limit import LIMIT_SETTINGS, NOISY_SNR, limit_rules
from spectriage.spectra.evidence.mass import NO_MASS, MassRange, response_of
from spectriage.spectra.evidence.null import probability
from spectriage.spectra.evidence.presence import presence_log_odds
from spectriage.spectra.evidence.sighting import NOTHING, sight
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_rows import TargetRows, target_rows, watched_rows
from spectriage.spectra.evidence.targets import Asked, limits_hold, weigh_targets
from spectriage.spectra.fitting.band_support import band_rules, band_support, independent_supports
from spectriage.spectra.fitting.fit import Axis, Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.fitting.selection import select, selection_rules
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import CARRYING

LOOKS, CRITICAL = 4, 0.6


class Found(NamedTuple):
    """What is said of one target: numbers, and all that is exact."""

    numbers: dict[str, float]
    facts: dict[str, object]
    mass: MassRange


def everything(index):
    return np.ones(len(index), bool)


def in_python(
    fitter: Fitter, policy: Policy, targets, fit: Fit, other: float | None, snr: float
) -> list[Found]:
    """What `weigh_targets` does."""
    watched = watched_rows(tuple(targets))
    outside = [known for known in targets if set(fit.rows).isdisjoint(known.rows)]
    gain = best_other(fitter, fit, ()) if other is None else other
    of_outside = iter(weigh(fitter, policy, fit, outside, gain, watched, snr))
    results = []
    for known in targets:
        if set(fit.rows).isdisjoint(known.rows):
            results.append(next(of_outside))
        else:
            base = without(fitter, fit, known.rows)
            gain = best_other(fitter, base, known.rows)
            results += weigh(fitter, policy, base, [known], gain, watched, snr)
    return results


def without(fitter: Fitter, fit: Fit, rows) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def best_other(fitter: Fitter, base: Fit, excluded) -> float:
    """The log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.likeliest(base, allowed, LOOKS)).max(initial=0.0))


def weigh(
    fitter: Fitter, policy: Policy, base: Fit, targets, other, watched, snr, *, compete=True
) -> list[Found]:
    """Weigh targets on a model that has none of their members."""
    tried = [best_member(fitter, base, known) for known in targets]
    rivals = [made_needless(fitter, policy, base, one.row) if compete else () for one in tried]
    alone = [(known, one) for known, one, taken in zip(targets, tried, rivals, strict=True) if not taken]
    limits = iter(limits_of(fitter, policy, base, alone, watched, snr))
    results = []
    for known, one, taken in zip(targets, tried, rivals, strict=True):
        if taken:
            smaller = without(fitter, base, taken)
            best = float(fitter.gains(smaller, taken).max())
            results += weigh(fitter, policy, smaller, [known], best, watched, snr, compete=False)
        else:
            results.append(judge(fitter, policy, base, known, one, next(limits), other))
    return results


class Tried(NamedTuple):
    """A target's best member, what it gains and what carriers gain, and the amplitudes with it."""

    row: int
    gain: float
    carrying_gain: float
    amplitudes: list[float]


class Limit(NamedTuple):
    """The limit of a target, those of its foremost members, and the place of the heaviest among these."""

    lod: float
    foremost: list[float]
    heaviest: int


def judge(fitter: Fitter, policy: Policy, base: Fit, known: TargetRows, tried: Tried, limit: Limit, other):
    """Say all of one target."""
    index, records = fitter.index, fitter.index.references.records
    row, gain, carrying_gain, amplitudes = tried
    lod, limits, heaviest = limit
    contents = [
        (records[r], amplitude * index.area_per_norm(r))
        for r, amplitude in zip(base.rows, base.amplitudes.tolist(), strict=True)
        if not records[r].is_packaging
    ]
    mass = NO_MASS
    if heaviest >= 0:
        mass = mass_of(limits[heaviest], response_of(records[known.foremost[heaviest]]), contents)
    own = amplitudes[-1] * index.area_per_norm(row)
    beside = [
        a * index.area_per_norm(r)
        for r, a in zip(base.rows, amplitudes[:-1], strict=True)
        if not records[r].is_packaging
    ]
    share = own / (own + sum(beside)) if own > 0.0 else 0.0
    odds, supports, sighting, found, carried = -math.inf, 0, NOTHING, False, False
    if gain >= 0.5 * policy.hazard_gain:
        odds, supports, sighting = look(fitter, policy, base, row, gain)
        least = 0.0
        if known.hazards[records[row].family].warns:
            for r, limit in zip(known.foremost, limits, strict=True):
                if records[r].family == records[row].family:
                    least = CRITICAL * min(limit, 1.0)
                    break
        enough = gain >= policy.hazard_gain and gain >= other and share >= least
        found = enough and policy.is_present(odds)
        carried = found and is_carried(fitter, policy, base, known, row)
    return Found(
        {
            "gain": gain,
            "carrying_gain": carrying_gain,
            "margin": gain - other,
            "lod": lod,
            "share": share,
            "probability": probability(odds, 0.5),
        },
        {
            "name": known.target.name,
            "found": found,
            "supports": supports,
            "reference": records[row],
            "tier": records[row].tier,
            "hazard": known.hazards[records[row].family],
            "sighting": sighting,
            "carried": carried,
        },
        mass,
    )


def best_member(fitter: Fitter, base: Fit, known: TargetRows) -> Tried:
    """The member that gains most of those that are most like what is left, and what carriers gain."""
    index = fitter.index
    left = np.empty(index.coarse.shape[1], np.float32)
    pool_rest(base.query.packed, base.fitted, left)
    looks = list(known.rows)
    if len(looks) > LOOKS:
        like = dict(zip(looks, (as_float(index.coarse[looks]) @ left).tolist(), strict=True))
        liked = sorted([row for row in looks if like[row] > 0.0], key=lambda row: -like[row])
        looks = liked[:LOOKS] or looks[:LOOKS]
    tried = {row: fitter.add_each(base, [row]) for row in (*looks, *known.carrying)}
    gains = {row: float(added.gains[0]) for row, added in tried.items()}
    best = max(looks, key=gains.__getitem__)
    carrying = max((gains[row] for row in known.carrying), default=-math.inf)
    return Tried(best, gains[best], carrying, tried[best].amplitudes[0].tolist())


def made_needless(fitter: Fitter, policy: Policy, base: Fit, row: int) -> tuple[int, ...]:
    """The components, but for the first, that a target makes needless."""
    records = fitter.index.references.records
    losses = fitter.losses(fitter.with_row(base, row))[:-1].tolist()
    return tuple(
        other
        for other, lost in list(zip(base.rows, losses, strict=True))[1:]
        if lost < policy.required_gain(records[other])
    )


def limits_of(fitter: Fitter, policy: Policy, base: Fit, asked, watched, snr) -> list[Limit]:
    """The limits of some targets, each with what was tried of it; one begins where the last ended."""
    index, records = fitter.index, fitter.index.references.records
    width = base.axis.broadening_cm
    foremost = [row for known, _ in asked for row in known.foremost]
    areas = {row: a * index.area_per_norm(row) for row, a in zip(base.rows, base.amplitudes, strict=True)}
    contents = sum(area for row, area in areas.items() if not records[row].is_packaging)
    present = (contents or sum(areas.values())) / max(float(np.linalg.norm(base.fitted)), 0.1)
    sought = Sought(
        np.array([watched.index(row) for row in foremost], np.intp),
        np.array([needed for known, _ in asked for needed in known.needed], np.intp),
        np.array([c for c, (known, _) in enumerate(asked) for _ in known.foremost], np.intp),
        np.array([worth for known, _ in asked for worth in known.worth], np.float64),
        np.array([response_of(records[row]).value for row in foremost], np.float64),
        np.array([one.amplitudes[-1] for _, one in asked], np.float64),
    )
    lods, limits = np.empty(len(asked)), np.empty(len(foremost))
    heaviest = np.empty(len(asked), np.intp)
    limits_each(
        packed(index.rows.gather((*base.rows, *[one.row for _, one in asked]), width)),
        base.query.packed,
        packed(index.probes(watched, width)),
        packed(sought),
        index.families[list(base.rows)],
        band_rules(index),
        LIMIT_SETTINGS,
        limit_rules(policy.hazard_gain, policy.margin),
        1.0 + NOISY_SNR / max(snr, 1.0),
        present if base.rows else -1.0,
        memory_of(len(base.rows) + 1, index.rows.points),
        np.empty(len(watched), np.intp),
        lods,
        limits,
        heaviest,
    )
    found, start = [], 0
    for (known, _), lod, worst in zip(asked, lods.tolist(), heaviest.tolist(), strict=True):
        end = start + len(known.foremost)
        found.append(Limit(lod, limits[start:end].tolist(), worst - start if worst >= 0 else -1))
        start = end
    return found


def mass_of(share: float, own, others) -> MassRange:
    """The mass fraction of what makes a share of the signal beside others, each with its area."""
    if not share <= 1.0:
        return NO_MASS
    lit = [(response_of(record), area) for record, area in others if area > 0.0]
    total = sum(area for _, area in lit)
    mass, spread, measured = 1.0, math.log(2.5), False
    if total > 0.0:
        masses = [area / total / response.value for response, area in lit]
        mass = sum(masses)
        spread = sum(
            part / mass * math.log(response.factor) for part, (response, _) in zip(masses, lit, strict=True)
        )
        measured = all(response.measured for response, _ in lit)
    factor = math.exp(math.hypot(math.log(own.factor), spread))
    odds = share / max(1.0 - share, 1e-12) / (own.value * mass)
    ends = [each / (1.0 + each) for each in (odds / factor, odds, odds * factor)]
    return MassRange(*ends, not (own.measured and measured))


def look(fitter: Fitter, policy: Policy, base: Fit, row: int, gain: float):
    """The log odds that a member is there, how many bands need it, and what they show."""
    record, whole = fitter.index.references.records[row], fitter.with_row(base, row)
    place = len(whole.rows) - 1
    supports = independent_supports(band_support(fitter, whole, place))
    sighting = sight(fitter, whole, place)
    odds = presence_log_odds(
        sighting,
        similarity=whole.similarity,
        gain=gain,
        lacking=max(policy.supports_needed(record, gain) - supports, 0),
        axis=whole.axis,
        tier=record.tier,
    )
    return odds, supports, sighting


def is_carried(fitter: Fitter, policy: Policy, base: Fit, known: TargetRows, shown: int) -> bool:
    records = fitter.index.references.records
    if records[shown].tier in CARRYING:
        return True
    for row in known.carrying:
        gain = float(fitter.gains(base, [row])[0])
        enough = records[row].tier in CARRYING and gain >= policy.hazard_gain
        if enough and policy.is_present(look(fitter, policy, base, row, gain)[0]):
            return True
    return False


def same(found: list[TargetEvidence], expected: list[Found]) -> None:
    for evidence, its in zip(found, expected, strict=True):
        numbers = {name: getattr(evidence, name) for name in its.numbers}
        assert numbers == pytest.approx(its.numbers, abs=1e-6)
        assert {name: getattr(evidence, name) for name in its.facts} == its.facts
        assert evidence.mass[:3] == pytest.approx(its.mass[:3], abs=1e-6)
        assert evidence.mass.assumed is its.mass.assumed


@pytest.fixture(scope="module")
def watched(engine):
    return target_rows(engine.references, engine.policy, engine.policy.targets)


def compare(
    engine, spectrum, targets, policy=None, *, rows=None, other=None, snr=300.0
) -> list[TargetEvidence]:
    """Weigh by both, each with a fitter of its own, on what is selected or on given rows."""
    policy = policy or engine.policy
    answers = []
    for way in (weigh_targets, in_python):
        fitter = Fitter(engine.index, spectrum)
        chosen = select(fitter, selection_rules(engine.index, everything(engine.index), engine.policy))
        fit = chosen.fit if rows is None else fitter.fit(rows, Axis())
        if way is weigh_targets:
            answers += [
                each.evidence for each in weigh_targets(policy, targets, [Asked(fitter, fit, other, snr)])
            ]
        else:
            same(answers[0], in_python(fitter, policy, targets, fit, other, snr))
    return answers[0]


def test_simulated_scans_of_every_kind(engine, many_kinds, watched):
    found = [each for spectrum in many_kinds.values() for each in compare(engine, spectrum, watched)]
    # else some of what is compared is always the same
    assert 5 < sum(each.found for each in found) < 0.2 * len(found)
    assert any(each.lod == math.inf for each in found)
    assert any(each.lod < 0.5 for each in found)
    assert any(0.0 < each.probability < 1.0 for each in found)
    assert any(each.found and not each.carried for each in found)
    assert {each.mass.assumed for each in found} == {True, False}


def test_measured_scans(engine, some_measured, watched):
    for spectrum in some_measured:
        compare(engine, spectrum, watched, snr=150.0)


def test_given_models_and_what_came_close(engine, many_kinds, watched, row_of):
    """Models that hold targets, that a target makes needless, that are wrong, and none."""
    index = engine.index
    names = ("fentanyl-hcl", "caffeine-anhydrous-wasatch", "polyethylene-hdpe-wasatch", "talc-rruff")
    fentanyl, caffeine, bag, talc = (row_of[name] for name in names)
    models = [(), (bag,), (caffeine, fentanyl), (fentanyl,), (talc, bag, caffeine), (caffeine, talc, bag, 3)]
    for name in ("hazard", "packed hazard", "noise", "pure", "coarse two", "gap"):
        for rows in models:
            for other, snr in ((None, 300.0), (0.0, 8.0), (0.4, math.inf)):
                compare(engine, many_kinds[name], watched, rows=rows, other=other, snr=snr)
    fitter = Fitter(index, many_kinds["two"])
    assert weigh_targets(engine.policy, (), [Asked(fitter, fitter.fit((caffeine,), Axis()), None)]) == [
        ((), [])
    ]


def test_targets_that_stand_in_for_something_compete_with_it(engine, many_kinds, row_of):
    """Each component is watched for, beside relatives of it in the model."""
    families = ("caffeine", "mannitol", "sucrose", "acetaminophen")
    policy = Policy(targets=tuple(Target(family, (family,)) for family in families), hazard_gain=0.3)
    targets = target_rows(engine.references, policy, policy.targets)
    close = [row_of[name] for name in ("theophylline-anhydrous", "sorbitol-gamma") if name in row_of]
    rows = (*close, row_of["talc-rruff"], row_of["glycine-alpha-wasatch"])
    fitter = Fitter(engine.index, many_kinds["four"])
    base = fitter.fit(rows, Axis())
    assert any(made_needless(fitter, policy, base, known.rows[0]) for known in targets)
    for name in ("two", "three", "four", "a trace"):
        compare(engine, many_kinds[name], targets, policy, rows=rows)
        compare(engine, many_kinds[name], targets, policy)


def test_several_scans_together_are_weighed_as_each_alone(engine, many_kinds, watched):
    """At different axes and resolutions; some hold targets, and one has no model."""
    rules = selection_rules(engine.index, everything(engine.index), engine.policy)

    def asked():
        scans = []
        for number, spectrum in enumerate(many_kinds.values()):
            fitter = Fitter(engine.index, spectrum)
            scans.append(Asked(fitter, select(fitter, rules).fit, (None, 0.2)[number % 2], 50.0 + number))
        nothing = Fitter(engine.index, many_kinds["two"])
        return [*scans, Asked(nothing, nothing.fit((), Axis()), None)]

    together = weigh_targets(engine.policy, watched, asked())
    alone = [weigh_targets(engine.policy, watched, [scan])[0] for scan in asked()]
    assert together == alone
    assert weigh_targets(engine.policy, watched, []) == []


def test_limits_hold_where_nothing_that_is_weighed_is_beyond_them(engine, many_kinds):
    rules, seen = selection_rules(engine.index, everything(engine.index), engine.policy), set()
    fitters = [Fitter(engine.index, spectrum) for spectrum in many_kinds.values()]
    scans = [Asked(fitter, select(fitter, rules).fit, None, 300.0) for fitter in fitters]
    for share in (0.02, 0.1, 0.9):
        policy = engine.policy.with_signal_limit(share)
        known = target_rows(engine.references, policy, policy.targets)
        held, weighed = limits_hold(policy, known, scans), weigh_targets(policy, known, scans)
        assert held == [not each.evidence.beyond(policy) for each in weighed]
        seen |= set(held)
    assert seen == {False, True}
    assert limits_hold(engine.policy, (), scans[:2]) == [True, True]
