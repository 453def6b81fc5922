"""`spectriage library …`, as a user sees it."""

import builtins
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from spectriage.library.app.commands_library import app
from spectriage.library.building import build_library
from spectriage.library.building.manifest import FIELDS, REQUIRED, check_fields
from spectriage.library.catalogue import load_catalogue
from spectriage.library.store.file import read_library, verify_library
from spectriage.spectra import SpectriageError

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("library") / "catalogue.h5"
    build_library(path)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path_factory.getbasetemp() / "command-cache"))


@pytest.fixture
def spectrum(tmp_path) -> Path:
    shift = np.arange(200, 2000, 1.5)
    values = 100 + 900 * np.exp(-(((shift - 777) / 9) ** 2)) + 500 * np.exp(-(((shift - 1333) / 9) ** 2))
    path = tmp_path / "mine.csv"
    path.write_text("".join(f"{x},{y:.3f}\n" for x, y in zip(shift, values, strict=True)))
    return path


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def fail(*arguments: object) -> Result:
    """Run what must end in a typed error, which the program prints in one place for all commands."""
    result = RUNNER.invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SpectriageError), (result.output, result.exception)
    assert result.stdout == ""
    return result


def test_build_and_verify(tmp_path):
    out = tmp_path / "a.h5"
    made = run("build", "-o", out)
    assert f"{len(load_catalogue())} references" in made
    checked = run("verify", out)
    sha = read_library(out).sha256
    assert "intact" in checked
    assert sha in made
    assert sha in checked
    told = json.loads(run("verify", out, "--json"))
    assert (told["valid"], told["sha256"], told["references"]) == (True, sha, len(load_catalogue()))


def test_build_from_a_manifest(tmp_path, spectrum):
    manifest = tmp_path / "m.toml"
    manifest.write_text('[[spectrum]]\npath = "mine.csv"\nsubstance = "kryptonite"\n')
    out = tmp_path / "a.h5"
    told = json.loads(run("build", manifest, "-o", out, "--name", "ours", "--json"))
    assert told["name"] == "ours"
    assert told["tiers"]["measured"] == 1
    assert told["sha256"] == verify_library(out).sha256
    whole = json.loads(run("build", manifest, "-o", out, "--with-catalogue", "--force", "--json"))
    assert whole["references"] == len(load_catalogue()) + 1


def test_list_filters(library):
    lines = [json.loads(line) for line in run("list", "-l", library, "--json").splitlines()]
    assert len(lines) == len(load_catalogue())
    for option, field, value in (
        ("--class", "class", "packaging"),
        ("--tier", "tier", "estimated"),
        ("--family", "family", "polyethylene"),
    ):
        some = [json.loads(line) for line in run("list", "-l", library, option, value, "--json").splitlines()]
        assert some == [line for line in lines if line[field] == value]
        assert 0 < len(some) < len(lines)
    table = run("list", "-l", library, "--class", "packaging")
    assert "polyethylene" in table
    assert f"of {len(lines)} references" in table


def test_the_shipped_catalogue_is_the_default(library):
    assert run("list", "--json") == run("list", "-l", library, "--json")


def test_show(library):
    entry = max(load_catalogue(), key=lambda entry: len(entry.bands))
    shown = run("show", entry.id, "-l", library)
    assert entry.substance in shown
    assert entry.citation.split()[0] in shown
    for band in entry.bands:
        assert f" {band.shift_cm:g} " in shown
    told = json.loads(run("show", entry.id, "-l", library, "--json"))
    assert told["id"] == entry.id
    assert [band["shift_cm"] for band in told["bands"]] == [band.shift_cm for band in entry.bands]


def test_show_an_entry_without_bands(library):
    empty = next(entry for entry in load_catalogue() if not entry.bands)
    assert "never matches" in run("show", empty.id, "-l", library)


def test_show_plots(library, tmp_path, spectrum):
    pytest.importorskip("matplotlib")
    for name in ("polyethylene", "cocaine"):
        known = next(entry.id for entry in load_catalogue() if entry.id.startswith(name))
        picture = tmp_path / f"{name}.png"
        assert str(picture) in run("show", known, "-l", library, "--plot", picture)
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 5000
    fail("show", known, "-l", library, "--plot", tmp_path / "a.exe")
    fail("show", known, "-l", library, "--plot", tmp_path / "no" / "a.png")


def test_plot_without_matplotlib_names_the_extra(library, tmp_path, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    known = load_catalogue()[0].id
    result = fail("show", known, "-l", library, "--plot", tmp_path / "a.png")
    assert "spectriage[plot]" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_show_an_unknown_id_suggests(library):
    result = fail("show", "cocain", "-l", library)
    assert "cocaine" in str(result.exception)


def test_add(library, tmp_path, spectrum):
    out = tmp_path / "new.h5"
    before = library.read_bytes()
    told = json.loads(
        run(
            *("add", spectrum, "--substance", "kryptonite", "--form", "green", "--source", "own", "--json"),
            *("--class", "other", "--hazard", "precursor", "--excitation", 785, "-l", library, "-o", out),
        )
    )
    assert library.read_bytes() == before
    assert told["references"] == len(load_catalogue()) + 1
    record = json.loads(run("show", "kryptonite-green", "-l", out, "--json"))
    assert (record["hazard"], record["source"], record["excitation_nm"]) == ("precursor", "own", 785.0)
    assert record["bands"] is None
    assert "added kryptonite-green from mine.csv" in run("verify", out)


def test_add_to_the_shipped_catalogue(tmp_path, spectrum):
    out = tmp_path / "new.h5"
    assert "1 measured" in run("add", spectrum, "--substance", "kryptonite", "-o", out)


def test_errors_write_nothing(library, tmp_path, spectrum):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "bad.csv").write_text("path,substance\nabsent.csv,a\nmine.csv,\n")
    (tmp_path / "pdf.csv").write_bytes(b"%PDF-1.7 nothing")
    target = out / "a.h5"
    message = str(fail("build", tmp_path / "bad.csv", "-o", target).exception)
    assert "bad.csv:2" in message
    assert "bad.csv:3" in message
    fail("build", tmp_path / "absent.csv", "-o", target)
    fail("build", "-o", tmp_path / "no" / "a.h5")
    fail("add", tmp_path / "pdf.csv", "--substance", "a", "-o", target)
    fail("add", tmp_path / "absent.csv", "--substance", "a", "-o", target)
    fail("add", tmp_path, "--substance", "a", "-o", target)
    fail("add", spectrum, "--substance", "a", "--cas", "1-2-3", "-o", target)
    fail("add", spectrum, "--substance", "a", "--class", "fentanyls", "-o", target)
    fail("add", spectrum, "--substance", "a", "-l", spectrum, "-o", target)
    fail("verify", spectrum)
    fail("verify", tmp_path)
    fail("list", "-l", spectrum)
    fail("build", "-o", library)
    assert list(out.iterdir()) == []


def test_verify_names_what_was_altered(library, tmp_path):
    copy = tmp_path / "copy.h5"
    content = library.read_bytes()
    first = load_catalogue()[0]
    text = first.citation.encode()
    assert text in content
    copy.write_bytes(content.replace(text, text[::-1], 1))
    assert "does not match its hash" in str(fail("verify", copy).exception)


@pytest.mark.parametrize("command", [(), ("build",), ("list",), ("show",), ("verify",), ("add",)])
def test_help(command):
    result = RUNNER.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_the_template_is_a_manifest_that_builds(tmp_path, spectrum):
    """What `template` prints can be filled in and built as it stands; every allowed word is accepted."""
    text = run("template")
    manifest = tmp_path / "manifest.csv"
    *head, _ = text.splitlines()
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "lidocaine.csv").write_bytes(spectrum.read_bytes())
    manifest.write_text(text, encoding="utf-8")
    out = tmp_path / "library.h5"
    assert json.loads(run("build", manifest, "-o", out, "--json"))["tiers"]["measured"] == 1
    columns = {entry["column"]: entry for entry in map(json.loads, run("template", "--json").splitlines())}
    names = head[-1].split(",")
    assert names == list(columns) == list(FIELDS)
    assert [name for name, entry in columns.items() if entry["required"]] == list(REQUIRED)
    for column in ("class", "hazard", "tier"):
        for word in columns[column]["allowed"]:
            check_fields({"path": str(spectrum), "substance": "a", column: word}, tmp_path, "")
            if column == "class":
                assert f"#   {word}: " in text
