"""The shipped catalogue: every entry, and the loader against files that lie."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.library.catalogue import (
    CLASS_HAZARDS,
    CONFIDENCE_TIERS,
    catalogue_files,
    catalogue_hash,
    find_entry,
    load_catalogue,
)
from spectriage.library.catalogue._identifiers import count_elements, is_cas, is_inchikey
from spectriage.library.catalogue.knowledge import load_emission_lines, load_gaps, load_markers
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard, Tier

ENTRIES = load_catalogue()

ATOMIC_MASSES = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "S": 32.06, "Cl": 35.45, "Na": 22.99}

VALID = """
[[entry]]
id = "caffeine-test"
substance = "caffeine"
class = "cutting-agent"
tier = "bands"
confidence = "A"
licence = "MIT"
citation = "a test"
range_cm = [300, 2000]
bands = [
  [556.5, 100, 16.1],
  [1328, 60.2, 10.7, "B", "ring"],
]
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str | bytes, name: str = "test.toml") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def by_id(name: str):
    return next(entry for entry in ENTRIES if entry.id == name)


# ------------------------------------------------------------------ the shipped entries


def test_the_catalogue_covers_what_a_detector_watches():
    families = {entry.family for entry in ENTRIES}
    watched = {"fentanyl-class", "nitazene-class", "xylazine", "medetomidine", "cocaine", "heroin", "MDMA"}
    assert watched | {"amphetamine-type", "benzodiazepine", "inorganic nitrate", "polyethylene"} <= families
    assert {"TNT", "RDX", "HMX", "PETN", "TATP"} <= families
    assert len(ENTRIES) >= 240


def test_ids_are_unique_and_sorted():
    ids = [entry.id for entry in ENTRIES]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_entry_is_whole(entry):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
    assert all((entry.citation, entry.licence, entry.family))
    assert "(" not in entry.substance or entry.substance.startswith("1,4-bis(")
    for number in (entry.cas, entry.cas_base):
        assert not number or _cas_holds(number)
    for key in (entry.inchikey, entry.inchikey_base):
        assert not key or is_inchikey(key)
    if entry.formula:
        assert sum(count_elements(entry.formula).values()) > 0
    shifts = [band.shift_cm for band in entry.bands]
    assert shifts == sorted(set(shifts))
    if entry.bands:
        assert max(band.height for band in entry.bands) == 100
        assert all(2.0 < band.fwhm_cm <= 210 and 0 < band.height <= 100 for band in entry.bands)
    if entry.valid_low_cm is not None:
        assert all(entry.valid_low_cm <= shift <= entry.valid_high_cm for shift in shifts)
    assert entry.tier.rank >= CONFIDENCE_TIERS[entry.confidence].rank
    assert entry.substance.casefold() not in {alias.casefold() for alias in entry.aliases}


def _cas_holds(number: str) -> bool:
    """Check digits written out plainly, apart from the code under test."""
    body, middle, check = number.split("-")
    total = 0
    for place, digit in enumerate((body + middle)[::-1]):
        total += (place + 1) * int(digit)
    return total % 10 == int(check)


def test_only_an_entry_for_a_salt_without_lines_is_empty():
    assert {entry.id for entry in ENTRIES if not entry.bands} == {"sodium-chloride", "potassium-chloride"}


def test_nothing_comes_from_gpl_data():
    for entry in ENTRIES:
        text = f"{entry.licence} {entry.citation} {entry.note} {entry.extracted_from}".lower()
        assert re.search("gpl|hyperspec", text) is None, entry.id


def test_share_alike_entries_live_in_their_own_file():
    for path in catalogue_files():
        licences = {entry.licence for entry in load_catalogue([path])}
        sources = {entry.extracted_from.partition("/")[0] for entry in load_catalogue([path])}
        if path.stem == "share-alike-odbl":
            assert licences == {"ODbL-1.0"}
        else:
            assert not any("ODbL" in licence for licence in licences), path.name
            assert "ramanbiolib" not in sources, path.name


def test_estimates_stay_estimates():
    fentanyls = [entry for entry in ENTRIES if entry.family == "fentanyl-class"]
    assert {entry.tier for entry in fentanyls if entry.id == "fentanyl-hcl"} == {Tier.BANDS}
    others = [entry for entry in fentanyls if entry.id != "fentanyl-hcl"]
    assert {entry.tier for entry in others if entry.substance == "fentanyl"} == {Tier.RECALLED}
    assert {entry.tier for entry in fentanyls if entry.substance != "fentanyl"} == {Tier.ESTIMATED}
    assert all(entry.tier is Tier.ESTIMATED for entry in ENTRIES if entry.analogue_of)


def test_hazards():
    hazards = {entry.substance: entry.hazard for entry in ENTRIES}
    assert hazards["fentanyl"] is Hazard.CONTROLLED
    assert hazards["4-ANPP"] is Hazard.PRECURSOR
    assert {hazards[name] for name in ("xylazine", "medetomidine", "BTMPS")} == {Hazard.ADULTERANT}
    assert {hazards[name] for name in ("TNT", "RDX", "HMX", "PETN", "TATP")} == {Hazard.EXPLOSIVE}
    oxidisers = ("ammonium nitrate", "potassium chlorate", "potassium perchlorate", "sodium nitrite")
    assert {hazards[name] for name in oxidisers} == {Hazard.OXIDISER}
    for name in ("caffeine", "acetaminophen", "polyethylene", "sodium percarbonate", "acetone", "sulfur"):
        assert hazards[name] is Hazard.NONE
    assert {entry.material_class for entry in ENTRIES} <= set(CLASS_HAZARDS)


def test_one_substance_has_one_family_hazard_and_base():
    for field in ("family", "hazard"):
        seen = {}
        for entry in ENTRIES:
            assert seen.setdefault(entry.substance, getattr(entry, field)) == getattr(entry, field), entry.id


def test_a_name_means_one_family():
    meaning: dict[str, set[str]] = {}
    for entry in ENTRIES:
        for name in entry.names:
            meaning.setdefault(name.casefold(), set()).add(entry.family)
    assert {name: found for name, found in meaning.items() if len(found) > 1} == {}


def test_well_known_main_lines():
    """Positions of the strongest band, from the literature at large, not from the files."""
    expected = {
        "caffeine-anhydrous-wasatch": 555.0,
        "aspirin-form-1": 1293.0,  # of what its source shows: 1606 is beyond
        "mannitol-beta": 876.0,
        "ammonium-nitrate-phase-iv": 1043.0,
        "ammonium-nitrate-phase-iv-wasatch-2024": 1043.0,
        "potassium-nitrate": 1050.0,
        "sodium-nitrate-rod": 1068.0,
        "barium-nitrate-rod": 1047.0,
        "calcium-sulfate-dihydrate-ucl": 1008.0,
        "calcium-sulfate-anhydrite-rruff": 1017.0,
        "calcium-carbonate-calcite-rod": 1086.0,
        "sodium-bicarbonate-powder-wasatch": 1046.0,
        "sodium-carbonate-monohydrate-wasatch": 1069.5,
        "urea-crystalline-wasatch": 1010.0,
        "polystyrene-nist": 1001.4,
        "tnt": 1361.0,
        "rdx-alpha": 884.0,
        "petn": 1293.0,
        "silicon-wafer-wasatch": 520.5,
    }
    for name, position in expected.items():
        strongest = max(by_id(name).bands, key=lambda band: band.height)
        assert abs(strongest.shift_cm - position) <= 2.0, name


def test_astm_e1840_positions():
    polystyrene = [band.shift_cm for band in by_id("polystyrene-astm-e1840").bands]
    assert polystyrene == [
        *(620.9, 795.8, 1001.4, 1031.8, 1155.3, 1450.5, 1583.1, 1602.3, 2852.4, 2904.5, 3054.3)
    ]
    cyclohexane = [band.shift_cm for band in by_id("cyclohexane-astm-e1840").bands]
    assert cyclohexane[:7] == [384.1, 426.3, 801.3, 1028.3, 1157.6, 1266.4, 1444.4]


def test_formulas_of_salts_weigh_what_they_should():
    masses = {"fentanyl-hcl": 372.94, "methamphetamine-hcl": 185.69, "cocaine-hcl": 339.81}
    for name, mass in masses.items():
        counted = count_elements(by_id(name).formula)
        assert sum(ATOMIC_MASSES[key] * number for key, number in counted.items()) == pytest.approx(
            mass, abs=0.05
        )


def test_reference_carries_the_entry():
    entry = by_id("fentanyl-hcl")
    reference = entry.reference
    assert (reference.id, reference.family, reference.tier) == (entry.id, "fentanyl-class", Tier.BANDS)
    assert reference.resolution_cm is None
    assert by_id("polyethylene-ldpe-nist").reference.is_packaging


# ------------------------------------------------------------------ leaving out, finding, hashing


def test_extracted_entries_name_a_spectrum_that_exists(measured: Path):
    spectra = [s for entry in ENTRIES if entry.extracted_from for s in entry.extracted_from.split("; ")]
    folders = {path.name for path in measured.iterdir() if path.is_dir()}
    named = [spectrum for spectrum in spectra if spectrum.partition("/")[0] in folders - {"ramanbiolib"}]
    assert len(named) > 80
    assert [spectrum for spectrum in named if not (measured / spectrum).is_file()] == []


def test_leave_out():
    for name in ("wasatch-785xs-2026", "wasatch-785-2024", "ramanbiolib", "open-specy"):
        kept = load_catalogue(leave_out=name)
        gone = {entry.id for entry in ENTRIES} - {entry.id for entry in kept}
        assert gone == {entry.id for entry in ENTRIES if f"{name}/" in entry.extracted_from}
        assert gone
    assert "acetaminophen-astm-e1840" not in {
        entry.id for entry in load_catalogue(leave_out="wasatch-785xs-2026")
    }
    one = load_catalogue(leave_out=["wasatch-785xs-2026/caffeine.csv", "tnt"])
    assert {entry.id for entry in ENTRIES} - {entry.id for entry in one} == {
        "caffeine-anhydrous-wasatch",
        "tnt",
    }
    assert load_catalogue(leave_out="wasatch") == ENTRIES


@pytest.mark.parametrize(
    ("name", "substance"),
    [
        ("paracetamol", "acetaminophen"),
        ("APAP", "acetaminophen"),
        ("2-Propanol", "isopropanol"),
        ("MEK", "methyl ethyl ketone"),
        ("2-butanone", "methyl ethyl ketone"),
        ("baking  soda", "sodium bicarbonate"),
        ("sodium hydrogen carbonate", "sodium bicarbonate"),
        ("HEROIN", "heroin"),
        ("saltpetre", "potassium nitrate"),
        ("fentanyl hcl", "fentanyl"),
    ],
)
def test_find_entry(name, substance):
    assert find_entry(name).substance == substance


def test_find_entry_prefers_id_then_evidence():
    assert find_entry("polystyrene-astm-e1840").id == "polystyrene-astm-e1840"
    assert find_entry("ammonium nitrate").tier is Tier.BANDS
    assert find_entry("cocaine base (freebase/crack)").form.startswith("base")


def test_find_entry_suggests():
    with pytest.raises(CatalogueError, match=r"did you mean .*paracetamol"):
        find_entry("paracetmol")
    with pytest.raises(CatalogueError, match="library list"):
        find_entry("")


def test_hash_is_of_the_content(write):
    one = catalogue_hash([write(VALID, "a.toml"), write("# nothing\n", "b.toml")])
    assert one == catalogue_hash([write("# nothing\r\n", "c.toml"), write(VALID, "d.toml")])
    assert one != catalogue_hash([write(VALID.replace("60.2", "60.3"), "e.toml"), write("# nothing\n")])
    assert re.fullmatch("[0-9a-f]{64}", catalogue_hash())
    with pytest.raises(CatalogueError, match="cannot be read"):
        catalogue_hash([Path("absent.toml")])


# ------------------------------------------------------------------ files that lie


def test_a_valid_file(write):
    (entry,) = load_catalogue([write(VALID)])
    assert (entry.hazard, entry.family) == (Hazard.NONE, "caffeine")
    assert (entry.bands[1].confidence, entry.bands[1].assignment) == ("B", "ring")
    assert entry.band_array.shape == (2, 3)


def test_a_fitted_band_is_a_table(write):
    row = "{ shift = 556.5, height = 100, fwhm = 16.1, shape = 0.3, u = [0.1, 2, 0.4, 0.1] }"
    (entry,) = load_catalogue([write(VALID.replace("[556.5, 100, 16.1]", row))])
    band = next(band for band in entry.bands if band.shift_cm == 556.5)
    assert (band.height, band.fwhm_cm, band.lorentz_fraction) == (100.0, 16.1, 0.3)
    assert band.uncertainty == (0.1, 2.0, 0.4, 0.1)
    assert sorted(entry.lorentz_fractions) == [0.3, entry.lorentz_fraction]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('id = "caffeine-test"', 'id = "Caffeine Test"', "id"),
        ('id = "caffeine-test"', "id = 7", "id"),
        ('id = "caffeine-test"\n', "", "id"),
        ('substance = "caffeine"', 'substance = ["caffeine"]', "substance"),
        ('substance = "caffeine"', 'substance = "caf\\u0007feine"', "substance"),
        ('substance = "caffeine"', 'substance = ""', "substance"),
        ('class = "cutting-agent"', 'class = "sweets"', "class"),
        ('tier = "bands"', 'tier = "measurd"', "tier"),
        ('tier = "bands"', 'tier = "measured"', "tier"),
        ('confidence = "A"', 'confidence = "B"', "tier"),
        ('confidence = "A"', 'confidence = "D"', "confidence"),
        ('licence = "MIT"\n', "", "licence"),
        ('licence = "MIT"', 'licence = "MIT"\nhazard = "nasty"', "hazard"),
        ('licence = "MIT"', 'licence = "MIT"\ncas = "58-08-3"', "cas"),
        ('licence = "MIT"', 'licence = "MIT"\ncas = "58082"', "cas"),
        ('licence = "MIT"', 'licence = "MIT"\nformula = "C8H10Xx2"', "formula"),
        ('licence = "MIT"', 'licence = "MIT"\ninchikey = "RYYVLZVUVIJVGH"', "inchikey"),
        ('licence = "MIT"', 'licence = "MIT"\naliases = "one"', "aliases"),
        ('licence = "MIT"', 'licence = "MIT"\naliases = ["a", "A"]', "aliases"),
        ('licence = "MIT"', 'licence = "MIT"\nlorentz_fraction = 1.5', "lorentz_fraction"),
        ('licence = "MIT"', 'licence = "MIT"\nlorentz_fraction = true', "lorentz_fraction"),
        ('licence = "MIT"', 'licence = "MIT"\nresolution_cm = -1', "resolution_cm"),
        ('licence = "MIT"', 'licence = "MIT"\nexcitation_nm = "785"', "excitation_nm"),
        ('licence = "MIT"', 'licence = "MIT"\nbandz = []', "bandz"),
        ("range_cm = [300, 2000]", "range_cm = [2000, 300]", "range_cm"),
        ("range_cm = [300, 2000]", "range_cm = [600, 2000]", "bands"),
        ("range_cm = [300, 2000]", "range_cm = [nan, 2000]", "range_cm"),
        ("range_cm = [300, 2000]", "range_cm = 300", "range_cm"),
        ("[556.5, 100, 16.1]", "[556.5, 90, 16.1]", "bands"),
        ("[556.5, 100, 16.1]", "{ shift = 556.5, height = 100, fwhm = 16.1 }", "bands"),
        ("[556.5, 100, 16.1]", "{ shift = 556.5, height = 100, fwhm = 16.1, shape = 1.2 }", "bands"),
        ("[556.5, 100, 16.1]", "{ shift = 556.5, height = 100, fwhm = 16.1, shape = 1, u = [1] }", "bands"),
        ("[556.5, 100, 16.1]", "{ shift = 556.5, height = 100, fwhm = 16.1, shape = 1, w = 2 }", "bands"),
        ("[556.5, 100, 16.1]", "[556.5, 100, nan]", "bands"),
        ("[556.5, 100, 16.1]", "[inf, 100, 16.1]", "bands"),
        ("[556.5, 100, 16.1]", "[556.5, 100, 0]", "bands"),
        ("[556.5, 100, 16.1]", "[556.5, -3, 16.1]", "bands"),
        ("[556.5, 100, 16.1]", "[1400, 100, 16.1]", "bands"),
        ("[556.5, 100, 16.1]", "[1328, 100, 16.1]", "bands"),
        ("[556.5, 100, 16.1]", "[556.5, 100]", "bands"),
        ("[556.5, 100, 16.1]", '["556.5", 100, 16.1]', "bands"),
        ("[556.5, 100, 16.1]", "556.5", "bands"),
        ('"B", "ring"', '"Z", "ring"', "bands"),
        ('"B", "ring"', '"B", 3', "bands"),
    ],
)
def test_a_lie_is_named(write, old, new, field):
    assert old in VALID
    path = write(VALID.replace(old, new))
    with pytest.raises(CatalogueError, match=f"field '{field}'") as caught:
        load_catalogue([path])
    assert str(path) in str(caught.value)
    if field != "id":
        assert "caffeine-test" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        "id = ",
        "[entry]\nid = 1\n",
        "entry = 3",
        "entry = [1]",
        "other = 1",
        "a = " + "[" * 100_000,
        VALID + VALID,
    ],
)
def test_a_file_that_is_no_catalogue(write, text):
    with pytest.raises(CatalogueError):
        load_catalogue([write(text)])


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(CatalogueError, match="cannot be read"):
            load_catalogue([path])


def test_an_id_in_two_files_is_refused(write):
    with pytest.raises(CatalogueError, match=r"caffeine-test.*stands already in a\.toml"):
        load_catalogue([write(VALID, "a.toml"), write(VALID, "b.toml")])


@given(st.text(max_size=60))
def test_identifiers_never_crash(text):
    assert is_cas(text) in (True, False)
    assert is_inchikey(text) in (True, False)
    try:
        counted = count_elements(text)
    except ValueError:
        return
    assert all(number >= 0 for number in counted.values())


@given(st.integers(10, 9_999_999), st.integers(0, 99), st.integers(0, 9))
def test_exactly_one_check_digit_holds(body, middle, check):
    number = f"{body}-{middle:02d}-{check}"
    assert is_cas(number) == _cas_holds(number)


def test_count_elements():
    assert count_elements("CaSO4.1/2H2O") == {"Ca": 1, "S": 1, "O": 4.5, "H": 1}
    assert count_elements("2Na2CO3.3H2O2") == {"Na": 4, "C": 2, "O": 12, "H": 6}
    assert count_elements("Ba(NO3)2") == {"Ba": 1, "N": 2, "O": 6}
    assert count_elements("(C2H4O)n") == {"C": 2, "H": 4, "O": 1}
    for bad in ("", "C(", "C)", "()", ".", "C..C", "c6", "1/0C"):
        with pytest.raises(ValueError, match=r"formula|element|bracket|empty|zero"):
            count_elements(bad)


# ------------------------------------------------------------------ what ships beside the entries


def test_gaps_are_gaps():
    known = {name.casefold() for entry in ENTRIES for name in entry.names}
    gaps = load_gaps()
    assert len(gaps) >= 20
    assert [gap.substance for gap in gaps if gap.substance.casefold() in known] == []
    assert all(gap.reason for gap in gaps)


def test_markers_belong_to_families_of_the_catalogue():
    families = {entry.family for entry in ENTRIES}
    markers = load_markers()
    assert {marker.family for marker in markers} <= families
    assert [marker for marker in markers if marker.excludes]
    ring = [marker for marker in markers if marker.family == "fentanyl-class" and not marker.members]
    # what one measured scan does not resolve is known of the base; the citrate has lines of its own
    forms = (by_id("fentanyl-hcl"), by_id("fentanyl-base"))
    fentanyl = [band.shift_cm for entry in forms for band in entry.bands]
    for marker in ring:
        hit = any(marker.low_cm <= shift <= marker.high_cm for shift in fentanyl)
        assert hit != marker.excludes, marker.mode


def test_emission_lines():
    lines = load_emission_lines()
    neon = np.array(lines["Ne"].lines)
    # NIST, air wavelengths.
    for wavelength in (811.8549, 837.7608, 849.5360, 878.3753, 885.3867):
        assert np.abs(neon[:, 0] - wavelength).min() < 0.002
    argon = np.array(lines["Ar"].lines)
    for wavelength in (811.5311, 842.4648, 912.2967):
        assert np.abs(argon[:, 0] - wavelength).min() < 0.002
