"""References are found by what people call them, and counted."""

from __future__ import annotations

import numpy as np
import pytest

from spectriage.library.catalogue import load_catalogue
from spectriage.library.catalogue.lookup import find_records, search_records
from spectriage.library.catalogue.summary import as_markdown, summarise
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import ReferenceSet, Tier


@pytest.fixture(scope="module")
def references():
    records = tuple(entry.reference for entry in load_catalogue())
    grid = np.arange(200.0, 330.0, 2.0)
    return ReferenceSet(records, grid, np.zeros((len(records), grid.size), np.float32), name="shipped")


def first(references, name):
    return references.records[find_records(references, name)[0]]


@pytest.mark.parametrize(
    ("name", "substance"),
    [
        ("caffeine", "caffeine"),
        ("Caffeine", "caffeine"),
        ("caffeine-anhydrous-wasatch", "caffeine"),
        ("58-08-2", "caffeine"),
        ("RYYVLZVUVIJVGH-UHFFFAOYSA-N", "caffeine"),
        ("paracetamol", "acetaminophen"),
        ("tylenol", "acetaminophen"),
        ("437-38-7", "fentanyl"),
        ("fentanyl citrate", "fentanyl"),
        ("xylazine", "xylazine"),
    ],
)
def test_a_name_finds_its_substance(references, name, substance):
    assert first(references, name).substance == substance


def test_the_strongest_tier_comes_first_and_a_standard_last(references):
    rows = find_records(references, "acetaminophen")
    found = [references.records[row] for row in rows]
    assert [record.tier.rank for record in found] == sorted(record.tier.rank for record in found)
    assert found[0].material_class != "calibration"


def test_a_misspelled_name_gets_the_nearest(references):
    with pytest.raises(ParameterError, match="caffeine"):
        find_records(references, "cafeine")
    with pytest.raises(ParameterError, match="library search"):
        find_records(references, "zzzzzzzz")


def test_words_are_all_searched_for(references):
    found = [references.records[row] for row in search_records(references, "hcl fentanyl")]
    assert found[0].id == "fentanyl-hcl"
    assert all("fentanyl" in f"{r.id} {r.family} {r.material_class}" for r in found)
    assert not search_records(references, "fentanyl sucrose")
    assert not search_records(references, "  ")


def test_the_summary_counts_every_substance_once(references):
    rows = summarise(references)
    total = rows[-1]
    assert total.material_class == "all"
    assert total.references == len(references)
    assert total.substances == len({record.substance for record in references.records})
    assert sum(row.references for row in rows[:-1]) == len(references)
    assert total.tiers[Tier.MEASURED] == 0
    assert 0 < total.response_measured < total.substances
    table = as_markdown(rows).splitlines()
    assert len(table) == len(rows) + 2
    assert len({line.count("|") for line in table}) == 1
