"""Manifests: CSV and TOML say the same, and every problem is named at once."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectriage.library.building.manifest import FIELDS, ManifestError, load_manifest
from spectriage.spectra import Hazard, SpectriageError, Tier
from spectriage.spectra.errors import CatalogueError

CAFFEINE = {
    "path": "spectra/caffeine, pure.csv",
    "substance": 'caffeine "Pro"',
    "form": "anhydrous; powder",
    "cas": "58-08-2",
    "class": "cutting-agent",
    "tier": "measured",
    "excitation": "785",
    "source": "unit 7",
    "hazard": "none",
    "resolution": "6.5",
    "inchikey": "RYYVLZVUVIJVGH-UHFFFAOYSA-N",
}
PLAIN = {"path": "other.csv", "substance": "water"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spectra").mkdir()
    (tmp_path / "spectra" / "caffeine, pure.csv").write_text("x")
    (tmp_path / "other.csv").write_text("x")
    return tmp_path


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def as_csv(rows: list[dict[str, str]], separator: str = ",") -> str:
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [separator.join(header)]
    lines += [separator.join(quoted(row.get(name, "")) for name in header) for row in rows]
    return "\n".join(lines) + "\n"


def as_toml(rows: list[dict[str, str]]) -> str:
    def value(name: str, text: str) -> str:
        return text if name in ("excitation", "resolution") else f"'''{text}'''"

    tables = ["\n".join(f"{name} = {value(name, text)}" for name, text in row.items()) for row in rows]
    return "".join(f"[[spectrum]]\n{table}\n\n" for table in tables)


def without_place(entries):
    return [replace(entry, where="") for entry in entries]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_and_toml_say_the_same(folder, separator):
    rows = [CAFFEINE, PLAIN]
    (folder / "a.csv").write_text(as_csv(rows, separator))
    (folder / "a.toml").write_text(as_toml(rows))
    from_csv = load_manifest(folder / "a.csv")
    assert without_place(from_csv) == without_place(load_manifest(folder / "a.toml"))
    first, second = from_csv
    assert first.path == folder / "spectra" / "caffeine, pure.csv"
    assert first.substance == 'caffeine "Pro"'
    assert (first.tier, first.hazard, first.excitation_nm) == (Tier.MEASURED, Hazard.NONE, 785.0)
    assert (first.resolution_cm, first.material_class) == (6.5, "cutting-agent")
    assert (second.hazard, second.excitation_nm, second.material_class) == (None, None, "")


def test_windows_text_comments_and_blank_lines(folder):
    text = "# our set\r\n\r\nPath,Substance\r\n# a comment, with commas\r\nother.csv,water\r\n,\r\n"
    (folder / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (entry,) = load_manifest(folder / "a.csv")
    assert entry.substance == "water"
    assert entry.where == "a.csv:5"


def test_an_absolute_path(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.csv").write_text(f"path,substance\n{folder / 'other.csv'},water\n")
    assert load_manifest(elsewhere / "a.csv")[0].path == folder / "other.csv"


BAD = [
    {"path": "other.csv"},
    {"substance": "water"},
    {"path": "absent.csv", "substance": "water"},
    {"path": "spectra", "substance": "water"},
    {**PLAIN, "tier": "proven"},
    {**PLAIN, "hazard": "high"},
    {**PLAIN, "cas": "58-08-3"},
    {**PLAIN, "class": "fentanyls"},
    {**PLAIN, "excitation": "77"},
    {**PLAIN, "resolution": "0"},
    {**PLAIN, "id": "Not An Id"},
    {**PLAIN, "inchikey": "short"},
    {**PLAIN, "colour": "blue"},
]
REASONS = [
    *("no substance", "no path", "absent.csv does not exist", "spectra is a folder", "tier is 'proven'"),
    *("hazard is 'high'", "cas is '58-08-3'", "class 'fentanyls'", "excitation is", "resolution is"),
    *("id is 'Not An Id'", "inchikey is 'short'", "unknown field 'colour'"),
]


@pytest.mark.parametrize("kind", ["csv", "toml"])
def test_every_problem_is_named_with_its_place(folder, kind):
    path = folder / f"a.{kind}"
    path.write_text((as_csv if kind == "csv" else as_toml)([PLAIN, *BAD]))
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    places = [f"a.csv:{i}:" if kind == "csv" else f"a.toml: entry {i - 1}:" for i in range(3, 3 + len(BAD))]
    assert len(caught.value.problems) == len(BAD)
    for problem, place, reason in zip(caught.value.problems, places, REASONS, strict=True):
        assert problem.startswith(place)
        assert reason in problem
        assert problem in str(caught.value)


def test_ids_that_stand_twice(folder):
    (folder / "a.csv").write_text("path,substance,id\nother.csv,a,x\nother.csv,b,x\n")
    with pytest.raises(ManifestError, match=r"a\.csv:3: the id 'x' stands already at a\.csv:2"):
        load_manifest(folder / "a.csv")


def test_links_and_special_files(folder):
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "dangling.csv").symlink_to("nowhere.csv")
    (folder / "good.csv").symlink_to("other.csv")
    os.mkfifo(folder / "pipe.csv")
    names = ("loop", "dangling", "pipe", "good")
    (folder / "a.csv").write_text("path,substance\n" + "".join(f"{name}.csv,a\n" for name in names))
    with pytest.raises(ManifestError) as caught:
        load_manifest(folder / "a.csv")
    assert len(caught.value.problems) == 3
    for problem, name in zip(caught.value.problems, names, strict=False):
        assert f"{name}.csv" in problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"path,substance\n"),
        ("a.csv", b"file,what\na,b\n"),
        ("a.csv", b"path,substance,path\na,b,c\n"),
        ("a.csv", b"path,substance\nother.csv,water,extra\n"),
        ("a.csv", b'path,substance\n"other.csv,water\n'),
        ("a.csv", b"\xff\xfe\x00"),
        ("a.csv", b"path,substance\nother.csv,\x00\n"),
        ("a.toml", b""),
        ("a.toml", b"spectrum = 3"),
        ("a.toml", b"spectrum = [3]"),
        ("a.toml", b"[[spectra]]\npath='a'"),
        ("a.toml", b"[[spectrum]]\npath = [1]\nsubstance = {a = 1}\nid = ['x']"),
        ("a.toml", b"[[spectrum]]\npath = 'a\\u0000b"),
        ("a.toml", b'[[spectrum]]\npath = "a\\u0000b"\nsubstance = "x"'),
        ("a.toml", b"[[spectrum]]\npath = 'other.csv'\nsubstance = 'x'\nexcitation = true"),
        ("a.toml", b"x = " + b"[" * 5000),
    ],
)
def test_what_is_not_a_manifest(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CatalogueError) as caught:
        load_manifest(folder / name)
    assert name in str(caught.value)


def test_no_file_a_folder_and_a_pipe(folder):
    os.mkfifo(folder / "pipe")
    for bad in (folder, folder / "absent.csv", folder / "pipe"):
        with pytest.raises(CatalogueError):
            load_manifest(bad)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.lists(
        st.lists(
            st.sampled_from([*FIELDS, "other.csv", "water", '"', "#", "1", "\x00", "é"]), max_size=4
        ).map(",".join),
        max_size=5,
    ).map("\n".join),
    suffix=st.sampled_from(["csv", "toml"]),
)
def test_any_text_is_a_manifest_or_a_typed_error(folder, text, suffix):
    path = folder / f"any.{suffix}"
    path.write_text(text)
    try:
        entries = load_manifest(path)
    except SpectriageError:
        return
    assert all(entry.substance and entry.path.is_file() for entry in entries)
