"""The limit of detection's kernels against the documented fit, written with SciPy's solver."""

import numpy as np
import pytest
from scipy.optimize import brentq, nnls

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast._kernels_arguments import Probes, Query, References
from spectriage.spectra.evidence._kernels_detection_limit import (
    Scene,
    amount_that_brings,
    brought_by,
    least_visible,
)
from spectriage.spectra.evidence._kernels_limits import LimitRules, Sought, limits_each
from spectriage.spectra.fitting._kernels_bands import BandRules
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Workspace
from spectriage.spectra.fitting.memory import memory_of

POINTS, THRESHOLD, ERROR, ITERATIONS = 512, 2e-3, 0.3, 2
LEAST, UNMEASURED = 1e-4, 0.5
SETTINGS = FitSettings(ERROR, ITERATIONS, UNMEASURED, LEAST)
AMOUNTS = np.array([5e-3, 4.0])


def curve(rng: np.random.Generator) -> np.ndarray:
    """A second derivative of ten bands, of unit norm."""
    axis = np.arange(POINTS)
    centres = rng.uniform(20, POINTS - 20, (10, 1))
    bands = (rng.uniform(0.2, 1.0, (10, 1)) * np.exp(-(((axis - centres) / 4.0) ** 2))).sum(axis=0)
    derivative = np.gradient(np.gradient(bands))
    return derivative / np.linalg.norm(derivative)


def left_by(stack: np.ndarray, derivative: np.ndarray, weights: np.ndarray) -> float:
    """ln(1 − V) of the reweighted fit."""
    fitted = np.zeros(POINTS)
    for _ in range(ITERATIONS if len(stack) else 0):
        signal = np.maximum(np.abs(derivative), np.abs(fitted))
        root = np.sqrt(weights / (THRESHOLD**2 + ERROR**2 * signal**2))
        amounts, _ = nnls((stack * root).T, derivative * root)
        fitted = amounts @ stack
    seen, other = (np.sqrt(weights) * np.arcsinh(v / THRESHOLD) for v in (derivative, fitted))
    norms = np.linalg.norm(seen) * np.linalg.norm(other)
    return float(np.log(max(1.0 - (seen @ other / norms if norms > 0 else 0.0), 1e-4)))


class Case:
    """A model of `count` curves, a target, what it looks like in the scan, and two others."""

    def __init__(self, seed: int, count: int) -> None:
        rng = np.random.default_rng(seed)
        self.base = np.array([curve(rng) for _ in range(count)]).reshape(count, POINTS)
        self.target, first, second = (curve(rng) for _ in range(3))
        # one of the others is near the target, so that it can be taken for it
        self.others = np.array([0.9 * self.target + 0.45 * first, second])
        self.spike = self.target + 0.2 * curve(rng)
        self.empty = rng.uniform(0.5, 1.0, count) @ self.base + 0.15 * curve(rng)
        self.weights = rng.choice([0.0, 0.5, 1.0], POINTS, p=[0.05, 0.1, 0.85])

    def expected(self, amount: float, *, others: bool) -> float:
        derivative = np.where(self.weights > 0, self.empty + amount * self.spike, 0.0)
        with_it = left_by(np.vstack([self.base, self.target]), derivative, self.weights)
        if not others:
            return left_by(self.base, derivative, self.weights) - with_it
        rivals = [left_by(np.vstack([self.base, o]), derivative, self.weights) for o in self.others]
        return min(rivals) - with_it

    def scene(self, *, others: bool) -> Scene:
        stack = np.vstack([self.base, self.target])
        # what is not to be used is before the points and between the rows
        imitators = np.full((4, POINTS + 5), np.nan, np.float32)
        imitators[1::2, 5:] = self.others
        chosen = np.array([1, 3] if others else [], np.intp)
        stack, *curves = (a.astype(np.float32) for a in (stack, self.empty, self.spike, self.weights))
        return Scene(stack, imitators, chosen, 5, *curves, THRESHOLD)


def memory(count: int) -> tuple[np.ndarray, Workspace]:
    """To work in, for a model of `count`; there is nothing in it that could be used."""
    room = np.full((count + 5, POINTS), np.nan, np.float32)
    work, free = np.full((2 * count + 6, count + 1), np.nan), np.full(count + 1, -1, np.intp)
    return room, Workspace(work, free, np.full(POINTS, np.nan, np.float32))


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("amount", [0.02, 0.2, 1.5])
def test_what_an_amount_brings_is_that_of_the_formulas(count, others, amount):
    for seed in range(4):
        case = Case(seed, count)
        brought = brought_by(amount, case.scene(others=others), SETTINGS, *memory(count))
        assert brought == pytest.approx(case.expected(amount, others=others), abs=1e-3)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("start", [0.02, 0.14, 2.0])
def test_the_amount_that_brings_what_is_wanted_is_the_root(count, others, start):
    wanted = 0.05 if others else 0.5
    for seed in range(4):
        case = Case(seed, count)
        found = amount_that_brings(
            wanted, start, *AMOUNTS, case.scene(others=others), SETTINGS, *memory(count)
        )
        root = brentq(lambda a, c=case: c.expected(a, others=others) - wanted, *AMOUNTS)
        assert found == pytest.approx(root, rel=0.05)


def test_no_amount_does_where_the_greatest_does_not():
    case = Case(1, 2)
    case.spike = np.zeros(POINTS)
    assert amount_that_brings(0.5, 0.1, *AMOUNTS, case.scene(others=False), SETTINGS, *memory(2)) == np.inf


def test_the_least_amount_is_given_where_it_suffices():
    case = Case(1, 2)
    case.empty = case.empty + 0.5 * case.target
    found = amount_that_brings(0.1, 0.1, *AMOUNTS, case.scene(others=False), SETTINGS, *memory(2))
    assert found == pytest.approx(AMOUNTS[0])


def test_both_the_gain_and_the_margin_must_be_reached():
    decided = set()
    for seed in range(6):
        for gain_wanted, margin_wanted in ((0.5, 0.02), (0.05, 0.3)):
            case = Case(seed, 2)
            wanted = np.array([gain_wanted, margin_wanted])
            found = least_visible(case.scene(others=True), SETTINGS, wanted, AMOUNTS, 0.1, *memory(2))

            def shares(amount, case=case, wanted=wanted):
                return [case.expected(amount, others=others) / wanted[others] for others in (0, 1)]

            assert min(shares(1.08 * found)) > 1.0
            less = shares(found / 1.08)
            assert min(less) < 1.0
            decided.add(int(np.argmin(less)))
    assert decided == {0, 1}


def thicken(values: np.ndarray, thin: int) -> np.ndarray:
    """Put points that are not to be used between those of the last axis; none after the last one."""
    whole = np.full((*values.shape[:-1], thin * values.shape[-1]), 1e3, values.dtype)
    whole[..., ::thin] = values
    return whole[..., : thin * values.shape[-1] - thin + 1].copy()


def amount_of(limit: float, area: float = 1.0, present: float = 1.0) -> float:
    """The amount that makes a share of the signal."""
    return limit * present / (area * (1.0 - limit)) if limit < np.inf else np.inf


class Several:
    """Four targets, sought on the model of one case in a matrix that has other rows too."""

    def __init__(self, thin: int) -> None:
        self.case = case = Case(3, 2)
        rng = np.random.default_rng(5)
        self.targets = np.array([case.target, curve(rng), curve(rng), curve(rng)]).astype(np.float32)
        self.holds = rng.random(self.targets.shape) < 0.95
        self.held, self.held_amounts = self.targets[::-1].copy(), np.array([0.1, 0.0, 0.2])
        imitators = np.array([[*case.others, curve(rng)]] * 4).astype(np.float32)
        families = np.array([[4, 5, 6], [7, 5, 7], [-1, -1, -1], [4, 5, 6]])
        self.base, self.weights = case.base.astype(np.float32), case.weights.astype(np.float32)
        self.empty = case.empty.astype(np.float32)
        # the model is in rows 5 and 1, what the query may hold in 0, 4 and 2
        held = self.held
        rows = np.stack([held[0], self.base[1], held[2], np.ones(POINTS), held[1], self.base[0], held[3]])
        # one of the model holds wherever the weight is whole, the other everywhere; what may be held, nowhere
        ranges = np.stack([np.zeros(POINTS, bool), self.weights != 0.5, np.ones(POINTS, bool)])
        self.query = [
            thicken(values, thin)
            for values in (rows.astype(np.float32), ranges, self.empty, self.weights > 0.0)
        ]
        # every target has its bands at two points where the query holds, the last one at three
        valid = np.flatnonzero(self.query[3])
        bands, ends = np.tile(valid[:2], 4), np.array([2, 4, 6, 9])
        bands = np.append(bands, valid[2])
        self.probes = Probes(
            np.ones(4), thin, self.targets, self.holds, 1.1 * self.targets, bands, ends, imitators, families
        )
        self.others = {0: [0, 2], 1: [0, 2], 2: [], 3: [0, 2]}

    def limits(self, sought: Sought, rules: LimitRules, *, scatter: float = 1.0, present: float = 1.0):
        limits, shares, heaviest = np.empty(3), np.empty(sought.places.size), np.empty(3, np.intp)
        limits_each(
            packed(
                References(
                    self.query[0],
                    self.query[1],
                    np.array([0, 2, 0, 0, 0, 1, 0]),
                    np.array([5, 1, 0, 4, 2]),
                )
            ),
            packed(Query(self.query[2], np.full_like(self.query[2], np.nan), self.query[3], THRESHOLD)),
            packed(self.probes),
            packed(sought),
            np.array([5]),
            packed(BandRules(0, 7, 0.6, 0.3, 0.08, np.zeros(self.query[2].size, bool))),
            SETTINGS,
            packed(rules),
            scatter,
            present,
            memory_of(3, self.query[2].size),
            np.empty(4, np.intp),
            limits,
            shares,
            heaviest,
        )
        assert limits.tolist() == [
            shares[sought.numbers == target].max(initial=-np.inf) if target in sought.numbers else np.inf
            for target in range(3)
        ]
        return limits

    def alone(self, c: int, wanted: np.ndarray, target: int | None = None) -> float:
        """The least visible amount of a probe, with what the query may hold of a target taken out."""
        target = c if target is None else target
        scene = Scene(
            np.vstack([self.base, self.targets[c]]),
            self.probes.imitators[c],
            np.array(self.others[c], np.intp),
            0,
            self.empty - np.float32(self.held_amounts[target]) * self.held[target],
            (1.1 * self.targets[c]).astype(np.float32),
            np.where(self.holds[c], self.weights, np.minimum(self.weights, np.float32(UNMEASURED))),
            THRESHOLD,
        )
        return least_visible(scene, SETTINGS, wanted, AMOUNTS, 0.14, *memory(2))


WANTED = np.array([[0.4, 0.05], [0.3, 0.03]])
ONES = np.ones((2, 2))


def asked(places: list[int], needed: list[int], numbers: list[int]) -> Sought:
    same = np.ones(len(places))
    return Sought(
        np.array(places), np.array(needed), np.array(numbers), same, same, np.array([0.1, 0.0, 0.2])
    )


EACH = asked([0, 1, 2], [1, 1, 1], [0, 1, 2])


@pytest.mark.parametrize("thin", [1, 2, 3])
def test_several_targets_are_each_sought_alone(thin):
    several = Several(thin)
    found = several.limits(EACH, LimitRules(WANTED, ONES, 0, AMOUNTS, 2, np.inf))
    for c in range(3):
        assert amount_of(found[c]) == pytest.approx(several.alone(c, WANTED[0]), rel=0.05)


def test_a_target_is_as_hard_to_see_as_its_hardest_reference():
    several = Several(1)
    sought = asked([0, 3, 1], [1, 1, 1], [0, 0, 1])
    found = several.limits(sought, LimitRules(WANTED, ONES, 0, AMOUNTS, 2, np.inf))
    each = [several.alone(c, WANTED[0], target=0) for c in (0, 3)]
    assert amount_of(found[0]) == pytest.approx(max(each), rel=0.05)
    # no reference, no limit
    assert found[2] == np.inf


def test_bands_out_of_range_and_great_shares_are_no_limit():
    several = Several(1)
    needed = asked([0, 1, 2], [3, 2, 1], [0, 1, 2])
    rules = LimitRules(WANTED, ONES, 0, AMOUNTS, 2, np.inf)
    free, found = several.limits(EACH, rules), several.limits(needed, rules)
    assert found[0] == np.inf
    assert amount_of(found[1]) == pytest.approx(amount_of(free[1]), rel=0.05)
    least = float(free.min())
    cut = several.limits(EACH, rules._replace(most_share=1.0001 * least))
    assert np.isfinite(cut).sum() == 1
    assert cut.min() == least


def test_factors_go_by_the_bands_in_range_and_scatter_is_on_all():
    several = Several(1)
    plain = LimitRules(WANTED, ONES, 0, AMOUNTS, 2, np.inf)
    sought = asked([0, 1, 3], [1, 1, 1], [0, 1, 2])
    before = [amount_of(limit) for limit in several.limits(sought, plain)]
    # two bands, two, and three: the last factor is for more
    factors = np.array([[9.0, 9.0, 1.5], [9.0, 9.0, 9.0]])
    after = several.limits(sought, plain._replace(factors=factors), scatter=2.0)
    assert [amount_of(limit) for limit in after] == pytest.approx([3.0 * amount for amount in before])
    factors = np.array([[9.0, 9.0, 1.5, 2.0], [9.0, 9.0, 9.0, 9.0]])
    after = several.limits(sought, plain._replace(factors=factors))
    expected = [factor * amount for factor, amount in zip((1.5, 1.5, 2.0), before, strict=True)]
    assert [amount_of(limit) for limit in after] == pytest.approx(expected)
    # beside nothing, in the whole of the scan
    whole = several.limits(sought, plain, present=-1.0)
    assert whole.tolist() == pytest.approx([amount / (1.0 + amount) for amount in before])


def test_less_is_wanted_the_second_time_of_what_has_few_bands():
    several = Several(1)
    wanted = np.array([[50.0, 0.05], WANTED[1]])
    rules = LimitRules(wanted, np.array([[1.0], [2.5]]), 2, AMOUNTS, 2, np.inf)
    sought = asked([0, 1, 3], [1, 1, 1], [0, 1, 2])
    found = several.limits(sought, rules)
    for c in range(2):
        assert amount_of(found[c]) == pytest.approx(2.5 * several.alone(c, WANTED[1]), rel=0.05)
    # the last has three bands: not few
    assert found[2] == np.inf
