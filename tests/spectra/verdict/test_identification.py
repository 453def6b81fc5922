"""The JSON that others build on, version 1: names, types, and the same bytes every time."""

import json
import math

import numpy as np
import pytest

from spectriage.spectra import Tier
from spectriage.spectra.identify import Identifier
from spectriage.spectra.verdict.component import Candidate
from spectriage.spectra.verdict.identification import JSON_SCHEMA, Identification
from spectriage.spectra.verdict.verdict import Verdict

TOP = {
    "schema": int,
    "input": str,
    "verdict": str,
    "reason": str,
    "summary": str,
    "components": list,
    "candidates": list,
    "quality": dict,
    "library": dict,
    "engine": dict,
    "elapsed_ms": float,
}
COMPONENT = {
    "reference_id": str,
    "substance": str,
    "family": str,
    "form": str,
    "class": str,
    "hazard": str,
    "tier": str,
    "spectral_fraction": float,
    "score": float,
}
CANDIDATE = {
    "reference_id": str,
    "substance": str,
    "family": str,
    "class": str,
    "tier": str,
    "score": float,
}


def check(table: dict, fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        assert name in table, name
        assert type(table[name]) is kind, (name, table[name])


@pytest.fixture(scope="module")
def results(engine, sample) -> dict[str, Identification]:
    """One of each kind."""
    samples = {
        "alarm": sample({"fentanyl-hcl": 0.5, "mannitol-beta": 0.5}, seed=1),
        "warning": sample({"xylazine-hcl": 1.0}, seed=1),
        "packaging": sample({"polyethylene-hdpe-wasatch": 1.0}, seed=1),
        "benign": sample({"caffeine-anhydrous-wasatch": 0.5, "sucrose-crystalline-wasatch": 0.5}, seed=1),
        "weak": sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1, snr=0.5),
    }
    return {name: engine.identify(spectrum) for name, spectrum in samples.items()}


KINDS = ("alarm", "warning", "packaging", "benign", "weak")


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_version_1_is_there(results, kind):
    table = json.loads(json.dumps(results[kind].to_json(input_name="a.csv", elapsed_ms=3.5), allow_nan=False))
    check(table, TOP)
    assert table["schema"] == JSON_SCHEMA == 1
    assert table["input"] == "a.csv"
    assert table["elapsed_ms"] == 3.5
    assert table["verdict"] in {"ALARM", "WARNING", "INCONCLUSIVE", "NO_ALARM"}
    check(table["library"], {"name": str, "version": str, "sha256": str})
    assert len(table["library"]["sha256"]) == 64
    check(table["engine"], {"version": str})
    for component in (*table["components"], *table["packaging"]):
        check(component, COMPONENT)
    for candidate in table["candidates"]:
        check(candidate, CANDIDATE)


@pytest.mark.parametrize("kind", KINDS)
def test_at_least_ten_candidates_best_first(results, kind):
    candidates = results[kind].to_json()["candidates"]
    assert len(candidates) >= 10
    scores = [candidate["score"] for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)
    ids = [candidate["reference_id"] for candidate in candidates]
    assert len(set(ids)) == len(ids)


def test_what_they_should_be(results):
    assert results["alarm"].verdict is Verdict.ALARM
    assert results["warning"].verdict is Verdict.WARNING
    assert results["packaging"].reason == "packaging-only"
    assert {part.claim for part in results["benign"].components} == {"caffeine", "sucrose"}
    assert results["weak"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("kind", KINDS)
def test_values_come_from_their_own_vocabularies(results, kind, library):
    ids = {record.id: record for record in library.records}
    table = results[kind].to_json()
    for part in (*table["components"], *table["packaging"], *table["candidates"]):
        record = ids[part["reference_id"]]
        assert part["tier"] == record.tier
        assert part["family"] == record.family
        assert part["class"] == record.material_class
        for name in ("probability", "p_value"):
            assert part[name] is None or 0.0 <= part[name] <= 1.0
    assert sum(c["probability"] or 0.0 for c in table["candidates"]) <= 1.0 + 1e-5 or len(
        {c["substance"] for c in table["candidates"]}
    ) < len(table["candidates"])


@pytest.mark.parametrize("kind", ["alarm", "warning", "benign"])
def test_fractions_are_shares_with_intervals(results, kind):
    components = results[kind].to_json()["components"]
    assert sum(part["spectral_fraction"] for part in components) == pytest.approx(1.0, abs=0.05)
    for part in components:
        low, high = part["spectral_fraction_interval"]
        assert 0.0 <= low <= part["spectral_fraction"] <= high <= 1.0


def test_a_component_claims_no_more_than_its_tier(results, library):
    ids = {record.id: record for record in library.records}
    for result in results.values():
        for part in result.to_json()["components"]:
            record = ids[part["reference_id"]]
            known = record.tier in (Tier.MEASURED, Tier.BANDS)
            assert part["substance"] == (record.substance if known else record.family)


@pytest.mark.parametrize("kind", KINDS)
def test_the_canonical_result_holds_no_times(results, kind):
    table = results[kind].to_json()
    assert "elapsed_ms" not in table
    names = []

    def walk(value):
        if isinstance(value, dict):
            names.extend(value)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(table)
    words = {word for name in names for word in name.split("_")}
    assert not words & {"elapsed", "ms", "time", "date", "host", "user", "path"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_survives_json(results, kind):
    table = results[kind].to_json(input_name="päth.csv", elapsed_ms=1.25)
    text = json.dumps(table, ensure_ascii=False, allow_nan=False)
    assert json.loads(text) == table
    assert "\n" not in text


def test_repeated_runs_give_the_same_bytes(engine, library, sample):
    spectrum = sample({"fentanyl-hcl": 0.4, "caffeine-anhydrous-wasatch": 0.6}, seed=2)
    first = json.dumps(engine.identify(spectrum).to_json())
    engine.identify(sample({"talc-rruff": 1.0}, seed=9))
    assert json.dumps(engine.identify(spectrum).to_json()) == first
    # what an engine saw before does not matter
    assert json.dumps(Identifier(library).identify(spectrum).to_json()) == first


def test_every_target_is_printed_with_its_limit(results):
    for result in results.values():
        targets = result.to_json()["targets"]
        assert len(targets) == 14
        for item in targets:
            assert type(item["found"]) is bool
            assert item["lod"] is None or 0.0 < item["lod"] <= 1.0


@pytest.mark.parametrize("lod", [math.inf, math.nan, 1.2])
def test_a_limit_that_no_amount_would_reach_is_null(results, lod):
    target = results["benign"].targets[0]._replace(lod=lod)
    assert target.to_json()["lod"] is None


def test_numbers_have_six_digits(library):
    candidate = Candidate(library.records[0], 0.123456789, 0.123456789, 1.23456789e-7, 1.23456789e15)
    table = candidate.to_json()
    assert table["score"] == 0.123457
    assert table["probability"] == 0.123457
    assert table["p_value"] == 1.23457e-07
    assert table["likelihood_ratio"] == 1.23457e15
    assert Candidate(library.records[0], 0.5).to_json()["probability"] is None


def test_no_numpy_reaches_the_json(results):
    def walk(value):
        assert not isinstance(value, np.generic)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(item)

    for result in results.values():
        walk(result.to_json(elapsed_ms=1.0))
