from dataclasses import replace

import numpy as np
import pytest

from spectriage.bench.sets.names import Correction, Names, read_aliases, read_groups, read_table
from spectriage.bench.sets.sets import merged, read_set
from spectriage.spectra.errors import FormatError, ParameterError
from spectriage.spectra.origin import Origin


def write_spectrum(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = [f"{400 + 2 * i},{rng.normal():.4f}" for i in range(120)]
    path.write_text("wavenumber,intensity\n" + "\n".join(rows))


def test_a_folder_is_labelled_by_its_files(tmp_path):
    write_spectrum(tmp_path / "first" / "Acetone.csv")
    write_spectrum(tmp_path / "first" / "deep" / "acetone.csv")
    (tmp_path / "first" / "notes.txt").write_text("nothing of interest")
    found = read_set(tmp_path / "first")
    assert [(t.substance, t.instrument) for t in found.trials()] == [
        ("acetone", "deep"),
        ("acetone", "first"),
    ]
    assert found.sources == {"first"}
    assert len(found.left_out) == 1
    assert "notes.txt" in found.left_out[0]


def test_repeats_are_one_trial(tmp_path):
    for name in ("2-propanol", "isopropanol"):
        write_spectrum(tmp_path / "unit" / f"{name}.csv")
    trials = read_set(tmp_path / "unit").trials()
    assert len(trials) == 1
    assert len(trials[0].repeats) == 2


def test_a_manifest_says_what_the_files_do_not(tmp_path):
    write_spectrum(tmp_path / "data" / "a1.csv")
    write_spectrum(tmp_path / "data" / "a2.csv")
    manifest = tmp_path / "set.csv"
    manifest.write_text(
        "# a comment\npath,substance,instrument,aliases,origin\n"
        "data/a1.csv,widgetine,unit 7,widget; gadget,\ndata/a2.csv,widgetine,sim,,simulated\n"
    )
    found = read_set(manifest)
    assert found.names.same("Gadget", "WIDGETINE")
    assert [t.instrument for t in found.trials()] == ["sim", "unit 7"]
    assert len(found.only(Origin.SIMULATED)) == 1
    mixed = replace(found, items=tuple(replace(item, instrument="x") for item in found.items))
    with pytest.raises(ParameterError, match="mixed"):
        mixed.trials()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("path\nx.csv\n", "no column substance"),
        ("path,substance\nx.csv\n", "no substance"),
        ("path,substance,colour\n", "unknown"),
        ("path,substance\na.csv,b,c\n", "3 cells"),
        ("path,substance,origin\ndata.csv,a,guessed\n", "neither measured"),
        ("path,substance\nmissing.csv,a\n", "missing.csv"),
    ],
)
def test_bad_manifests_are_named(tmp_path, text, said):
    manifest = tmp_path / "set.csv"
    manifest.write_text(text)
    with pytest.raises(FormatError, match=said):
        read_set(manifest)
    with pytest.raises(FormatError, match="neither a folder"):
        read_set(tmp_path / "nowhere")


def test_corrections_rename_and_leave_out(tmp_path):
    for name in ("alanine", "mystery", "urea"):
        write_spectrum(tmp_path / "unit" / f"{name}.csv")
    corrections = (
        Correction("unit/alanine.csv", "arginine", "has its bands"),
        Correction("mystery.csv", "", "nobody knows"),
        Correction("ea.csv", "wrong", "only whole names match"),
    )
    found = read_set(tmp_path / "unit", corrections=corrections)
    assert [t.substance for t in found.trials()] == ["arginine", "urea"]
    assert found.left_out == ("unit/mystery.csv: nobody knows",)


def test_names_know_aliases_and_groups(tmp_path):
    table = tmp_path / "aliases.csv"
    table.write_text("label,substance\nstuff,urea\n")
    groups = tmp_path / "groups.csv"
    groups.write_text("group,substance\nsugars,glucose\nsugars,sucrose\n")
    names = Names(read_aliases(table), read_groups(groups))
    assert names.same("Stuff", "carbamide")
    assert names.same("table sugar", "dextrose")
    assert not names.same("urea", "glucose")
    assert names.substance("glucose") != names.substance("sucrose")
    with pytest.raises(ParameterError, match="two groups"):
        Names(groups=(("urea", "glucose"), ("glucose", "sucrose")))


def test_merged_sets_keep_their_aliases(tmp_path):
    for unit in ("one", "two"):
        write_spectrum(tmp_path / unit / "urea.csv")
    first, second = read_set(tmp_path / "one", names=Names({"x": "urea"})), read_set(tmp_path / "two")
    both = merged([first, second])
    assert len(both.trials()) == 2
    assert both.names.same("x", "urea")
    with pytest.raises(ParameterError):
        merged([])


def test_a_table_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(FormatError, match="UTF-8"):
        read_table(path, ("label",))


def test_measured_sets_are_read_whole(measured):
    found = read_set(measured / "wasatch-785-2024")
    assert len(found) == 25
    assert {trial.substance for trial in found.trials()} >= {"acetaminophen", "isopropanol", "sucrose"}
