"""The kernel of the selection against the same stated plainly, on made-up libraries, held and gathered."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.bench.sets.made_up import made_up_spectra
from spectriage.spectra import Spectrum
from spectriage.spectra.contrast import rows as contrast_rows
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting._kernels_selection import supports_needed
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import describe, select
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.signal import DEFAULT_GRID
from tests.spectra.fitting.plain_selection import plain_select

COUNT, LIBRARIES = 40, 3
CLASSES = ("cutting-agent", "cutting-agent", "cutting-agent", "packaging")


@cache
def indexes(seed: int) -> tuple[ContrastIndex, ContrastIndex]:
    """A made-up library held whole, and of which only those rows are gathered that are asked for.

    Some references are another's variants of the same family, so that there are forms to choose from.
    """
    rng = np.random.default_rng(seed)
    shift = DEFAULT_GRID.shift
    spectra = made_up_spectra(COUNT, shift, seed)
    families = np.arange(COUNT)
    for row in range(0, COUNT - 1, 4):
        spectra[row + 1] = 0.99 * spectra[row] + 0.01 * spectra[row + 1]
        families[row + 1] = row if rng.random() < 0.7 else row + 1
    records = tuple(
        Reference(
            f"r{row}",
            f"s{row}",
            family=f"f{families[row]}",
            material_class=str(rng.choice(CLASSES)),
            tier=Tier(rng.choice(list(Tier))),
            hazard=Hazard(rng.choice(list(Hazard), p=[0.1, 0.05, 0.05, 0.1, 0.05, 0.65])),
        )
        for row in range(COUNT)
    )
    library = ReferenceSet(records, shift, spectra, name="made up")
    held = ContrastIndex(library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contrast_rows, "HELD_BYTES", 0)
        return held, ContrastIndex(library)


def scan(index: ContrastIndex, seed: int, parts: int, snr: float, offset_cm: float) -> Spectrum:
    """A sum of references with others' bands, a background and noise; not the library's own rendering."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(COUNT, parts, replace=False)
    shift = index.references.shift
    values = rng.uniform(0.1, 1.0, parts) @ index.references.spectra[rows].astype(float)
    values += 0.1 * made_up_spectra(1, shift, seed % 1000)[0]
    values += rng.normal(scale=values.max() / snr, size=shift.size) + 2.0 - shift / 2000.0
    return Spectrum(shift + offset_cm, 1e3 * values)


@given(
    st.integers(0, LIBRARIES - 1),
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.sampled_from([8.0, 40.0, 400.0]),
    st.sampled_from([0.0, 1.5, -4.0]),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_it_selects_what_is_selected_step_by_step(library, seed, parts, snr, offset_cm, most):
    allowed = np.random.default_rng(seed).random(COUNT) < 0.9
    policy = Policy()
    held, gathered = indexes(library)
    spectrum = scan(held, seed, parts, snr, offset_cm)
    fit, singles, rejected = plain_select(Fitter(held, spectrum), allowed, policy, most)
    for index in (held, gathered):
        found = select(Fitter(index, spectrum), allowed, policy, most=most)
        assert found.fit.rows == fit.rows
        assert found.fit.axis == fit.axis
        assert found.fit.similarity == pytest.approx(fit.similarity, rel=1e-6)
        np.testing.assert_allclose(found.fit.amplitudes, fit.amplitudes, rtol=1e-6)
        np.testing.assert_allclose(found.fit.fitted, fit.fitted, atol=1e-6)
        np.testing.assert_allclose(found.fit.query.derivative, fit.query.derivative, atol=1e-7)
        assert [single.row for single in found.runner_up] == [single.row for single in singles]
        assert (found.rejected is None) == (rejected is None)
        if rejected is not None:
            assert found.rejected == (rejected[0], pytest.approx(rejected[1], rel=1e-5, abs=1e-6))


def test_the_cases_are_not_all_alike():
    """Of the scans above: several components, exchanged forms, and additions that are turned down."""
    counts: Counter[str] = Counter()
    for seed in range(30):
        index = indexes(seed % LIBRARIES)[0]
        spectrum = scan(index, seed, 1 + seed % 4, 400.0, 0.0)
        found = select(Fitter(index, spectrum), index.everything, Policy())
        counts["several"] += len(found.fit.rows) > 1
        counts["turned down"] += found.rejected is not None
        counts["exchanged"] += found.runner_up[0].row not in found.fit.rows
    assert min(counts[name] for name in ("several", "turned down", "exchanged")) >= 3


@given(st.sampled_from(list(Hazard)), st.booleans(), st.floats(0.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_as_many_bands_are_needed_as_the_policy_says(hazard, watched, gain):
    policy = Policy()
    family = sorted(policy.watched_families)[0] if watched else "nobody's"
    reference = Reference("r", "s", family=family, hazard=hazard)
    library = ReferenceSet((reference,), DEFAULT_GRID.shift, made_up_spectra(1, DEFAULT_GRID.shift))
    kind = int(describe(ContrastIndex(library), policy).kinds[0])
    assert supports_needed(kind, gain, policy.hazard_gain) == policy.supports_needed(reference, gain)


def test_two_threads_select_the_same_as_one():
    """Kernels let go of the interpreter, and share a library: what they write must be their own."""
    held, gathered = indexes(1)
    scans = [scan(held, seed, 1 + seed % 4, 100.0, 0.0) for seed in range(12)]

    def selected(case: tuple[ContrastIndex, Spectrum]) -> tuple[tuple[int, ...], bytes]:
        index, spectrum = case
        fit = select(Fitter(index, spectrum), index.everything, Policy()).fit
        return fit.rows, fit.amplitudes.tobytes() + fit.fitted.tobytes()

    for index in (held, gathered):
        cases = [(index, spectrum) for spectrum in scans] * 4
        alone = [selected(case) for case in cases]
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(selected, cases)) == alone
