"""RRUFF's files, ROD's entries, Open Specy's tables, and names: on files of their layout made here."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.library.building.names import substance_from_name
from spectriage.library.importing.found import Found, Original, Refusal
from spectriage.library.importing.openspecy import find_openspecy, is_openspecy
from spectriage.library.importing.rod import is_rod, read_rod
from spectriage.library.importing.rruff import is_rruff, read_rruff
from spectriage.spectra.errors import FormatError

RRUFF = """##NAMES=Made-upite
##RRUFFID=R000001
##IDEAL CHEMISTRY=Al_2_O_3_
##LOCALITY=Nowhere, at all
##FILETYPE=Raman Processed
##RAMAN WAVELENGTH=785
{}
##END=
"""
ROD = """#------
data_9999999
loop_
_publ_author_name
'Author, A. B.'
"O'Other, C."
_publ_section_title
;
 A title; with a semicolon
 _not_a_name inside
;
_chemical_name_mineral           'Made-up ite'
_raman_measurement_device.excitation_laser_wavelength 532(1)
_raman_measurement_device.resolution ?
_rod_database.code               9999999
loop_
_raman_spectrum.raman_shift
_raman_spectrum.raw_intensity
_raman_spectrum.intensity
{}
"""


def points(count: int = 40) -> list[tuple[float, float]]:
    return [(100.0 + 3.5 * i, 10.0 + i * i) for i in range(count)]


def rruff(text: str, name: str = "x.txt"):
    return read_rruff(Original(name, text.encode()), name)


def rod(text: str):
    return read_rod(Original("9999999.rod", text.encode()), "9999999.rod")


def test_rruff():
    text = RRUFF.format("\n".join(f"{x}, {y}" for x, y in points()))
    assert is_rruff(text.encode())
    spectrum, fields = rruff(text)
    np.testing.assert_array_equal(np.c_[spectrum.shift, spectrum.intensity], points())
    assert spectrum.excitation_nm == 785.0
    assert fields["substance"] == "Made-upite"
    assert "R000001" in fields["source"]


def test_rruff_takes_from_the_name_what_the_head_leaves_out():
    body = "##FILETYPE=Raman RAW\n" + "\n".join(f"{x} {y}" for x, y in reversed(points()))
    name = "Red__Stone__R040031-3__Raman__532__0__depolarized__Raman_Data_RAW__1.txt"
    spectrum, fields = rruff(body, name)
    assert spectrum.excitation_nm == 532.0
    assert spectrum.shift[0] == 100.0
    assert fields["substance"] == "Red  Stone"
    assert "R040031-3" in fields["source"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RRUFF.format("100, 1\n1o1, 2"), "line 8"),
        (RRUFF.format("100, 1, 5"), "line 7"),
        (RRUFF.format(""), "points"),
        (RRUFF.format("\n".join(f"{x}, {y}" for x, y in [*points(), (100.0, 3.0)])), "descends"),
        ("##FILETYPE=Raman RAW\n100, 1\n", "does not name its mineral"),
    ],
)
def test_rruff_says_what_is_wrong(text, reason):
    with pytest.raises(FormatError, match=reason):
        rruff(text)


def test_rod():
    text = ROD.format("\n".join(f"{x} {2 * y} {y}" for x, y in points()))
    assert is_rod(text.encode())
    spectrum, fields = rod(text)
    np.testing.assert_array_equal(np.c_[spectrum.shift, spectrum.intensity], points())
    assert spectrum.excitation_nm == 532.0
    assert spectrum.resolution_cm is None
    assert fields["substance"] == "Made-up ite"
    assert fields["source"] == "Raman Open Database 9999999"


def test_rod_agrees_with_an_outside_reader():
    gemmi = pytest.importorskip("gemmi")
    text = ROD.format("\n".join(f"{x} {2 * y} {y}" for x, y in points()))
    block = gemmi.cif.read_string(text).sole_block()
    spectrum, _ = rod(text)
    table = block.find(["_raman_spectrum.raman_shift", "_raman_spectrum.intensity"])
    np.testing.assert_array_equal([[float(cell) for cell in row] for row in table], points())
    assert len(spectrum) == len(table)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ROD.format("100 1"), "3 columns holds 2"),
        (ROD.format("a b c"), "no spectrum"),
        ("data_1\n_chemical_name_mineral X\n_raman_spectrum.other 3\n", "no loop"),
        (ROD.replace("'Made-up ite'", "?").format("100 1 1"), "names no substance"),
    ],
)
def test_rod_says_what_is_wrong(text, reason):
    with pytest.raises(FormatError, match=reason):
        rod(text)


@given(st.text(max_size=400), st.booleans())
def test_any_text_is_a_spectrum_or_a_typed_error(text, headed):
    for read, head in ((rruff, "##NAMES=x\n"), (rod, "data_x\nloop_\n_raman_spectrum.raman_shift\n")):
        with contextlib.suppress(FormatError):
            read(head + text if headed else text)


def openspecy(folder: Path, metadata: str = "", table: str = "") -> Path:
    lines = [f"{x},{y},7,7" for x, y in points()] + [f"{x},{2 * y},8,8" for x, y in points()]
    lines += [f"{x},{y},9,9" for x, y in points(3)]
    (folder / "raman_library.csv").write_text(
        table or "wavenumber,intensity,sample_name,group\n" + "\n".join(lines) + "\n"
    )
    (folder / "raman_metadata.csv").write_text(
        metadata
        or "spectrum_identity,organization,spectrum_id,laser_light_used,sample_name\n"
        "Quartz,RRUFF,Q1,785 nm,7\n,Somebody,,,8\nPaper,Somebody,,,9\n"
    )
    return folder


def test_openspecy(tmp_path):
    assert is_openspecy(openspecy(tmp_path))
    found = list(find_openspecy(tmp_path))
    first = found[0]
    assert isinstance(first, Found)
    assert (first.fields["substance"], first.fields["class"], first.spectrum.excitation_nm) == (
        "Quartz",
        "mineral",
        785.0,
    )
    assert first.original is not None
    assert first.original.content.startswith(b"wavenumber,intensity,sample_name,group\n100.0,10.0,7,7\n")
    assert first.original.content in (tmp_path / "raman_library.csv").read_bytes()
    assert [type(each) for each in found[1:]] == [Refusal, Refusal]
    assert "what it is of" in found[1].reason
    assert "points" in found[2].reason


def test_openspecy_tables_that_are_none(tmp_path):
    openspecy(tmp_path, table="a,b\n1,2\n")
    with pytest.raises(FormatError, match="not Open Specy's table of spectra"):
        list(find_openspecy(tmp_path))
    openspecy(tmp_path, table="wavenumber,intensity,sample_name\nx,y,7\n")
    (refused,) = find_openspecy(tmp_path)
    assert isinstance(refused, Refusal)
    assert "not a shift and an intensity" in refused.reason


@pytest.mark.parametrize(
    ("names", "substance"),
    [
        (("caffeine_785nm_02",), "caffeine"),
        (("Methylene blue (3)",), "Methylene blue"),
        (("caffeine scan 4",), "caffeine"),
        (("2-propanol",), "2-propanol"),
        (("1-octen-3-ol",), "1-octen-3-ol"),
        (("vitamin b12",), "vitamin b12"),
        (("alpha-PVP",), "alpha-PVP"),
        (("20260406-121131", "cocaine base"), "cocaine base"),
        (("20260406-121131-730977-WP-01990", ""), ""),
        (("001", "12 34"), ""),
        (("acetone 100ms 50mW",), "acetone"),
        (("sodium carbonate 10x",), "sodium carbonate"),
        (("procaine-spot3",), "procaine"),
        (("heroin-785nm-10mW",), "heroin"),
        (("LSD-25",), "LSD-25"),
        (("caffeine - Copy (2)",), "caffeine"),
        (("Copy of caffeine",), "caffeine"),
        (("spectrum", "aspirin"), "aspirin"),
        (("run 1", "fentanyl"), "fentanyl"),
        (("Untitled", "no title"), ""),
    ],
)
def test_names(names, substance):
    assert substance_from_name(*names) == substance


@given(st.text(max_size=60))
def test_a_name_is_short_printable_and_never_made_up(text):
    found = substance_from_name(text)
    assert found.isprintable()
    assert len(found) <= 120
    assert all(word in text.replace("_", " ") for word in found.split())
