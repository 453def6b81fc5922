"""A transfer recovers a known difference between two units, gains on unseen materials, and travels."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectriage.spectra import Spectrum
from spectriage.spectra.errors import FormatError, SpectrumError
from spectriage.spectra.transfer import Transfer, fit_transfer, load_transfer, save_transfer
from spectriage.spectra.transfer.cha import read_cha, write_cha

SHIFT = np.arange(300.0, 2200.0, 1.3)
LOW, HIGH = float(SHIFT[0]), float(SHIFT[-1])


def off_cm(shift: np.ndarray) -> np.ndarray:
    return 2.5 - 3.0 * (shift - 1200.0) / 1000.0


def ratio(shift: np.ndarray) -> np.ndarray:
    return np.exp(0.4 * (shift - 1200.0) / 1000.0)


def sample(seed: int, unit: int) -> Spectrum:
    """One made-up material on two units that differ in axis and response, with noise of their own."""
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(400.0, 2100.0, 9), rng.uniform(0.3, 1.0, 9)
    if unit:
        heights = heights * ratio(centres) * 3.0
        centres = centres + off_cm(centres)
    values = (heights / (1.0 + np.square((SHIFT[:, None] - centres) / 5.0))).sum(axis=1)
    return Spectrum(
        SHIFT, 1e4 * values + np.random.default_rng(seed + 999 * unit).normal(0.0, 10.0, SHIFT.size)
    )


def pairs(seeds: range) -> list[tuple[str, Spectrum, Spectrum]]:
    return [(f"standard {seed}", sample(seed, 0), sample(seed, 1)) for seed in seeds]


def cosine(first: Spectrum, second: Spectrum) -> float:
    grid = np.arange(420.0, 2050.0, 1.0)
    ours, theirs = (np.interp(grid, each.shift, each.intensity) for each in (first, second))
    return float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))


def test_a_known_difference_comes_out_again():
    made = fit_transfer(pairs(range(4)), "a", "b")
    where = np.linspace(500.0, 2000.0, 40)
    moved = made._at(where, made.axis_cm)
    assert np.abs(moved - off_cm(where)).max() < 0.6
    found = made._at(where, made.log_response)
    wanted = np.log(ratio(where))
    assert np.abs((found - found.mean()) - (wanted - wanted.mean())).max() < 0.12
    assert made.axis_rms_cm < 1.0
    assert made.standards == tuple(f"standard {seed}" for seed in range(4))


def test_it_gains_on_materials_that_were_no_standards():
    made = fit_transfer(pairs(range(4)))
    for seed in range(10, 20):
        source, target = sample(seed, 0), sample(seed, 1)
        assert cosine(made.apply(source), target) > max(cosine(source, target), 0.97)


def test_two_alike_units_are_left_alone():
    same = [(f"{seed}", sample(seed, 0), sample(seed, 0)) for seed in range(3)]
    made = fit_transfer(same)
    assert np.abs(made.axis_cm).max() < 0.05
    assert np.abs(made.log_response).max() < 0.05
    assert made.resolution_cm == 0.0


def test_one_standard_that_is_another_material_does_not_decide():
    mixed = [*pairs(range(5)), ("mistaken", sample(50, 0), sample(51, 1))]
    made, right = fit_transfer(mixed), fit_transfer(pairs(range(5)))
    where = np.linspace(500.0, 2000.0, 40)
    assert np.abs(made._at(where, made.axis_cm) - right._at(where, right.axis_cm)).max() < 1.0


def test_too_little_in_common():
    flat = Spectrum(SHIFT, np.ones(SHIFT.size))
    for few in ([], [("flat", flat, flat)]):
        with pytest.raises(SpectrumError, match="0 bands in common"):
            fit_transfer(few)


def test_variance_resolution_and_history_follow():
    made = Transfer("a", "b", LOW, HIGH, (1.0,), (np.log(2.0),), 3.0)
    spectrum = Spectrum(SHIFT, np.ones(SHIFT.size), np.ones(SHIFT.size), 785.0, 4.0)
    moved = made.apply(spectrum)
    np.testing.assert_allclose(moved.shift, SHIFT + 1.0)
    np.testing.assert_allclose(moved.intensity, 2.0)
    assert moved.variance is not None
    np.testing.assert_allclose(moved.variance, 4.0)
    assert moved.resolution_cm == 5.0
    assert moved.history[-1].startswith("transfer(a to b")
    with pytest.raises(SpectrumError, match="folds"):
        Transfer("a", "b", LOW, HIGH, (0.0, -1500.0)).apply(spectrum)


def test_it_travels_as_a_file_and_every_change_shows(tmp_path):
    made = fit_transfer(pairs(range(3)), "a", "b")
    save_transfer(made, tmp_path / "t.json")
    assert load_transfer(tmp_path / "t.json") == made
    content = json.loads((tmp_path / "t.json").read_text())
    for name, value in (
        ("axis_cm", [9.0]),
        ("kind", "other"),
        ("schema", 2),
        ("low_cm", "x"),
        ("extra", 1),
        ("sha256", "0"),
    ):
        (tmp_path / "bad.json").write_text(json.dumps({**content, name: value}))
        with pytest.raises(FormatError):
            load_transfer(tmp_path / "bad.json")
    for text in ("", "[]", "{", "null", "[" * 9999):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(FormatError):
            load_transfer(tmp_path / "bad.json")


def test_cha_files_go_both_ways(tmp_path):
    spectra = {name: Spectrum(s.shift, s.intensity, None, 785.0) for name, s, _ in pairs(range(2))}
    write_cha(tmp_path / "a.cha", spectra)
    read = read_cha(tmp_path / "a.cha")
    for name, spectrum in spectra.items():
        np.testing.assert_array_equal(read[name].intensity, spectrum.intensity)
        assert read[name].excitation_nm == 785.0
    # as that package writes it: np.stack([x, y]) under a name, what is known as attributes
    with h5py.File(tmp_path / "b.cha", "w") as file:
        file.create_dataset("raw", data=np.stack([SHIFT, SHIFT])).attrs.update({"laser_wl": "532", "n": 3})
    assert read_cha(tmp_path / "b.cha")["raw"].excitation_nm == 532.0
    with h5py.File(tmp_path / "c.cha", "w") as file:
        file.create_dataset("raw", data=np.zeros((3, 9)))
    (tmp_path / "d.cha").write_bytes(b"no")
    for name in ("c.cha", "d.cha", "absent.cha"):
        with pytest.raises(FormatError):
            read_cha(tmp_path / name)
    with pytest.raises(FormatError, match="written"):
        write_cha(tmp_path / "a.cha", spectra)


def test_two_optics_of_one_instrument(measured: Path):
    """Horiba, two probes, raw axes: standards that were left out come nearer."""
    from spectriage.spectra.formats import read_spectrum
    from spectriage.spectra.transfer.likeness import likeness

    folder = measured / "charisma-horiba-785"
    found: dict[str, dict[str, Spectrum]] = {}
    for path in sorted(folder.glob("*_iR785_OP0*.txt")):
        name, _, optics, *_ = path.stem.split("_")
        if name.startswith(("PST", "sCAL", "nCAL")):
            found.setdefault(name, {})[optics] = read_spectrum(path)
    assert len(found) == 3
    for left_out, both in found.items():
        if left_out.startswith("PST"):
            continue
        standards = [(name, each["OP01"], each["OP02"]) for name, each in found.items() if name != left_out]
        made = fit_transfer(standards, "OP01", "OP02")
        before = likeness(both["OP01"], both["OP02"])[0]
        assert likeness(made.apply(both["OP01"]), both["OP02"])[0] > before + 0.01


def test_cha_files_go_both_ways_with_ramanchada2_itself(tmp_path):
    theirs = pytest.importorskip("ramanchada2.spectrum")
    shift = np.arange(200.0, 2000.0, 1.5)
    counts = 1000.0 / (1.0 + np.square((shift - 1001.0) / 5.0)) + 10.0
    made = theirs.Spectrum(x=shift, y=counts, metadata={"laser_wl": "785"})
    made.write_cha(str(tmp_path / "theirs.cha"), "raw")
    made.write_cha(str(tmp_path / "theirs.cha"), "/steps/one")
    read = read_cha(tmp_path / "theirs.cha")
    assert set(read) == {"raw", "steps/one"}
    write_cha(tmp_path / "ours.cha", {"raw": read["raw"]})
    again = theirs.from_chada(str(tmp_path / "ours.cha"), dataset="raw")
    for spectrum in (read["raw"], read["steps/one"]):
        np.testing.assert_array_equal(spectrum.shift, shift)
        np.testing.assert_array_equal(spectrum.intensity, counts)
        assert spectrum.excitation_nm == 785.0
    np.testing.assert_array_equal(again.x, shift)
    np.testing.assert_array_equal(again.y, counts)
