"""The kernel of the selection against the same rules in plain Python, which calls a fit at a time."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.spectra import ReferenceSet
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import ContrastRows
from spectriage.spectra.fitting import selection
from spectriage.spectra.fitting._kernels_model import named
from spectriage.spectra.fitting._kernels_rows import descending, is_among, others_than, with_last, without
from spectriage.spectra.fitting._kernels_support import Support, count_support, find_bands
from spectriage.spectra.fitting.band_support import (
    BAND_WINDOW_CM,
    CROWD_SHARE,
    SUPPORT,
    band_support,
    independent_supports,
)
from spectriage.spectra.fitting.fit import NO_CORRECTION, Fit, Single, axis_numbers
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.library import library_of
from spectriage.spectra.fitting.selection import (
    Alone,
    Selection,
    required_gains,
    select,
    select_each,
    selection_rules,
)
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import Tier

MOST_COMPONENTS, MOST_PACKAGINGS, SECONDS, SEEN_SHARE, EQUAL_GAIN = 5, 2, 2, 0.25, 0.1


def everything(index: ContrastIndex):
    return np.ones(len(index), bool)


def alone_of(singles: list[Single]) -> Alone:
    numbers = [[single.similarity, *axis_numbers(single.axis)] for single in singles]
    return Alone(np.array([single.row for single in singles], np.intp), np.reshape(numbers, (-1, 4)))


def in_python(fitter: Fitter, allowed, policy: Policy) -> Selection:
    """What `select` does."""
    records = fitter.index.references.records
    required = required_gains(fitter.index, policy)
    singles = fitter.first(allowed)
    if not singles or singles[0].similarity <= 0.0:
        return Selection(fitter.fit((), NO_CORRECTION), alone_of([]), None)
    fit = fitter.refine((singles[0].row,), singles[0].axis, stretch=True)
    rejected: tuple[int, float] | None = None
    while True:
        may = allowed & still_open(fitter.index, fit)
        step = None
        for row, gain, excess in additions(fitter, fit, may, singles, required):
            if excess >= 0.0:
                larger = fitter.with_row(fit, row)
                if is_seen(fitter, larger, policy.supports_needed(records[row], gain)):
                    step = (row, larger)
                    break
            rejected = (row, gain) if rejected is None or gain > rejected[1] else rejected
        if step is None:
            break
        row, larger = step
        rejected = None
        fit = without_needless(fitter, fitter.refine(larger.rows, larger.axis), required)
        if row not in fit.rows:
            break
    fit = best_forms(fitter, fit, allowed)
    if len(fit.rows) > 1:
        order = np.argsort(-fit.amplitudes, kind="stable")
        fit = fitter.fit(tuple(fit.rows[i] for i in order), fit.axis)
    return Selection(fit, alone_of(singles), rejected)


def still_open(index: ContrastIndex, fit: Fit):
    """Each family counts once, and there is a most."""
    taken = {index.families[row] for row in fit.rows}
    may = np.array([family not in taken for family in index.families.tolist()])
    packagings = sum(bool(index.packaging[row]) for row in fit.rows)
    if packagings >= MOST_PACKAGINGS:
        may &= ~index.packaging
    if len(fit.rows) - packagings >= MOST_COMPONENTS:
        may &= index.packaging
    return may


def is_seen(fitter: Fitter, larger: Fit, supports_needed: int) -> bool:
    if fitter.index.references.records[larger.rows[-1]].is_packaging:
        return True
    bands = band_support(fitter, larger, len(larger.rows) - 1)
    return supported_share(bands) >= SEEN_SHARE and independent_supports(bands) >= supports_needed


def supported_share(bands) -> float:
    """The share of a component's bands, by height, that need it; 0 for no bands."""
    total = sum(band.height for band in bands)
    return sum(band.height for band in bands if band.supports) / total if total > 0.0 else 0.0


def additions(fitter: Fitter, fit: Fit, may, singles: list[Single], required):
    """Rows, their gains, and by how much these exceed what they must; the greatest excess first."""
    rows = fitter.likeliest(fit, may)
    rows += [single.row for single in singles[1 : 1 + SECONDS] if may[single.row] and single.row not in rows]
    gains = fitter.gains(fit, rows).tolist()
    tried = [(row, gain, gain - required[row]) for row, gain in zip(rows, gains, strict=True)]
    return sorted(tried, key=itemgetter(2), reverse=True)


def without_needless(fitter: Fitter, fit: Fit, required) -> Fit:
    while len(fit.rows) > 1:
        margins = fitter.losses(fit) - required[list(fit.rows)]
        worst = int(np.argmin(margins))
        if margins[worst] >= 0.0:
            break
        fit = fitter.fit(fit.without(worst), fit.axis)
    return fit


def best_forms(fitter: Fitter, fit: Fit, allowed) -> Fit:
    """Exchange each component for what fits about as well and is known by the stronger evidence."""
    index, records = fitter.index, fitter.index.references.records
    for position, row in enumerate(fit.rows):
        family = np.flatnonzero(index.families == index.families[row]).tolist()
        rows = [row, *[other for other in family if other != row and allowed[other]]]
        rest = fitter.fit(fit.without(position), fit.axis)
        if not index.hazardous[row] and records[row].tier not in (Tier.MEASURED, Tier.BANDS):
            likeliest = fitter.likeliest(rest, allowed & index.outside_families_of(fit.rows))
            rows += [other for other in likeliest if records[other].tier.rank < records[row].tier.rank]
        if len(rows) == 1:
            continue
        tried = list(zip(rows, fitter.gains(rest, rows).tolist(), strict=True))
        enough = max(gain for _, gain in tried) - EQUAL_GAIN
        best, _ = min(
            (option for option in tried if option[1] >= enough),
            key=lambda option: (records[option[0]].tier.rank, -option[1], option[0]),
        )
        if best != row:
            fit = fitter.fit((*fit.rows[:position], best, *fit.rows[position + 1 :]), fit.axis)
    return fit


def same(found: Selection, expected: Selection) -> None:
    assert found.fit.rows == expected.fit.rows
    assert found.fit.axis == expected.fit.axis
    np.testing.assert_allclose(found.fit.amplitudes, expected.fit.amplitudes, atol=1e-6)
    assert found.fit.similarity == pytest.approx(expected.fit.similarity, abs=1e-6)
    np.testing.assert_allclose(found.fit.fitted, expected.fit.fitted, atol=1e-6)
    for part in ("derivative", "compressed"):
        mine, its = getattr(found.fit.query, part), getattr(expected.fit.query, part)
        np.testing.assert_allclose(mine, its, atol=1e-6)
    np.testing.assert_array_equal(found.fit.query.valid, expected.fit.query.valid)
    assert [single.row for single in found.runner_up] == [single.row for single in expected.runner_up]
    assert [single.axis for single in found.runner_up] == [single.axis for single in expected.runner_up]
    for mine, its in zip(found.runner_up, expected.runner_up, strict=True):
        assert mine.similarity == pytest.approx(its.similarity, abs=1e-6)
    assert (found.rejected is None) is (expected.rejected is None)
    if found.rejected is not None and expected.rejected is not None:
        assert found.rejected[0] == expected.rejected[0]
        assert found.rejected[1] == pytest.approx(expected.rejected[1], abs=1e-6)


def compare(engine, spectra, allowed, policy: Policy) -> list[Selection]:
    """Select by both, each with a fitter of its own, so that neither sees the other's fits."""
    rules = selection_rules(engine.index, allowed, policy)
    made = []
    for spectrum in spectra:
        found = select(Fitter(engine.index, spectrum), rules)
        same(found, in_python(Fitter(engine.index, spectrum), allowed, policy))
        made.append(found)
    return made


def test_the_rules_are_the_documented_ones():
    assert (selection.MOST_COMPONENTS, selection.MOST_PACKAGINGS) == (MOST_COMPONENTS, MOST_PACKAGINGS)
    assert (selection.SECONDS, selection.SEEN_SHARE, selection.EQUAL_GAIN) == (
        SECONDS,
        SEEN_SHARE,
        EQUAL_GAIN,
    )


def test_simulated_scans_of_every_kind(engine, many_kinds):
    made = compare(engine, many_kinds.values(), everything(engine.index), engine.policy)
    # else some of the rules would never be asked
    sizes = {len(each.fit.rows) for each in made}
    assert {1, 2, 3} <= sizes
    assert len({each.fit.axis.broadening_cm for each in made}) > 1
    assert any(engine.index.packaging[list(each.fit.rows)].any() for each in made)
    assert any(engine.index.hazardous[list(each.fit.rows)].any() for each in made)


def test_measured_scans(engine, some_measured):
    assert len(compare(engine, some_measured, everything(engine.index), engine.policy)) > 20


def test_other_policies_and_parts_of_the_library(engine, many_kinds):
    """Easily satisfied, so that needless components are added, and dropped again; and hard to satisfy."""
    index, rng = engine.index, np.random.default_rng(1)
    some = [many_kinds[name] for name in ("two", "four", "packed four", "two hazards", "noisy", "coarse two")]
    easy = Policy(gain=0.02, hazard_gain=0.02, packaging_gain=0.02)
    found = compare(engine, some, everything(index), easy)
    assert any(len(each.fit.rows) > 4 for each in found)
    compare(engine, some, everything(index), Policy(gain=1.5, hazard_gain=1.5, packaging_gain=1.5))
    compare(engine, some, ~index.packaging, engine.policy)
    for share in np.linspace(0.1, 0.9, 12):
        # the best form is often not there, so that others take its place, and are exchanged in turn
        few = rng.random(len(index)) < share
        compare(engine, many_kinds.values(), few, Policy(gain=0.1, hazard_gain=0.1))
    weak = index.ranks > Tier.BANDS.rank
    assert compare(engine, some, weak | (rng.random(len(index)) < 0.3), engine.policy)
    (nothing,) = compare(engine, some[:1], np.zeros(len(index), bool), engine.policy)
    assert nothing.fit.rows == ()


def test_of_references_that_are_the_same_the_first_is_taken(library, many_kinds, row_of):
    """Every reference twice, as its own form and as another substance: all gains are equal."""
    names = ("caffeine-anhydrous-wasatch", "mannitol-beta", "talc-rruff", "cocaine-hcl", "fentanyl-hcl")
    few = library.subset(np.isin(np.arange(len(library)), [row_of[name] for name in names]))
    twin = [replace(r, id=f"a-{r.id}") for r in few.records]
    other = [replace(r, id=f"b-{r.id}", family=f"b {r.family}") for r in few.records]
    weaker = [replace(r, id=f"c-{r.id}", tier=Tier.ESTIMATED) for r in few.records]
    records = (*weaker, *few.records, *twin, *other)
    # by their ids, as a file has them, and in an order in which the twin comes first
    for order in (sorted(range(len(records)), key=lambda i: records[i].id), range(len(records))):
        spectra = np.vstack([few.spectra] * 4)[list(order)]
        engine = Identifier(ReferenceSet(tuple(records[i] for i in order), library.shift, spectra))
        some = [many_kinds[name] for name in ("pure", "two", "hazard", "a trace", "coarse", "noise")]
        compare(engine, some, everything(engine.index), engine.policy)
        compare(engine, some, everything(engine.index), Policy(gain=0.02, hazard_gain=0.02))
        compare(engine, some, engine.index.ranks > Tier.BANDS.rank, engine.policy)


def test_several_scans_together_are_selected_of_as_each_alone(engine, many_kinds):
    rules = selection_rules(engine.index, everything(engine.index), engine.policy)
    together = select_each([Fitter(engine.index, scan) for scan in many_kinds.values()], rules)
    for found, scan in zip(together, many_kinds.values(), strict=True):
        alone = select(Fitter(engine.index, scan), rules)
        same(found, alone)
        assert found.fit.amplitudes.tolist() == alone.fit.amplitudes.tolist()
        assert (found.rejected, found.runner_up) == (alone.rejected, alone.runner_up)
    assert select_each([], rules) == []


def test_what_is_required_is_what_the_policy_says_of_each_reference(engine):
    for policy in (Policy(), Policy(gain=0.4, hazard_gain=0.9, packaging_gain=0.2)):
        required = required_gains(engine.index, policy).tolist()
        assert required == [policy.required_gain(record) for record in engine.references.records]


def test_the_table_of_supports_is_what_the_policy_says_of_each_reference(library):
    for policy in (Policy(), Policy(targets=(Target("sugar", ("sucrose", "é")),)), Policy(hazard_gain=0.7)):
        kinds, needed, bounds = policy.supports_table(library)
        assert kinds.dtype == np.int8
        for gain in (0.0, *(bounds - 1e-9), *bounds, *(bounds + 1e-9), 99.0):
            of_kind = needed[:, np.searchsorted(bounds, gain, side="right")]
            weak, most = gain < 2.0 * policy.hazard_gain, gain >= 4.0 * policy.hazard_gain
            for record, kind in zip(library.records, kinds.tolist(), strict=True):
                hazard = record.hazard.value
                expected = 0
                if hazard in ("oxidiser", "precursor"):
                    expected = 3 if weak else 1 if most else 2
                elif hazard != "none" or record.family in policy.watched_families:
                    expected = 4 if weak else 3
                assert of_kind[kind] == policy.supports_needed(record, gain) == expected


@given(st.lists(st.integers(-4, 4), max_size=12))
@settings(deadline=None)
def test_the_greatest_come_first_and_of_equal_ones_the_first(values):
    order = descending(np.array(values, float))
    assert order.tolist() == sorted(range(len(values)), key=lambda i: -values[i])


rows_of_a_few = st.lists(st.integers(0, 9), max_size=8).map(lambda rows: np.array(rows, np.intp))


@given(rows_of_a_few, rows_of_a_few, st.integers(0, 9))
@settings(deadline=None)
def test_rows_are_taken_out_and_put_in(rows, found, row):
    kept = [other for other in found.tolist() if other not in rows.tolist()]
    assert others_than(rows, found.copy()).tolist() == kept
    assert is_among(row, rows) is (row in rows.tolist())
    assert with_last(rows, row).tolist() == [*rows.tolist(), row]
    for position in range(rows.size):
        assert without(rows, position).tolist() == [*rows[:position], *rows[position + 1 :]]


@given(st.lists(st.integers(-20, 20), min_size=3, max_size=60), st.sampled_from([0.08, 0.3, 1.0]))
@settings(deadline=None)
def test_bands_are_the_local_maxima_that_are_high_enough(values, least):
    """Whole numbers, so that there are plateaus and equal bands."""
    row = np.array(values, np.float32)
    curvature = -row
    top = max(0.0, float(curvature.max()))
    expected = [
        p
        for p in range(1, row.size - 1)
        if top > 0.0
        and curvature[p] >= np.float32(least * top)
        and curvature[p - 1] <= curvature[p] > curvature[p + 1]
    ]
    found = find_bands(row, least)
    assert found.tolist() == sorted(expected, key=lambda p: -curvature[p])


def test_bands_are_those_that_references_are_known_by(engine):
    rows: ContrastRows = engine.index.rows
    for row in range(0, len(engine.index), 3):
        for width in (0.0, 12.0):
            assert find_bands(rows.row(row, width), 0.08).tolist() == rows.bands(row, width).centres.tolist()


@pytest.fixture(scope="module")
def packed_library(engine):
    """With names, as kernels see it."""
    return named(library_of(engine.index, 0))


@given(st.data())
@settings(deadline=None)
def test_support_is_counted_by_the_rule(packed_library, data):
    shared = packed_library.bands.shared
    lines = np.flatnonzero(shared).tolist()
    place = st.one_of(st.integers(0, shared.size - 1), st.sampled_from(lines))
    centres = data.draw(st.lists(place, max_size=8))
    numbers = st.lists(st.floats(0.015625, 1.0, width=32), min_size=len(centres), max_size=len(centres))
    heights = np.array(sorted(data.draw(numbers), reverse=True), np.float32)
    left = st.one_of(st.just(-1.0), st.just(SUPPORT), st.floats(0.0, 1.5))
    remaining = data.draw(st.lists(left, min_size=len(centres), max_size=len(centres)))
    beside = data.draw(st.lists(st.floats(-1.0, 8.0), min_size=len(centres), max_size=len(centres)))
    total = needing = 0.0
    alone, together = 0, False
    for place_, height, rest, other in zip(centres, heights, remaining, beside, strict=True):
        if rest < 0.0:
            continue
        total += float(height) / float(heights[0])
        if rest <= SUPPORT and CROWD_SHARE * other <= 1.0:
            needing += float(height) / float(heights[0])
            alone, together = alone + (not shared[place_]), together or bool(shared[place_])
    support = Support(np.array(centres, np.intp), heights, np.array(remaining), np.array(beside))
    share, count = count_support(packed_library, support)
    assert share == pytest.approx(needing / total if total else 0.0, abs=1e-6)
    assert count == alone + together
    assert BAND_WINDOW_CM > 0.0
