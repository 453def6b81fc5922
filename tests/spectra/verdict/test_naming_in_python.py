"""What a fit is named by: the kernel against the same rules in plain Python, which calls a fit at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from spectriage.spectra.contrast._kernels_coarse import pool_rest
from spectriage.spectra.contrast.coarse import as_float
from spectriage.spectra.evidence.sighting import Sighting, sight
from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.fitting.band_support import band_support
from spectriage.spectra.fitting.fit import Axis, Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import Alone, select, selection_rules
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.verdict.naming import Fitted, Named, Namer

CANDIDATES, ALTERNATIVES, ALTERNATIVE_GAIN = 12, 8, 0.1


class Part(NamedTuple):
    """What is said of a component."""

    fraction: float
    gain: float
    bands: tuple[BandSupport, ...]
    alternatives: tuple[str, ...]
    sighting: Sighting


def everything(index):
    return np.ones(len(index), bool)


def parts_in_python(fitter: Fitter, fit: Fit, allowed, policy: Policy) -> dict[str, Part]:
    """Of every component that is named, by its id."""
    index, records = fitter.index, fitter.index.references.records
    areas = [a * index.area_per_norm(row) for row, a in zip(fit.rows, fit.amplitudes.tolist(), strict=True)]
    wraps = [records[row].is_packaging for row in fit.rows]
    total = sum(area for area, wrap in zip(areas, wraps, strict=True) if not wrap) or sum(areas) or 1.0
    taken = {records[row].substance for row in fit.rows}
    gains = fitter.losses(fit).tolist()
    parts = {}
    for position, row in enumerate(fit.rows):
        if not wraps[position] and areas[position] / total < policy.min_fraction:
            continue
        rest = fitter.fit(fit.without(position), fit.axis)
        others = [other for other in likest(rest, allowed, ALTERNATIVES, fitter) if other not in rest.rows]
        others = [other for other in others if records[other].substance not in taken]
        own, *tried = fitter.gains(rest, [row, *others]).tolist()
        near = [
            records[other].id
            for other, gain in zip(others, tried, strict=True)
            if gain >= own - ALTERNATIVE_GAIN
        ]
        parts[records[row].id] = Part(
            areas[position] / total,
            gains[position],
            band_support(fitter, fit, position),
            tuple(sorted(near)),
            sight(fitter, fit, position),
        )
    return parts


def likest(rest: Fit, allowed, count: int, fitter: Fitter) -> list[int]:
    """The rows that may be and look most like what a fit leaves, best first."""
    coarse = fitter.index.coarse
    left = np.empty(coarse.shape[1], np.float32)
    pool_rest(rest.query.packed, rest.fitted, left)
    like = as_float(coarse) @ left
    order = np.argsort(-like, kind="stable")
    return [row for row in order.tolist() if allowed[row] and like[row] > 0.0][:count]


def candidates_in_python(fitter: Fitter, fit: Fit, singles) -> list[tuple[str, float]]:
    """The ids and scores of what the whole scan looks like."""
    records = fitter.index.references.records
    scores = {single.row: single.similarity for single in singles}
    worst = min(scores.values(), default=1.0)
    nothing = fitter.fit((), singles[0].axis if singles else fit.axis)
    found = likest(nothing, everything(fitter.index), CANDIDATES + len(singles), fitter)
    rows = [row for row in found if row not in scores]
    for row, gain in zip(rows, fitter.gains(nothing, rows).tolist(), strict=True):
        scores[row] = min(1.0 - math.exp(-gain), worst)
    ranked = sorted((-round(score, 9), records[row].id) for row, score in scores.items())
    return [(name, max(-score, 0.0)) for score, name in ranked[:CANDIDATES]]


def left_in_python(fit: Fit, step_cm: float) -> tuple[int, float]:
    """How many bands the fit leaves, and how high the greatest is."""
    query, near = fit.query, round(10.0 / step_cm)
    left = np.where(query.valid, fit.fitted - query.derivative, np.float32(0.0)).astype(np.float64)
    highest = max(0.0, -float(np.where(query.valid, query.derivative, 0.0).min()))
    heights = []
    for p in range(1, left.size - 1):
        if left[p] > 0.0 and left[p] >= left[p - 1] and left[p] > left[p + 1]:
            around = float(np.abs(fit.fitted[max(0, p - near) : p + near + 1]).max())
            if left[p] > around + 10.0 * query.noise + 0.004 * highest:
                heights.append(float(left[p]) - around)
    return len(heights), max(heights, default=0.0) / highest if highest > 0.0 else 0.0


def same(found: Named, parts, candidates, left) -> None:
    components, likeness, unexplained = found
    assert unexplained == pytest.approx(left, abs=1e-9)
    assert {part.reference.id for part in components} == set(parts)
    for part in components:
        expected = parts[part.reference.id]
        assert part.spectral_fraction == pytest.approx(expected.fraction, abs=1e-9)
        assert part.gain == pytest.approx(expected.gain, abs=1e-6)
        assert part.alternatives == expected.alternatives
        assert part.sighting == pytest.approx(expected.sighting, abs=1e-6)
        assert len(part.bands) == len(expected.bands)
        assert part.bands.independent == expected.bands.independent
        for mine, its in zip(part.bands, expected.bands, strict=True):
            assert mine == its._replace(remaining=pytest.approx(its.remaining, abs=1e-6))
    assert [(each.reference.id, each.score) for each in likeness] == [
        (name, pytest.approx(score, abs=1e-6)) for name, score in candidates
    ]


def compare(engine, spectra, *, rows=None, allowed=None) -> list:
    """Name what is selected, or given rows, by both, each with a fitter of its own."""
    index, policy = engine.index, engine.policy
    allowed = everything(index) if allowed is None else allowed
    rules, namer = selection_rules(index, allowed, policy), Namer(index, policy, engine.null, allowed)
    named = []
    for spectrum in spectra:
        answers = []
        for _ in range(2):
            fitter = Fitter(index, spectrum)
            chosen = select(fitter, rules)
            fit = chosen.fit if rows is None else fitter.fit(rows, Axis(1.0, 0.0, 8.0))
            answers.append(Fitted(fitter, fit, chosen.alone, 200.0))
        one, (fitter, fit, *_) = answers
        singles = chosen.runner_up
        (found,) = namer.name([one])
        parts = parts_in_python(fitter, fit, allowed, policy)
        left = left_in_python(fit, index.step_cm)
        same(found, parts, candidates_in_python(fitter, fit, singles), left)
        named.append(found)
    return named


def test_simulated_scans_of_every_kind(engine, many_kinds):
    found = compare(engine, many_kinds.values())
    components = [part for named in found for part in named.components]
    # else much of what is compared is always the same
    assert any(part.alternatives for part in components)
    assert any(not part.alternatives for part in components)
    assert any(band.crowded for part in components for band in part.bands)
    assert len({named.unexplained for named in found}) > 3
    assert len({part.sighting for part in components}) > 20


def test_measured_scans(engine, some_measured):
    compare(engine, some_measured)


def test_given_models_and_parts_of_the_library(engine, many_kinds, row_of):
    """Wrong models, references without amplitude, what may not explain, and nothing at all."""
    names = (
        "caffeine-anhydrous-wasatch",
        "talc-rruff",
        "polyethylene-hdpe-wasatch",
        "cocaine-hcl",
        "rdx-alpha",
    )
    rows = tuple(row_of[name] for name in names)
    some = [many_kinds[name] for name in ("pure", "packed hazard", "noise", "short")]
    for count in range(len(rows) + 1):
        compare(engine, some, rows=rows[:count])
    few = np.random.default_rng(1).random(len(engine.index)) < 0.2
    compare(engine, some, allowed=few)
    for nothing in compare(engine, some, allowed=np.zeros(len(engine.index), bool)):
        assert nothing[0] == ()


def test_several_scans_together_are_named_as_each_alone(engine, many_kinds):
    """Fits of different sizes, at different axes and resolutions, with none among them."""
    index, policy = engine.index, engine.policy
    rules = selection_rules(index, everything(index), policy)
    namer = Namer(index, policy, engine.null, everything(index))
    scans = []
    for spectrum in many_kinds.values():
        fitter = Fitter(index, spectrum)
        chosen = select(fitter, rules)
        scans.append(Fitted(fitter, chosen.fit, chosen.alone, 100.0))
    nothing = Fitter(index, many_kinds["two"])
    scans.insert(
        3, Fitted(nothing, nothing.fit((), Axis()), Alone(np.empty(0, np.intp), np.empty((0, 4))), 50.0)
    )
    assert namer.name(scans) == [namer.name([scan])[0] for scan in scans]
    assert namer.name([]) == []
