"""The audit finds what is wrong, and the shipped catalogue passes it."""

from __future__ import annotations

import dataclasses

import pytest

from spectriage.library.building.audit import audit_catalogue
from spectriage.library.catalogue import Band, find_entry, load_catalogue


@pytest.fixture(scope="module")
def caffeine():
    return find_entry("caffeine")


def kinds(*entries, **options):
    return {(finding.kind, finding.fault) for finding in audit_catalogue(entries, **options)}


def test_the_shipped_catalogue_has_no_faults():
    faults = [finding for finding in audit_catalogue() if finding.fault]
    assert not faults, "\n".join(f"{fault.kind} {fault.ids}: {fault.text}" for fault in faults)


def test_a_duplicate_is_found(caffeine):
    assert ("duplicate", True) in kinds(caffeine, dataclasses.replace(caffeine, id="caffeine-again"))
    other = find_entry("sucrose")
    assert ("duplicate", True) not in kinds(caffeine, other)


@pytest.mark.parametrize(
    "change", [{"cas": "57-50-1"}, {"family": "sugar"}, {"formula": "C12H22O11"}, {"hazard": "controlled"}]
)
def test_a_contradiction_within_a_substance_is_found(caffeine, change):
    bands = tuple(dataclasses.replace(band, shift_cm=band.shift_cm + 0.3) for band in caffeine.bands)
    other = dataclasses.replace(caffeine, id="caffeine-2", bands=bands, extracted_from="a/b", **change)
    assert ("contradiction", True) in kinds(caffeine, other)


def test_one_number_for_two_substances_is_found(caffeine):
    other = dataclasses.replace(find_entry("sucrose"), cas=caffeine.cas)
    assert ("contradiction", True) in kinds(caffeine, other)


def moved(entry, by_cm, height=1.0, **changes):
    bands = tuple(
        dataclasses.replace(b, shift_cm=b.shift_cm + by_cm, height=b.height * (height if i % 2 else 1.0))
        for i, b in enumerate(entry.bands)
    )
    return dataclasses.replace(entry, id="twin", substance="twin", cas="", bands=bands, **changes)


def test_what_no_instrument_tells_apart_is_found(caffeine):
    same = moved(caffeine, 1.0, 1.05, family="twin")
    assert ("inseparable", False) in kinds(caffeine, same)
    # a harmless twin of something that raises must be of its family
    drug = moved(caffeine, 1.0, 1.05, family="twin", hazard=find_entry("cocaine hcl").hazard)
    assert ("inseparable", True) in kinds(caffeine, drug)
    assert ("inseparable", False) not in kinds(caffeine, moved(caffeine, 1.0, 1.05))
    far = moved(caffeine, 9.0, 1.05, family="twin")
    assert ("inseparable", False) not in kinds(caffeine, far)


def test_a_coarser_and_noisier_instrument_tells_less_apart():
    entries = [entry for entry in load_catalogue() if entry.material_class in ("cutting-agent", "household")]

    def count(resolution_cm, ratio):
        found = audit_catalogue(entries, resolution_cm=resolution_cm, signal_to_noise=ratio)
        return sum(finding.kind == "inseparable" for finding in found)

    assert count(8.0, 300.0) <= count(30.0, 10.0)
    assert count(30.0, 10.0) > 0


def test_bands_and_sources_are_looked_at(caffeine):
    narrow = dataclasses.replace(
        find_entry("cocaine hcl"), bands=(Band(1000.0, 100.0, 0.6),), cas="", cas_base="", inchikey=""
    )
    assert {("band", True), ("source", True)} <= kinds(narrow)
    assert ("source", True) in kinds(dataclasses.replace(caffeine, extracted_from=""))
    assert ("source", True) in kinds(dataclasses.replace(caffeine, model_v=0.5))
