"""Imports: what goes in is told, kept as it was, named for good, and never half there."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.library.app.commands_library import app
from spectriage.library.building.cache import open_library
from spectriage.library.building.derived import check_derived
from spectriage.library.importing import Defaults, import_into
from spectriage.library.store.file import read_library, read_natives, read_originals, verify_library
from spectriage.library.store.update import previous_path
from spectriage.spectra import Hazard, Identifier, Spectrum
from spectriage.spectra.errors import LibraryError, SpectriageError
from spectriage.spectra.technique import Technique

SHIFT = np.arange(250.0, 2000.0, 1.7)


def counts(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(350.0, 1900.0, 9), rng.uniform(0.2, 1.0, 9)
    made = (heights / (1.0 + np.square((SHIFT[:, None] - centres) / 5.0))).sum(axis=1)
    return 1000.0 * made + rng.normal(0.0, 1.0, SHIFT.size) + 50.0


def write(path: Path, seed: int, separator: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, np.c_[SHIFT, counts(seed)], "%.6g", separator)


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Files of many kinds, good and bad, some in folders, as they lie about in a laboratory."""
    folder = tmp_path / "mixed"
    write(folder / "caffeine_785nm_01.csv", 1)
    write(folder / "lidocaine" / "20260406-121131.txt", 2, "\t")
    write(folder / "fentanyl.txt", 3, " ")
    table = np.c_[SHIFT, counts(4), counts(5)]
    np.savetxt(
        folder / "two.csv", table, "%.6g", ",", header="Raman shift (cm-1),mannitol,inositol", comments=""
    )
    points = "\n".join(f"{x:.2f}, {y:.3f}" for x, y in zip(SHIFT, counts(6), strict=True))
    (folder / "q.txt").write_text(f"##NAMES=Quartz\n##RRUFFID=R040031\n##RAMAN WAVELENGTH=785\n{points}\n")
    loop = "\n".join(f"{x:.2f} {y:.3f}" for x, y in zip(SHIFT, counts(7), strict=True))
    (folder / "1.rod").write_text(
        "data_1\n_chemical_name_common 'made up'\n_rod_database.code 1\nloop_\n_raman_spectrum.raman_shift\n"
        f"_raman_spectrum.intensity\n{loop}\n"
    )
    shutil.copy(folder / "fentanyl.txt", folder / "the same again.txt")
    (folder / "notes.txt").write_text("a note")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    np.savetxt(folder / "flat.csv", np.c_[SHIFT, np.full(SHIFT.size, 7.0)], "%.6g", ",")
    np.savetxt(folder / "elsewhere.csv", np.c_[SHIFT + 2600.0, counts(8)], "%.6g", ",")
    write(folder / "0001.csv", 9)
    write(folder / ".hidden.csv", 10)
    return folder


def test_what_is_taken_known_and_refused(mixed, tmp_path):
    report = import_into(tmp_path / "mine.h5", [str(mixed)])
    taken = {each.where: each.record for each in report.taken}
    assert {where: record.substance for where, record in taken.items()} == {
        "caffeine_785nm_01.csv": "caffeine",
        "lidocaine/20260406-121131.txt": "lidocaine",
        "fentanyl.txt": "fentanyl",
        "two.csv#mannitol": "mannitol",
        "two.csv#inositol": "inositol",
        "q.txt": "Quartz",
        "1.rod": "made up",
    }
    # what the catalogue knows of a name it says, the gravest first
    assert taken["fentanyl.txt"].hazard is Hazard.CONTROLLED
    assert taken["q.txt"].excitation_nm == 785.0
    assert report.known == [("the same again.txt", taken["fentanyl.txt"].id)]
    refused = {each.where: each.reason for each in report.refused}
    assert {"notes.txt", "empty.csv", "picture.png", "flat.csv", "elsewhere.csv", "0001.csv"} == set(refused)
    assert "PNG" in refused["picture.png"]
    assert "flat" in refused["flat.csv"]
    assert str(tmp_path) not in json.dumps(report.to_json()["refused"])


def test_it_identifies_checks_and_keeps_originals_byte_for_byte(mixed, tmp_path):
    path = tmp_path / "mine.h5"
    report = import_into(path, [str(mixed)], with_catalogue=True)
    opened = open_library(path)
    checked = check_derived(opened, read_natives(path))
    assert checked.natives == len(report.taken)
    verify_library(path)
    kept = {sha: bytes(content) for sha, content in read_originals(path, check=True).items()}
    for each in report.taken:
        content = (mixed / each.where.split("#")[0]).read_bytes()
        assert kept[hashlib.sha256(content).hexdigest()] == content
    # two spectra of one file share it
    assert len(kept) == len({each.where.split("#")[0] for each in report.taken})
    found = Identifier(opened).identify(Spectrum(SHIFT, counts(5)))
    assert [part.reference.substance for part in found.components] == ["inositol"]


def test_importing_again_changes_nothing_and_ids_stay(mixed, tmp_path):
    path = tmp_path / "mine.h5"
    first = import_into(path, [str(mixed)])
    content = path.read_bytes()
    again = import_into(path, [str(mixed)])
    assert path.read_bytes() == content
    assert not again.taken
    assert not previous_path(path).exists()
    assert len(again.known) == len(first.taken) + len(first.known)
    # alone, or from elsewhere, under another name: the same spectrum has the same id
    (tmp_path / "alone").mkdir()
    shutil.copy(mixed / "two.csv", tmp_path / "alone" / "other name.csv")
    alone = import_into(tmp_path / "alone.h5", [str(tmp_path / "alone")])
    ids = {each.record.substance: each.record.id for each in first.taken}
    assert {each.record.substance: each.record.id for each in alone.taken} == {
        name: ids[name] for name in ("mannitol", "inositol")
    }


def test_the_same_inputs_give_the_same_bytes(mixed, tmp_path):
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        import_into(folder / "mine.h5", [str(mixed)])
    assert (tmp_path / "mine.h5").read_bytes() == (tmp_path / "other" / "mine.h5").read_bytes()


def test_the_one_before_is_kept(mixed, tmp_path):
    path = tmp_path / "mine.h5"
    import_into(path, [str(mixed)])
    before = path.read_bytes()
    write(tmp_path / "more" / "xylazine.csv", 40)
    report = import_into(path, [str(tmp_path / "more")])
    assert [each.record.hazard for each in report.taken] == [Hazard.ADULTERANT]
    assert previous_path(path).read_bytes() == before
    opened = read_library(path)
    assert len(opened) == len(read_library(previous_path(path))) + 1
    assert opened.attributes["history"][-1] == "imported 1 spectra from more (folder)"


def test_a_dry_run_writes_nothing(mixed, tmp_path):
    report = import_into(tmp_path / "mine.h5", [str(mixed)], dry_run=True)
    assert report.taken
    assert not list(tmp_path.glob("*mine*"))


def test_sers_as_the_caller_says_and_the_ec_sers_layout(tmp_path):
    names = "Raman shift (cm-1),-0.1 V fentanyl,-0.2 V fentanyl"
    (tmp_path / "collection").mkdir()
    table = np.c_[SHIFT, counts(1), counts(2)]
    np.savetxt(tmp_path / "collection" / "fentanyl.csv", table, "%.6g", ",", header=names, comments="")
    report = import_into(tmp_path / "a.h5", [str(tmp_path / "collection")], kind="ec-sers")
    assert {each.record.technique for each in report.taken} == {Technique.SERS}
    assert all("electrode" in each.record.substrate for each in report.taken)
    assert len(report.taken) == 2
    write(tmp_path / "strips" / "xylazine.csv", 3)
    defaults = Defaults(technique=Technique.SERS, substrate="gold paper")
    (taken,) = import_into(tmp_path / "b.h5", [str(tmp_path / "strips")], defaults=defaults).taken
    assert (taken.record.technique, taken.record.substrate) == (Technique.SERS, "gold paper")


def test_a_library_into_another(mixed, tmp_path):
    import_into(tmp_path / "theirs.h5", [str(mixed)])
    write(tmp_path / "own" / "ours.csv", 50)
    import_into(tmp_path / "ours.h5", [str(tmp_path / "own")])
    report = import_into(tmp_path / "ours.h5", [str(tmp_path / "theirs.h5")])
    theirs = {record.id: record for record in read_library(tmp_path / "theirs.h5").records}
    assert report.kinds == [(str(tmp_path / "theirs.h5"), "library")]
    assert {each.record.id: each.record for each in report.taken}.items() <= theirs.items()
    assert set(read_originals(tmp_path / "theirs.h5")) < set(read_originals(tmp_path / "ours.h5"))
    assert not import_into(tmp_path / "ours.h5", [str(tmp_path / "theirs.h5")]).taken
    verify_library(tmp_path / "ours.h5")


def test_a_zip_of_rruff_files(mixed, tmp_path):
    with zipfile.ZipFile(tmp_path / "collection.zip", "w") as archive:
        archive.write(mixed / "q.txt", "fair/Quartz__R040031__Raman__785__0.txt")
        archive.write(mixed / "notes.txt", "fair/notes.txt")
    report = import_into(tmp_path / "a.h5", [str(tmp_path / "collection.zip")])
    assert [each.record.substance for each in report.taken] == ["Quartz"]
    assert [each.where for each in report.refused] == ["collection.zip/fair/notes.txt"]
    (tmp_path / "bad.zip").write_bytes((tmp_path / "collection.zip").read_bytes()[:-40])
    with pytest.raises(SpectriageError):
        import_into(tmp_path / "b.h5", [str(tmp_path / "bad.zip"), str(tmp_path / "absent")])


def test_a_manifest_says_what_names_do_not_and_one_bad_file_does_not_stop_the_others(mixed, tmp_path):
    manifest = mixed / "list.csv"
    manifest.write_text(
        "path,substance,class,which,technique,id\n"
        "0001.csv,something new,fentanyl,,,\n"
        "two.csv,the second,other,inositol,,its-own-id\n"
        "notes.txt,nothing,other,,,\n"
        "q.txt,quartz sand,chemical,,,\n"
    )
    report = import_into(tmp_path / "a.h5", [str(manifest)])
    taken = {each.record.substance: each.record for each in report.taken}
    assert set(taken) == {"something new", "the second", "quartz sand"}
    assert taken["something new"].hazard is Hazard.CONTROLLED
    assert taken["the second"].id == "its-own-id"
    assert [each.where for each in report.refused] == ["list.csv:4: notes.txt"]


def test_the_template_is_a_manifest_of_what_the_folder_holds(mixed, tmp_path):
    told = CliRunner().invoke(app, ["template", str(mixed)])
    assert told.exit_code == 0, told.output
    text = told.stdout
    as_json = CliRunner().invoke(app, ["template", str(mixed), "--json"]).stdout.splitlines()
    out = mixed / "to-fill.csv"
    out.write_text(text)
    assert "# picture.png: " in text
    report = import_into(tmp_path / "a.h5", [str(out)])
    folder = import_into(tmp_path / "b.h5", [str(mixed)])
    assert {each.record.substance for each in report.taken} == {
        each.record.substance for each in folder.taken
    }
    assert sum(bool(json.loads(line)["refused"]) for line in as_json) == text.count("\n# ") - 1


def test_the_command_says_what_it_did(mixed, tmp_path):
    arguments = ["import", str(mixed), "--into", str(tmp_path / "a.h5"), "--no-catalogue"]
    shown = CliRunner().invoke(app, [*arguments, "--report", str(tmp_path / "report.json")])
    assert shown.exit_code == 0, shown.output
    assert "refused  picture.png: this is a PNG image" in shown.output
    assert "took  fentanyl.txt: fentanyl (fentanyl, controlled), named by the file's name" in shown.output
    told = json.loads((tmp_path / "report.json").read_text())
    assert len(told["refused"]) == shown.output.count("  refused  ")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "x.txt").write_text("no")
    bad = CliRunner().invoke(app, ["import", str(tmp_path / "nothing"), "--into", str(tmp_path / "b.h5")])
    assert bad.exit_code == 2
    assert not (tmp_path / "b.h5").exists()


def test_a_damaged_library_is_not_extended(mixed, tmp_path):
    path = tmp_path / "a.h5"
    import_into(path, [str(mixed / "q.txt")])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(LibraryError):
        import_into(path, [str(mixed)])
    assert path.read_bytes() == content


PROGRAM = (
    "import sys; from pathlib import Path; from spectriage.library.importing import import_into;"
    "print(len(import_into(Path(sys.argv[1]), sys.argv[2:]).taken))"
)


def start(path: Path, *sources: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, str(path), *map(str, sources)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_imports_at_once_lose_nothing(tmp_path):
    for i in range(3):
        for j in range(3):
            write(tmp_path / f"f{i}" / f"thing{i}{j}x.csv", 100 + 10 * i + j)
    path = tmp_path / "shared.h5"
    running = [start(path, tmp_path / f"f{i}") for i in range(3)]
    assert [process.communicate(timeout=300)[0].strip() for process in running] == [b"3"] * 3
    assert sum(record.tier == "measured" for record in read_library(path).records) == 9
    verify_library(path)
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_import_leaves_the_old_or_the_new_file(tmp_path):
    path = tmp_path / "mine.h5"
    write(tmp_path / "old" / "first.csv", 1)
    import_into(path, [str(tmp_path / "old")])
    old = path.read_bytes()
    write(tmp_path / "new" / "second.csv", 2)
    began = time.monotonic()
    process = start(path, tmp_path / "new")
    process.communicate(timeout=300)
    lasts = time.monotonic() - began
    new = path.read_bytes()
    assert new != old
    rng = np.random.default_rng(4)
    for part in [*rng.uniform(0.3, 1.0, 6), 0.9, 0.95]:
        path.write_bytes(old)
        process = start(path, tmp_path / "new")
        time.sleep(lasts * float(part))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert path.read_bytes() in (old, new)
    process = start(path, tmp_path / "new")
    process.communicate(timeout=300)
    assert path.read_bytes() == new


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_imports_at_once_with_kills_under_a_reader(tmp_path):
    """Whoever opens it meanwhile gets a whole library; what a finished import brought in stays."""
    path = tmp_path / "shared.h5"
    write(tmp_path / "first" / "alpha.csv", 900)
    import_into(path, [str(tmp_path / "first")])
    for i in range(4):
        write(tmp_path / f"f{i}" / f"thing{i}x.csv", 500 + i)
    rng = np.random.default_rng(8)
    running = [start(path, tmp_path / f"f{i}") for i in range(4)]
    doomed = dict(zip((0, 2), (time.monotonic() + rng.uniform(1.0, 6.0, 2)).tolist(), strict=True))
    seen = 1
    while any(process.poll() is None for process in running):
        for i, moment in doomed.items():
            if time.monotonic() > moment:
                running[i].kill()
        measured = sum(record.tier == "measured" for record in read_library(path).records)
        assert measured >= seen
        seen = measured
        time.sleep(0.05)
    whole = {process.returncode == 0 for process in running[1::2]}
    assert whole == {True}
    for process in running:
        process.communicate()
    names = {record.substance for record in verify_library(path).records}
    assert {"thing1x", "thing3x"} <= names
    # what the killed ones left unfinished is brought in now, and nothing twice
    import_into(path, [str(tmp_path / f"f{i}") for i in range(4)])
    assert sum(record.tier == "measured" for record in verify_library(path).records) == 5


def test_a_collection_of_ec_sers_with_a_folder_a_substance(tmp_path):
    """Folders named after substances, a table of potentials in each, notes beside them."""
    collection = tmp_path / "collection"
    for seed, name in enumerate(("fentanyl", "xylazine", "isotonitazene")):
        (collection / name).mkdir(parents=True)
        table = np.c_[SHIFT, counts(30 + seed), counts(60 + seed)]
        names = "Raman shift (cm-1),-0.10 V,-0.20 V"
        np.savetxt(collection / name / "run 1.csv", table, "%.6g", ",", header=names, comments="")
    (collection / "README.txt").write_text("EC-SERS, 785 nm, silver screen-printed electrodes\n")
    report = import_into(tmp_path / "a.h5", [str(collection)], kind="ec-sers")
    assert len(report.taken) == 6
    assert {each.record.substance for each in report.taken} == {"fentanyl", "xylazine", "isotonitazene"}
    assert {each.record.technique for each in report.taken} == {Technique.SERS}
    assert {str(each.record.hazard) for each in report.taken} == {"controlled", "adulterant"}
    assert [refused.where for refused in report.refused] == ["README.txt"]
