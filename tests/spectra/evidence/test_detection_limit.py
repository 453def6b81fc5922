"""The limit of detection's kernels against the documented fit, written with SciPy's solver."""

import numpy as np
import pytest
from scipy.optimize import brentq, nnls

from spectriage.spectra.contrast._kernels_arguments import Query, References
from spectriage.spectra.evidence._kernels_detection_limit import (
    Asked,
    LimitSearch,
    Scene,
    Targets,
    amount_that_brings,
    brought_by,
    least_visible,
    least_visible_each,
)
from spectriage.spectra.fitting._kernels_fit import FitSettings, Workspace

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
        self.amounts = rng.uniform(0.5, 1.0, count)
        self.empty = self.amounts @ self.base + 0.15 * curve(rng)
        self.weights = rng.choice([0.0, 0.5, 1.0], POINTS, p=[0.05, 0.1, 0.85])

    def expected(self, amount: float, *, others: bool) -> float:
        derivative = np.where(self.weights > 0, self.empty + amount * self.spike, 0.0)
        with_it = left_by(np.vstack([self.base, self.target]), derivative, self.weights)
        if not others:
            return left_by(self.base, derivative, self.weights) - with_it
        rivals = [left_by(np.vstack([self.base, o]), derivative, self.weights) for o in self.others]
        return min(rivals) - with_it

    def scene(self, *, others: bool) -> Scene:
        single = [np.vstack([self.base, self.target]), self.others if others else self.others[:0]]
        single += [self.empty, self.spike, self.weights]
        return Scene(*(a.astype(np.float32) for a in single), self.amounts, THRESHOLD)


def memory(count: int) -> tuple[np.ndarray, Workspace]:
    """To work in, for a model of `count`; there is nothing in it that could be used."""
    room = np.full((count + 4, POINTS), np.nan, np.float32)
    return room, Workspace(np.full((2 * count + 6, count + 1), np.nan), np.full(count + 1, -1, np.intp))


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
            wanted, start, AMOUNTS, case.scene(others=others), SETTINGS, *memory(count)
        )
        root = brentq(lambda a, c=case: c.expected(a, others=others) - wanted, *AMOUNTS)
        assert found == pytest.approx(root, rel=0.05)


def test_no_amount_does_where_the_greatest_does_not():
    case = Case(1, 2)
    case.spike = np.zeros(POINTS)
    assert amount_that_brings(0.5, 0.1, AMOUNTS, case.scene(others=False), SETTINGS, *memory(2)) == np.inf


def test_the_least_amount_is_given_where_it_suffices():
    case = Case(1, 2)
    case.empty = case.empty + 0.5 * case.target
    found = amount_that_brings(0.1, 0.1, AMOUNTS, case.scene(others=False), SETTINGS, *memory(2))
    assert found == pytest.approx(AMOUNTS[0])


def test_both_the_gain_and_the_margin_must_be_reached():
    decided = set()
    for seed in range(6):
        for gain_wanted, margin_wanted in ((0.5, 0.02), (0.05, 0.3)):
            case = Case(seed, 2)
            wanted = np.array([gain_wanted, margin_wanted])
            search = LimitSearch(wanted, AMOUNTS, 2)
            found = least_visible(case.scene(others=True), SETTINGS, search, 0.1, *memory(2))

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


@pytest.mark.parametrize("thin", [1, 2, 3])
def test_several_targets_are_each_sought_alone(thin):
    case = Case(3, 2)
    rng = np.random.default_rng(5)
    targets = np.array([case.target, curve(rng), curve(rng), curve(rng)]).astype(np.float32)
    holds = rng.random(targets.shape) < 0.95
    held, held_amounts = targets[::-1].copy(), np.array([0.1, 0.0, 0.2, 0.0])
    imitators = np.array([[*case.others, curve(rng)]] * 4).astype(np.float32)
    families = np.array([[4, 5, 6], [7, 5, 7], [-1, -1, -1], [4, 5, 6]])
    expected = {0: [0, 2], 1: [0, 2], 2: []}
    asked, taken = np.array([0, 1, 2]), np.array([5])
    base, weights = case.base.astype(np.float32), case.weights.astype(np.float32)
    empty, found = case.empty.astype(np.float32), np.empty(3)
    wanted = np.array([0.4, 0.05])
    # a matrix that has others too: the model is in rows 5 and 1, what the query may hold in 0, 4, 2 and 6
    rows = np.stack([held[0], base[1], held[2], np.ones(POINTS), held[1], base[0], held[3]])
    # one of the model holds wherever the weight is whole, the other everywhere; what may be held, nowhere
    ranges = np.stack([np.zeros(POINTS, bool), weights != 0.5, np.ones(POINTS, bool)])
    numbers, places = np.array([0, 2, 0, 0, 0, 1, 0]), np.array([5, 1, 0, 4, 2, 6])
    query = [thicken(values, thin) for values in (rows.astype(np.float32), ranges, empty, weights > 0.0)]
    search = LimitSearch(wanted, AMOUNTS, 2)
    least_visible_each(
        References(query[0], query[1], numbers, places),
        case.amounts,
        Query(query[2], np.full_like(query[2], np.nan), query[3], THRESHOLD),
        Targets(thin, targets, holds, 1.1 * targets, imitators, families),
        Asked(asked, held_amounts),
        taken,
        SETTINGS,
        search,
        found,
    )
    for c, others in expected.items():
        scene = Scene(
            np.vstack([base, targets[c]]),
            imitators[c, others],
            empty - np.float32(held_amounts[c]) * held[c],
            (1.1 * targets[c]).astype(np.float32),
            np.where(holds[c], weights, np.minimum(weights, np.float32(UNMEASURED))),
            case.amounts,
            THRESHOLD,
        )
        alone = least_visible(scene, SETTINGS, search, 0.14, *memory(2))
        assert found[c] == pytest.approx(alone, rel=0.05)
