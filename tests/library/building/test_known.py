"""A spectrum of a known hazard does not become harmless because nobody said what it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from spectriage.library.building.known import hazard_of, known_substances
from spectriage.library.building.manifest import ManifestEntry
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard


@pytest.fixture(scope="module")
def known():
    return known_substances()


ENTRY = ManifestEntry(path=Path("scan.csv"), substance="something", where="line 2")


@pytest.mark.parametrize(
    "fields",
    [
        {"substance": "isotonitazene"},
        {"substance": "ISOTONITAZENE "},
        {"family": "nitazene-class"},
        {"substance": "crystal", "cas": "14188-81-9"},
    ],
)
def test_a_nitazene_is_controlled_by_name_cas_or_family(known, fields):
    entry = replace(ENTRY, **fields)
    for material_class in ("other", "chemical"):
        assert hazard_of(entry, material_class, known) is Hazard.CONTROLLED
    with pytest.raises(CatalogueError, match="contradicts the catalogue") as caught:
        hazard_of(replace(entry, hazard=Hazard.NONE), "other", known)
    assert caught.value.where == "line 2"


@pytest.mark.parametrize(
    "substance",
    [
        *("fentanyl hydrochloride", "Fentanyl citrate", "cocaine-hcl", "heroin_base", "crack cocaine"),
        *("MDMA HCl", "ketamine hydrochloride", "metonitazene hcl", "street heroin 2"),
    ],
)
def test_a_salt_or_a_longer_name_does_not_make_it_harmless(known, substance):
    assert hazard_of(replace(ENTRY, substance=substance), "other", known) is Hazard.CONTROLLED


def test_what_a_name_mentions_gives_way_to_what_is_said(known):
    paper = replace(ENTRY, substance="fentanyl test paper", material_class="household")
    assert hazard_of(paper, "household", known) is Hazard.NONE
    assert hazard_of(replace(ENTRY, substance="free base"), "other", known) is Hazard.NONE
    assert hazard_of(replace(ENTRY, substance="sodium citrate"), "other", known) is Hazard.NONE


def test_what_nobody_knows_is_as_stated(known):
    assert hazard_of(ENTRY, "other", known) is Hazard.NONE
    assert hazard_of(replace(ENTRY, hazard=Hazard.PRECURSOR), "other", known) is Hazard.PRECURSOR
    assert hazard_of(replace(ENTRY, substance="lactose", hazard=Hazard.NONE), "other", known) is Hazard.NONE


def test_a_graver_hazard_may_be_stated(known):
    entry = replace(ENTRY, substance="caffeine", hazard=Hazard.CONTROLLED)
    assert hazard_of(entry, "other", known) is Hazard.CONTROLLED
