"""A library made on one unit serves another: its spectra move, its originals and ids stay."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.library.app.commands_library import app
from spectriage.library.building.cache import open_library
from spectriage.library.building.derived import check_derived
from spectriage.library.importing import import_into
from spectriage.library.store.file import read_library, read_natives, read_originals

SHIFT = np.arange(250.0, 2200.0, 1.5)


def write(path: Path, seed: int, off_cm: float) -> None:
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(400.0, 2000.0, 9), rng.uniform(0.3, 1.0, 9)
    values = (heights / (1.0 + np.square((SHIFT[:, None] - centres - off_cm) / 5.0))).sum(axis=1)
    path.parent.mkdir(exist_ok=True)
    np.savetxt(path, np.c_[SHIFT, 1e4 * values + rng.normal(0.0, 5.0, SHIFT.size)], "%.6g", ",")


@pytest.fixture
def units(tmp_path) -> Path:
    for seed, name in enumerate(("polystyrene", "cyclohexane", "calcite")):
        write(tmp_path / "unit a" / f"{name}.csv", seed, 0.0)
        write(tmp_path / "unit b" / f"{name}_785nm.csv", seed, 4.0)
    for seed in range(10, 16):
        write(tmp_path / "spectra" / f"thing number{chr(seed + 87)}.csv", seed, 0.0)
    import_into(tmp_path / "a.h5", [str(tmp_path / "spectra")])
    return tmp_path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_a_library_moves_to_another_unit(units):
    told = run("twin", units / "unit a", units / "unit b", "-o", units / "t.json")
    assert "from calcite, cyclohexane, polystyrene" in told
    run("transfer", units / "a.h5", "--by", units / "t.json", "-o", units / "b.h5")
    before, after = read_library(units / "a.h5"), open_library(units / "b.h5")
    assert [record.id for record in before.records] == [record.id for record in after.records]
    natives, moved = read_natives(units / "a.h5"), read_natives(units / "b.h5")
    for name, native in natives.items():
        np.testing.assert_allclose(moved[name].shift - native.shift, 4.0, atol=0.4)
    assert set(read_originals(units / "a.h5")) == set(read_originals(units / "b.h5"))
    check_derived(after, moved)
    assert "unit a to unit b" in after.attributes["history"][-1]
    # not twice, and an import knows them still
    again = CliRunner().invoke(
        app, ["transfer", str(units / "b.h5"), "--by", str(units / "t.json"), "-o", "x.h5"]
    )
    assert "was transferred" in str(again.exception)
    assert not import_into(units / "b.h5", [str(units / "spectra")]).taken


def test_only_one_units_spectra_move(units):
    run("twin", units / "unit a", units / "unit b", "-o", units / "t.json")
    none = ["transfer", str(units / "a.h5"), "--by", str(units / "t.json"), "-o", str(units / "x.h5")]
    result = CliRunner().invoke(app, [*none, "--only-source", "another unit"])
    assert "no measured reference is of that unit" in str(result.exception)
    assert not (units / "x.h5").exists()


def test_nothing_of_one_name(units):
    result = CliRunner().invoke(app, ["twin", str(units / "unit a"), str(units / "spectra"), "-o", "t.json"])
    assert "no standard of one name" in str(result.exception)
