"""What is written reads back to the same numbers, and is whole or not there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import read_spectra, read_spectrum
from spectriage.spectra.formats.write import WriteError, write_csv, write_jcamp, write_nexus
from spectriage.spectra.formats.write.whole import whole_file
from spectriage.spectra.spectrum import Spectrum

N = 30
SHIFT = np.linspace(200.123456789, 1_799.7, N) ** 1.0001
COUNTS = np.sin(np.arange(N)) * 1e5 / 3.0
KNOWN = {
    "title": "white powder, bag 7: $$ #1",
    "date": "2024-05-06 07:08:09",
    "integration_ms": 1234.5,
    "accumulations": 3,
    "instrument": "WP-785X",
    "serial": "WP-00001",
}


def format_error_of(read, path):
    """The FormatError of reading a path, or None; any other exception goes on."""
    try:
        read(path)
    except FormatError as error:
        return error
    return None


def spectrum(**changes):
    given = {
        "shift": SHIFT,
        "intensity": COUNTS,
        "excitation_nm": 784.97,
        "resolution_cm": 8.5,
        "metadata": KNOWN,
        "history": ("read table: x", "despike"),
    }
    return Spectrum(**{**given, **changes})


@settings(max_examples=45, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shift=st.lists(st.floats(-500, 5_000), min_size=8, max_size=40, unique=True).map(sorted),
    scale=st.sampled_from([1e-12, 1.0, 1e15]),
    write=st.sampled_from([write_csv] * 4 + [write_jcamp] * 4 + [write_nexus]),
    data=st.data(),
)
def test_numbers_come_back_to_the_last_bit(tmp_path, shift, scale, write, data):
    counts = data.draw(st.lists(st.floats(-1, 1), min_size=len(shift), max_size=len(shift)))
    before = Spectrum(np.array(shift), scale * np.array(counts), excitation_nm=532.0)
    path = tmp_path / "a.out"
    write(before, path)
    after = read_spectrum(path)
    np.testing.assert_array_equal(after.shift, before.shift)
    np.testing.assert_array_equal(after.intensity, before.intensity)
    assert after.excitation_nm == 532.0
    assert "axis_assumed" not in after.metadata


@pytest.mark.parametrize("write", [write_csv, write_jcamp, write_nexus])
def test_what_is_known_comes_back(tmp_path, write):
    path = tmp_path / "a.out"
    write(spectrum(), path)
    read = read_spectrum(path)
    np.testing.assert_array_equal(read.intensity, COUNTS)
    assert read.excitation_nm == 784.97
    said = " ".join(map(str, read.metadata.values()))
    assert "white powder, bag 7" in said
    assert "WP-785X" in said
    assert "2024-05-06" in said
    assert "despike" in path.read_bytes().decode("latin-1")
    if write is write_nexus:
        assert read.resolution_cm == 8.5
    if write is write_csv:
        assert read.metadata["integration_ms"] == 1234.5
        assert read.metadata["accumulations"] == 3
    assert oct(path.stat().st_mode & 0o777) == "0o644"


def test_an_assumed_axis_is_said_in_what_is_written(tmp_path):
    assumed = spectrum(metadata={**KNOWN, "axis_assumed": "Raman shift"})
    for write in (write_csv, write_jcamp):
        write(assumed, tmp_path / "a")
        assert "taken as Raman shift" in (tmp_path / "a").read_text()


def test_the_variance_comes_back_from_nexus(tmp_path):
    before = spectrum(variance=np.abs(COUNTS) + 1.0)
    write_nexus(before, tmp_path / "a.nxs", sample="bag 7")
    np.testing.assert_allclose(read_spectrum(tmp_path / "a.nxs").variance, before.variance, rtol=1e-14)


# What NXraman and NXoptical_spectroscopy require: path, and class of a group or values of a field.
REQUIRED = {
    "entry": "NXentry",
    "entry/definition": {"NXraman"},
    "entry/experiment_type": {"Raman spectroscopy"},
    "entry/raman_experiment_type": None,
    "entry/instrument": "NXinstrument",
    "entry/instrument/scattering_configuration": None,
    "entry/instrument/beam_incident": "NXbeam",
    "entry/instrument/beam_incident/wavelength": None,
    "entry/instrument/beam_incident/parameter_reliability": {"measured", "nominal"},
    "entry/instrument/detector_spectrometer": "NXdetector",
    "entry/instrument/detector_spectrometer/detector_channel_type": {"single-channel", "multichannel"},
    "entry/sample": "NXsample",
    "entry/sample/name": None,
    "entry/data": "NXdata",
}


def test_nexus_holds_what_the_application_definition_requires(tmp_path):
    write_nexus(spectrum(), tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        for path, wanted in REQUIRED.items():
            node = file[path]
            if isinstance(wanted, str):
                assert node.attrs["NX_class"] == wanted, path
            elif wanted is not None:
                assert node.asstr()[()] in wanted, path
        assert {"version", "URL"} <= set(file["entry/definition"].attrs)
        assert file["entry/instrument/beam_incident/wavelength"].attrs["units"] == "nm"
        data = file["entry/data"]
        assert data[data.attrs["signal"]].shape == data[data.attrs["axes"][0]].shape
        # a time without its zone is no start_time
        assert "start_time" not in file["entry"]
    zoned = spectrum(metadata={**KNOWN, "date": "2024-05-06 07:08:09+02:00"})
    write_nexus(zoned, tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs") as file:
        assert file["entry/start_time"].asstr()[()] == "2024-05-06T07:08:09+02:00"


@pytest.mark.full
def test_nexus_passes_the_validator_of_the_definitions(tmp_path):
    command = shutil.which("pynx", path=Path(sys.executable).parent)
    if command is None:
        pytest.skip("needs the package pynxtools")
    write_nexus(spectrum(metadata={**KNOWN, "date": "2024-05-06 07:08:09+02:00"}), tmp_path / "a.nxs")
    said = subprocess.run(
        [command, "validate", tmp_path / "a.nxs"], capture_output=True, text=True, check=False
    )
    assert "is valid according to the `NXraman`" in said.stdout + said.stderr, said.stdout + said.stderr


def test_nexus_needs_the_laser(tmp_path):
    with pytest.raises(WriteError, match="wavelength of the laser") as caught:
        write_nexus(spectrum(excitation_nm=None), tmp_path / "a.nxs")
    assert caught.value.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_csv, write_jcamp, write_nexus])
def test_a_folder_that_is_not_there(tmp_path, write):
    with pytest.raises(WriteError, match="cannot be written"):
        write(spectrum(), tmp_path / "none" / "a")


def test_nothing_half_written_is_left(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fails():
        with whole_file(path) as name:
            name.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.csv"]


def nexus(
    tmp_path, *, shape=(2, 3), units="1/cm", name="raman_shift", definition="NXraman", wavelength=0.000000785
):
    path = tmp_path / "map.nxs"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        if definition:
            entry["definition"] = definition
        beam = entry.create_group("instrument/beam_incident")
        beam.attrs["NX_class"] = "NXbeam"
        beam["incident_wavelength"] = wavelength
        beam["incident_wavelength"].attrs["units"] = "m"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["y", "x", name]})
        data["counts"] = np.arange(np.prod(shape) * N, dtype=np.float32).reshape(*shape, N)
        data["x"] = 0.5 * np.arange(shape[1])
        data[name] = SHIFT
        data[name].attrs["units"] = units
    return path


def test_a_nexus_map_goes_by_coordinates(tmp_path):
    found = read_spectra(nexus(tmp_path))
    assert list(found) == ["1,0", "1,0.5", "1,1", "2,0", "2,0.5", "2,1"]
    np.testing.assert_array_equal(found["2,0"].intensity, np.arange(3 * N, 4 * N))
    np.testing.assert_array_equal(found["2,0"].shift, SHIFT)
    assert found["1,0"].excitation_nm == pytest.approx(785.0)


def test_a_dimension_without_an_axis(tmp_path):
    """NeXus writes "." where a dimension has none: its spectra go by their number."""
    path = nexus(tmp_path)
    whole = read_spectra(path)
    for axes, names in (
        ([".", "x", "raman_shift"], ["1,0", "1,0.5", "1,1", "2,0", "2,0.5", "2,1"]),
        ([".", ".", "raman_shift"], ["1,1", "1,2", "1,3", "2,1", "2,2", "2,3"]),
    ):
        with h5py.File(path, "r+") as file:
            file["entry/data"].attrs["axes"] = axes
        found = read_spectra(path)
        assert list(found) == names
        for one, other in zip(found.values(), whole.values(), strict=True):
            np.testing.assert_array_equal(one.intensity, other.intensity)
            np.testing.assert_array_equal(one.shift, other.shift)
    for axes in (["x", "y", "."], ["."]):
        with h5py.File(path, "r+") as file:
            file["entry/data"].attrs["axes"] = axes
        with pytest.raises(FormatError, match="not there"):
            read_spectra(path)
    # nor is "." a signal
    with h5py.File(path, "r+") as file:
        file["entry/data"].attrs["axes"] = [".", "x", "raman_shift"]
        file["entry/data"].attrs["signal"] = "."
    with pytest.raises(FormatError, match="not there"):
        read_spectra(path)


def test_nexus_of_other_kinds(tmp_path):
    with pytest.raises(FormatError, match="NXxas"):
        read_spectra(nexus(tmp_path, definition="NXxas"))
    with pytest.raises(FormatError, match="not a Raman shift"):
        read_spectra(nexus(tmp_path, name="energy", units="eV"))
    with h5py.File(nexus(tmp_path), "r+") as file:
        file["entry/data"].attrs["axes"] = ["y", "x", "elsewhere"]
    with pytest.raises(FormatError, match="not there"):
        read_spectra(tmp_path / "map.nxs")


def test_no_link_leads_into_another_file(tmp_path):
    secret = nexus(tmp_path)
    path = tmp_path / "link.nxs"
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        data.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["raman_shift"]})
        data["counts"] = h5py.ExternalLink(secret, "/entry/data/counts")
        data["raman_shift"] = h5py.ExternalLink(secret, "/entry/data/raman_shift")
    with pytest.raises(FormatError, match="not there"):
        read_spectrum(path)


def test_an_endless_hdf5_library_is_given_up(tmp_path, monkeypatch):
    path = nexus(tmp_path)
    monkeypatch.setattr("spectriage.spectra.formats.binary.nexus.MAX_SECONDS", 0.01)
    with pytest.raises(FormatError, match="does not come to an end"):
        read_spectra(path)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_hdf5_file_is_a_typed_error(tmp_path, flips):
    path = nexus(tmp_path)
    data = bytearray(path.read_bytes())
    for at, value in flips:
        data[8 + at % (len(data) - 8)] = value
    path.write_bytes(bytes(data))
    error = format_error_of(read_spectra, path)
    assert error is None or (str(path) in error.where and "the reader failed" not in error.what)


def test_a_variance_goes_with_a_csv_and_comes_back(tmp_path):
    noisy = spectrum(variance=np.abs(COUNTS) + 0.1)
    write_csv(noisy, tmp_path / "scan.csv")
    back = read_spectrum(tmp_path / "scan.csv")
    assert np.array_equal(back.intensity, noisy.intensity)
    assert np.array_equal(back.variance, noisy.variance)


def test_a_variance_below_zero_is_refused(tmp_path):
    (tmp_path / "bad.csv").write_text(
        "wavenumber,intensity,variance\n" + "".join(f"{i}.5,10,{5 - i}\n" for i in range(200, 240))
    )
    with pytest.raises(FormatError, match="variance"):
        read_spectrum(tmp_path / "bad.csv")
