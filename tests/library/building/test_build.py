"""Building: what is brought in, what comes along, what is refused, and the check of every reference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spectriage.library.building.build import (
    BuildError,
    add_spectrum,
    assemble,
    build_library,
    check_self_identification,
)
from spectriage.library.building.manifest import ManifestEntry
from spectriage.library.catalogue import load_catalogue
from spectriage.library.store.file import SCHEMA, read_library, read_natives, verify_library
from spectriage.spectra import Hazard, Reference, ReferenceSet, Spectrum, Tier
from spectriage.spectra.errors import LibraryError, ParameterError
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.search.index import SearchIndex
from spectriage.spectra.signal.grid import DEFAULT_GRID, Grid

GRID = Grid(200.0, 1800.0, 4.0)


def spectrum_file(path: Path, seed: int, low: float = 250.0, high: float = 1900.0) -> Path:
    rng = np.random.default_rng(seed)
    shift = np.arange(low, high, 1.5)
    centres = rng.uniform(low + 50, high - 50, 12)
    bands = rng.uniform(200, 2000, 12) @ np.exp(-(((shift - centres[:, None]) / 6.0) ** 2))
    values = 500 + bands + 0.1 * shift
    path.write_text("".join(f"{x:.3f},{y:.4f}\n" for x, y in zip(shift, values, strict=True)))
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    spectrum_file(tmp_path / "one.csv", 1)
    spectrum_file(tmp_path / "two.csv", 2)
    spectrum_file(tmp_path / "three.csv", 3, 400.0, 1200.0)
    path = tmp_path / "set.csv"
    path.write_text(
        "path,substance,form,source,class,excitation\n"
        "one.csv,Unobtainium,powder,lab A,,785\n"
        "two.csv,unobtainium,powder,lab B,,\n"
        "three.csv,cocaine,crack,,,\n"
    )
    return path


@pytest.fixture(scope="module")
def catalogue() -> ReferenceSet:
    return assemble().references


def by_id(references: ReferenceSet) -> dict[str, Reference]:
    return {record.id: record for record in references.records}


def test_the_catalogue_is_a_library(catalogue, tmp_path):
    stages: list[tuple[str, int, int]] = []
    made = build_library(tmp_path / "a.h5", progress=lambda *step: stages.append(step))
    assert {record.id for record in made.records} == {entry.id for entry in load_catalogue()}
    assert made.name == "catalogue"
    assert len(made.indexes) == 3
    assert made.derived.null is not None
    assert made.derived.coarse is not None
    assert made.attributes["schema"] == SCHEMA
    assert {stage for stage, done, total in stages if done == total} == {
        "rendering",
        "indexing",
        "checking",
        "null",
    }
    np.testing.assert_array_equal(made.spectra, catalogue.spectra)
    np.testing.assert_array_equal(made.shift, DEFAULT_GRID.shift)
    assert [record.id for record in made.records] == sorted(record.id for record in made.records)


def test_band_models_are_unknown_outside_their_range(catalogue):
    bounded = [record for record in catalogue.records if record.valid_low_cm is not None]
    assert len(bounded) > 50
    rows = {record.id: row for record, row in zip(catalogue.records, catalogue.spectra, strict=True)}
    for record in bounded:
        inside = (catalogue.shift >= record.valid_low_cm) & (catalogue.shift <= record.valid_high_cm)
        np.testing.assert_array_equal(np.isfinite(rows[record.id]), inside)


def test_entries_without_bands_are_legal_and_never_match(catalogue):
    empty = {entry.id for entry in load_catalogue() if not entry.bands}
    assert empty
    index = SearchIndex(catalogue)
    rows = [row for row, record in enumerate(catalogue.records) if record.id in empty]
    for row in rows:
        assert not np.any(index.matrix[row])
    query = Spectrum(catalogue.shift, np.random.default_rng(0).random(catalogue.shift.size))
    scores, _ = index.scores(query)
    assert not np.any(scores[rows])


def test_a_manifest_alone_brings_the_packaging_along(manifest, tmp_path):
    made = build_library(tmp_path / "a.h5", manifest, grid=GRID)
    measured = [record for record in made.records if record.tier is Tier.MEASURED]
    others = [record for record in made.records if record.tier is not Tier.MEASURED]
    assert len(measured) == 3
    assert others
    assert all(record.is_packaging for record in others)
    assert {record.id for record in others} == {
        entry.id for entry in load_catalogue() if entry.material_class == "packaging"
    }
    assert made.name == "set"
    assert [step.split()[0] for step in made.attributes["history"]] == ["catalogue", "manifest"]
    assert verify_library(tmp_path / "a.h5").sha256 == made.sha256


def test_with_the_catalogue(manifest):
    made = assemble(manifest, with_catalogue=True, grid=GRID).references
    assert len(made) == len(load_catalogue()) + 3


def test_records_of_measured_spectra(manifest, tmp_path):
    made = build_library(tmp_path / "a.h5", manifest, grid=GRID)
    records = by_id(made)
    first = records["unobtainium-powder-lab-a"]
    assert (first.substance, first.form, first.source) == ("Unobtainium", "powder", "lab A")
    assert (first.excitation_nm, first.valid_low_cm) == (785.0, 250.0)
    assert (first.material_class, first.hazard) == ("other", Hazard.NONE)
    assert records["unobtainium-powder-lab-b"].excitation_nm is None
    known = records["cocaine-crack"]
    assert known.hazard is Hazard.CONTROLLED
    assert known.source == "three.csv"
    assert known.family == next(entry.family for entry in load_catalogue() if entry.substance == "cocaine")


def test_native_spectra_are_kept_untouched_and_rows_are_theirs(manifest, tmp_path):
    made = build_library(tmp_path / "a.h5", manifest, grid=GRID)
    natives = read_natives(tmp_path / "a.h5")
    assert natives["cocaine-crack"] == read_spectrum(manifest.parent / "three.csv")
    row = made.spectra[[record.id for record in made.records].index("cocaine-crack")]
    finite = np.isfinite(row)
    native = natives["cocaine-crack"]
    # nothing is claimed outside what was measured
    inside = made.shift[(made.shift >= native.shift[0]) & (made.shift <= native.shift[-1])]
    assert (made.shift[finite][0], made.shift[finite][-1]) == (inside[0], inside[-1])
    smooth = np.interp(made.shift[finite], native.shift, native.intensity)
    assert np.corrcoef(row[finite], smooth)[0, 1] > 0.99


def test_every_unreadable_record_is_named_and_nothing_is_written(manifest):
    folder = manifest.parent
    (folder / "empty.csv").write_text("")
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 8)
    (folder / "flat.csv").write_text("".join(f"{x},7\n" for x in range(200, 1900, 2)))
    (folder / "far.csv").write_text("".join(f"{x},{x % 7}\n" for x in range(2500, 3000)))
    (folder / "huge.csv").write_text("".join(f"{x},{x}e40\n" for x in range(200, 1900, 2)))
    bad = ("empty", "binary", "flat", "far", "huge")
    with manifest.open("a") as file:
        file.writelines(f"{name}.csv,{name}\n" for name in bad)
    out = folder / "out"
    out.mkdir()
    with pytest.raises(BuildError) as caught:
        build_library(out / "a.h5", manifest, grid=GRID)
    assert len(caught.value.failures) == len(bad)
    for line, (name, failure) in enumerate(zip(bad, caught.value.failures, strict=True), 5):
        assert failure.startswith(f"set.csv:{line}: ")
        assert name in failure
        assert failure in str(caught.value)
    assert list(out.iterdir()) == []


def test_ids_are_unique_and_a_taken_one_is_refused(tmp_path):
    files = [spectrum_file(tmp_path / f"{i}.csv", i) for i in range(4)]
    lines = "".join(f"{file.name},water ice\n" for file in files[:2]) + "2.csv,水\n3.csv,水\n"
    path = tmp_path / "m.csv"
    path.write_text("path,substance\n" + lines)
    made = assemble(path, grid=GRID)
    assert sorted(made.natives) == ["reference-2", "reference-3", "water-ice-0", "water-ice-1"]
    taken = next(entry.id for entry in load_catalogue() if entry.material_class == "packaging")
    path.write_text(f"path,substance,id\n0.csv,water,{taken}\n")
    with pytest.raises(BuildError, match="is taken"):
        assemble(path, grid=GRID)


def test_every_reference_identifies_as_itself(catalogue):
    index = SearchIndex(catalogue)
    for row, values in enumerate(catalogue.spectra[::5]):
        measured = np.isfinite(values)
        if np.any(values[measured]):
            scores, _ = index.scores(Spectrum(catalogue.shift[measured], values[measured]))
            assert scores[5 * row] > 0.999
            assert scores[5 * row] >= scores.max() - 1e-3


def bands(shift: np.ndarray, *centres: float) -> np.ndarray:
    return sum(np.exp(-(((shift - centre) / 8.0) ** 2)) for centre in centres).astype(np.float32)


def three() -> ReferenceSet:
    shift = GRID.shift
    spectra = np.stack([bands(shift, 500, 900), bands(shift, 700, 1200), bands(shift, 1000, 1500)])
    records = tuple(Reference(f"ref-{i}", f"substance {i}") for i in range(3))
    return ReferenceSet(records, shift, spectra)


def test_two_substances_with_one_spectrum_may_stand_together():
    made = three()
    same = replace(made, spectra=np.stack([made.spectra[0], made.spectra[0] * 3, made.spectra[2]]))
    check_self_identification(same)
    nearly = same.spectra.copy()
    nearly[1] += 0.01 * bands(GRID.shift, 1300)
    check_self_identification(replace(same, spectra=nearly))


def test_a_matrix_that_drifted_from_its_spectra_is_found():
    made = three()
    key, matrix = SearchIndex(made).score.key(4.0), SearchIndex(made).matrix
    check_self_identification(replace(made, indexes={key: matrix}))
    drifted = replace(made, indexes={key: matrix[[1, 0, 2]]})
    with pytest.raises(BuildError) as caught:
        check_self_identification(drifted)
    assert len(caught.value.failures) == 2
    assert "ref-0: scores" in caught.value.failures[0]
    assert "against ref-1 (substance 1)" in caught.value.failures[0]


def test_adding_makes_a_new_library_and_leaves_the_old(manifest, tmp_path):
    base = tmp_path / "base.h5"
    old = build_library(base, manifest, grid=GRID)
    before = base.read_bytes()
    entry = ManifestEntry(spectrum_file(tmp_path / "mine.csv", 9), "kryptonite", source="my own")
    made = add_spectrum(tmp_path / "new.h5", entry, base)
    assert base.read_bytes() == before
    assert len(made) == len(old) + 1
    assert by_id(made)["kryptonite"].source == "my own"
    assert set(read_natives(tmp_path / "new.h5")) == {*read_natives(base), "kryptonite"}
    # what was extended is another library, and does not go by the name or version of what it came from
    assert (made.name, made.version) == ("new", "1")
    again = ManifestEntry(spectrum_file(tmp_path / "too.csv", 11), "unobtainium")
    (tmp_path / "later").mkdir()
    next_one = add_spectrum(tmp_path / "later" / "new.h5", again, tmp_path / "new.h5")
    assert (next_one.name, next_one.version) == ("new", "2")
    named = add_spectrum(tmp_path / "x.h5", again, base, name="ours", version="2026-11")
    assert (named.name, named.version) == ("ours", "2026-11")
    history = made.attributes["history"]
    assert history[: len(old.attributes["history"])] == old.attributes["history"]
    assert old.sha256 in history[-2]
    assert history[-1].startswith("added kryptonite from mine.csv ")
    for key, matrix in old.indexes.items():
        rows = [record.id != "kryptonite" for record in made.records]
        np.testing.assert_allclose(made.indexes[key][rows], matrix, atol=1e-6)
    (match,) = SearchIndex(read_library(tmp_path / "new.h5")).search(read_spectrum(tmp_path / "mine.csv"), 1)
    assert match.reference.id == "kryptonite"


def test_adding_to_the_library_itself_is_refused(manifest, tmp_path):
    base = tmp_path / "base.h5"
    build_library(base, manifest, grid=GRID)
    entry = ManifestEntry(spectrum_file(tmp_path / "mine.csv", 9), "kryptonite")
    (tmp_path / "link.h5").symlink_to(base)
    for out in (base, tmp_path / "link.h5"):
        with pytest.raises(ParameterError, match="in place"):
            add_spectrum(out, entry, base, overwrite=True)
    with pytest.raises(LibraryError, match="exists"):
        add_spectrum(tmp_path / "mine.csv", entry, base)
    assert read_spectrum(tmp_path / "mine.csv")


def test_a_real_set_of_measured_spectra(measured, tmp_path):
    files = sorted((measured / "wasatch-785xs-2026").glob("*.csv"))
    rows = [f'"{file}","{file.stem}",wasatch\n' for file in files]
    (tmp_path / "m.csv").write_text("path,substance,source\n" + "".join(rows))
    made = build_library(tmp_path / "a.h5", tmp_path / "m.csv")
    assert len(made.attributes["native_ids"]) == len(files) == 80
    index = SearchIndex(made)
    for name in ("acetaminophen", "sucrose", "urea", "toluene"):
        query = read_spectrum(next((measured / "wasatch-785-2024").rglob(f"{name}.csv")))
        assert index.search(query, 1)[0].reference.substance == name
