"""Libraries compared, merged and rid of references: what should stay the same does, to the byte."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.library.app.commands_library import app
from spectriage.library.building.cache import open_library
from spectriage.library.building.derived import check_derived
from spectriage.library.building.lifecycle import compare, merge_libraries, read_content, remove_references
from spectriage.library.importing import import_into
from spectriage.library.store.file import read_library, read_natives, read_originals, write_library
from spectriage.spectra.errors import LibraryError, ParameterError


def measured_ids(path: Path) -> list[str]:
    return [record.id for record in read_library(path).records if record.tier == "measured"]


@pytest.fixture
def halves(small_manifest, tmp_path) -> tuple[Path, Path, Path]:
    """Libraries of the first, the second and all spectra of a manifest."""
    lines = small_manifest.read_text().splitlines()
    paths = []
    for name, chosen in (("a", lines[1:7]), ("b", lines[7:]), ("all", lines[1:])):
        manifest = small_manifest.parent / f"{name}-{tmp_path.name}.csv"
        manifest.write_text("\n".join([lines[0], *chosen]))
        import_into(tmp_path / f"{name}.h5", [str(manifest)])
        paths.append(tmp_path / f"{name}.h5")
    return paths[0], paths[1], paths[2]


def test_two_halves_make_the_whole(halves, tmp_path):
    first, second, whole = halves
    merge_libraries([first, second], tmp_path / "merged.h5")
    found = compare(read_content(tmp_path / "merged.h5"), read_content(whole))
    assert found.same
    ours, theirs = read_library(tmp_path / "merged.h5"), read_library(whole)
    for key, matrix in theirs.indexes.items():
        np.testing.assert_array_equal(ours.indexes[key], matrix)
    np.testing.assert_array_equal(ours.derived.null.wrong, theirs.derived.null.wrong)
    assert set(read_originals(tmp_path / "merged.h5")) == set(read_originals(whole))
    opened = open_library(tmp_path / "merged.h5")
    check_derived(opened, read_natives(tmp_path / "merged.h5"))
    assert opened.attributes["history"][-1].startswith("merged a ")


def test_what_was_merged_can_be_removed_again(halves, tmp_path):
    first, second, whole = halves
    remove_references(whole, measured_ids(second), tmp_path / "fewer.h5")
    assert compare(read_content(tmp_path / "fewer.h5"), read_content(first)).same
    # originals that no native names are gone with them
    assert set(read_originals(tmp_path / "fewer.h5")) == set(read_originals(first))
    assert read_library(tmp_path / "fewer.h5").attributes["history"][-1].startswith("removed material-")


def test_the_same_inputs_give_the_same_bytes(halves, tmp_path):
    first, second, _ = halves
    for name in ("one.h5", "two.h5"):
        merge_libraries([first, second], tmp_path / name, name="same")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_one_id_for_two_things(halves, tmp_path):
    first, _, whole = halves
    content = read_content(first)
    name = measured_ids(first)[0]
    records = tuple(
        replace(record, substance="something else") if record.id == name else record
        for record in content.references.records
    )
    other = tmp_path / "other.h5"
    references = replace(content.references, records=records)
    write_library(other, references, content.natives, originals=content.originals)
    assert compare(content, read_content(other)).changed == {name: ("substance",)}
    with pytest.raises(LibraryError, match=f"{name} \\(substance\\)"):
        merge_libraries([whole, other], tmp_path / "x.h5")
    assert not (tmp_path / "x.h5").exists()
    made = merge_libraries([whole, other], tmp_path / "x.h5", prefer_first=True)
    assert "something else" not in {record.substance for record in made.records}


def test_what_cannot_be_done(halves, tmp_path):
    first, _, _ = halves
    with pytest.raises(ParameterError, match="two libraries or more"):
        merge_libraries([first], tmp_path / "x.h5")
    with pytest.raises(ParameterError, match="no reference has the id 'absent'"):
        remove_references(first, ["absent"], tmp_path / "x.h5")
    everything = [record.id for record in read_library(first).records]
    with pytest.raises(ParameterError, match="nothing would be left"):
        remove_references(first, everything, tmp_path / "x.h5")


def test_the_commands(halves, tmp_path):
    first, second, whole = halves
    run = CliRunner().invoke
    assert run(app, ["merge", str(first), str(second), "-o", str(tmp_path / "m.h5")]).exit_code == 0
    assert run(app, ["diff", str(tmp_path / "m.h5"), str(whole)]).exit_code == 0
    told = run(app, ["diff", str(first), str(whole), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["added"] == measured_ids(second)
    gone = measured_ids(whole)[0]
    removed = run(app, ["remove", gone, "-l", str(whole), "-o", str(tmp_path / "r.h5")])
    assert removed.exit_code == 0, removed.output
    assert f"- {gone}" in run(app, ["diff", str(whole), str(tmp_path / "r.h5")]).stdout
    assert f"removed {gone}" in run(app, ["history", str(tmp_path / "r.h5")]).stdout
