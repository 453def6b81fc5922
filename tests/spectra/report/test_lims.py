"""One row a substance: nothing lost, nothing made up, no formula."""

import csv
import io

import pytest

from spectriage.spectra.report import substance_rows, to_csv
from spectriage.spectra.report.lims import COLUMNS

PART = {
    "substance": "cocaine",
    "family": "cocaine",
    "form": "hydrochloride",
    "class": "stimulant",
    "tier": "bands",
    "spectral_fraction": 0.4213,
    "spectral_fraction_interval": [0.31, 0.52],
    "probability": 0.98765,
}
RESULT = {
    "input": "scan.csv",
    "verdict": "ALARM",
    "reason": "controlled",
    "components": [PART, {**PART, "substance": "caffeine", "form": "", "mass_fraction_interval": [0.2, 0.5]}],
    "packaging": [{"substance": "polyethylene"}],
    "library": {"name": "shipped", "version": "1", "sha256": "ab" * 32},
    "engine": {"version": "0.1.0"},
}


def test_one_row_a_substance():
    rows = substance_rows(RESULT, sample="bag 7", time="2024-05-06", scan_sha256="cd" * 32)
    assert [row["substance"] for row in rows] == ["cocaine", "caffeine"]
    assert all(tuple(row) == COLUMNS for row in rows)
    first, second = rows
    assert (first["signal_percent"], first["signal_percent_low"], first["signal_percent_high"]) == (
        "42.1",
        "31.0",
        "52.0",
    )
    # a share of the signal never stands for a mass
    assert (first["mass_percent_low"], second["mass_percent_low"], second["mass_percent_high"]) == (
        "",
        "20.0",
        "50.0",
    )
    assert {row["sample"] for row in rows} == {"bag 7"}
    assert {row["library_sha256"] for row in rows} == {"ab" * 32}
    assert {row["scan_sha256"] for row in rows} == {"cd" * 32}
    assert first["packaging"] == "polyethylene"


def test_a_scan_without_a_substance_is_a_row_too():
    (row,) = substance_rows({**RESULT, "verdict": "INCONCLUSIVE", "components": []})
    assert (row["sample"], row["verdict"], row["substance"]) == ("scan.csv", "INCONCLUSIVE", "")


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@a", 'a,"b"\nc'])
def test_csv_reads_back_and_holds_no_formula(name):
    text = to_csv(substance_rows(RESULT, sample=name))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["sample"] == (name if name.startswith("a") else f"'{name}")
    assert all(cell[:1] not in ("=", "+", "@") for row in rows for cell in row.values())


def test_a_real_identification(engine, sample):
    result = engine.identify(sample({"caffeine-anhydrous-wasatch": 1.0}, seed=1))
    rows = substance_rows(result, sample="bag 7")
    assert rows == substance_rows(result.to_json(), sample="bag 7")
    assert rows[0]["substance"] == result.components[0].claim
    assert rows[0]["verdict"] == str(result.verdict)
    assert rows[0]["library_sha256"]
