"""The JSON that is written at once is, to the byte, what Python's own encoder makes of the same result."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spectriage.spectra.formats import read_spectra
from spectriage.spectra.verdict._kernels_numbers import INTEGER, LONGEST, NUMBER, SIX_DIGITS, fill_in
from spectriage.spectra.verdict.json_text import HERE, filled

ANY = st.one_of(
    st.floats(),
    st.floats(-2.0, 2.0),
    # next to where a digit is rounded up, or down
    st.builds(lambda n, power: (n + 0.5) / 10.0**power, st.integers(-(10**7), 10**7), st.integers(0, 9)),
    st.builds(lambda n, power: n * 10.0**power, st.integers(-(10**6), 10**6), st.integers(-25, 18)),
)


def of_python(value: float, decimals: int) -> str:
    return json.dumps(float(f"{value:.5e}") if decimals == SIX_DIGITS else round(value, decimals))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(ANY, st.sampled_from([0, 1, 2, 3, 4, 6, SIX_DIGITS])), min_size=1, max_size=8))
@example([(-0.0, 6), (0.0, SIX_DIGITS), (-1e-9, 6), (9.7e-5, 6), (0.9999996, SIX_DIGITS), (0.0078125, 6)])
@example([(math.nan, 6), (math.inf, SIX_DIGITS), (-math.inf, 1), (1e300, 6), (5e-324, SIX_DIGITS)])
@example([(1e16, SIX_DIGITS), (123456.5, 0), (1e15, 1), (2.675, 2), (1e-4, 4), (1e23, SIX_DIGITS)])
def test_numbers_are_written_as_python_writes_them(given_numbers):
    values, decimals = zip(*given_numbers, strict=True)
    expected = ", and ".join([of_python(*each) for each in given_numbers])
    assert filled(", and ".join([HERE] * len(values)), values, bytes(decimals)) == expected


@settings(deadline=None)
@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_have_no_point(value):
    assert filled(HERE, [value], bytes([INTEGER])) == str(value)


def test_the_kernel_leaves_few_numbers_to_python():
    values = np.random.default_rng(0).lognormal(-3.0, 4.0, 2000)
    decimals = np.tile(np.array([6, 4, SIX_DIGITS, 2], np.uint8), 500)
    template, unsure = np.full(values.size, NUMBER, np.uint8), np.empty(values.size, np.intp)
    text = np.empty((LONGEST + 1) * values.size, np.uint8)
    size, missing = fill_in(template, values, decimals, text, unsure)
    assert missing == 0
    assert size < text.size
    assert NUMBER not in text[:size]


@pytest.fixture(scope="module")
def results(engine, sample):
    samples = (
        sample({"fentanyl-hcl": 0.5, "mannitol-beta": 0.5}, seed=1),
        sample({"caffeine-anhydrous-wasatch": 0.5, "sucrose-crystalline-wasatch": 0.5}, seed=1),
        sample({"polyethylene-hdpe-wasatch": 1.0}, seed=1),
        sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1, snr=0.5),
    )
    return [engine.identify(spectrum) for spectrum in samples]


def test_a_result_is_written_as_python_writes_it(results):
    for result in results:
        for named in ({}, {"input_name": 'a "b" %s ü\n.csv', "elapsed_ms": 2.34567}):
            assert result.json_text(**named) == json.dumps(result.to_json(**named))


def test_what_is_missing_or_infinite_is_written_too(results):
    alone = results[1]
    parts = tuple(
        part._replace(probability=None, p_value=None, likelihood_ratio=None) for part in alone.components
    )
    assert parts
    candidates = tuple(each._replace(probability=None, p_value=None) for each in alone.candidates)
    target = alone.targets[0]._replace(lod=math.inf, provisional=True, supports=3, probability=0.25)
    changed = replace(
        alone,
        components=parts,
        candidates=candidates,
        targets=(target, *alone.targets[1:]),
        similarity=math.nan,
        notes=("50 % of it",),
        quality=replace(alone.quality, resolution_cm=8.0),
        library={},
    )
    assert changed.json_text() == json.dumps(changed.to_json())
    empty = replace(changed, components=(), candidates=(), targets=())
    assert empty.json_text() == json.dumps(empty.to_json())


def test_measured_scans_are_written_as_python_writes_them(engine, measured):
    paths = sorted(measured.rglob("*.csv"))[:12]
    written = 0
    for path in paths:
        try:
            spectra = read_spectra(path)
            result = engine.identify(next(iter(spectra.values())))
        except Exception:  # what cannot be read is another test's
            continue
        assert result.json_text(input_name=str(path)) == json.dumps(result.to_json(input_name=str(path)))
        written += 1
    assert written
