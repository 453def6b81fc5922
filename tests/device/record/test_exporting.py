"""`spectriage journal export --format nxraman | jcamp`: recorded spectra as files that read back the same."""

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from spectriage.device.app.commands_journal import app
from spectriage.device.contract.registry import open_device
from spectriage.device.record import decided_on, export_spectra, scan_entry
from spectriage.device.session import ScanPlan, Session
from spectriage.library.journal import Context, Entry, Journal, identification_entry, unit_key
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.spectrum import Spectrum

WHO = Context("J. Doe", "lane 4", "A1")
ENDINGS = {"nxraman": ".nxs", "jcamp": ".jdx"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory, engine):
    """A scan, a note, and an identification of a spectrum whose laser is not known."""
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder / "j.db", unit_key(folder / "unit.key")) as journal:
        with open_device("sim:caffeine?seed=1") as device:
            session = Session(device, engine, plan=ScanPlan(delay_s=0.0))
            result = session.run()
            journal.append(scan_entry(session, result, context=WHO))
        journal.append(Entry("note", {"text": "bag was open"}))
        measured, _ = decided_on(journal, journal.record(1))
        bare = Spectrum(measured.shift, measured.intensity)
        journal.append(
            identification_entry(bare, engine.identify(bare), engine, input_name="bare.csv", context=WHO)
        )
        yield journal


@pytest.mark.parametrize("form", ENDINGS)
def test_exported_spectra_read_back_to_the_same_numbers(kept, tmp_path, form):
    made = export_spectra(kept, form, tmp_path / "out")
    numbers = [1] if form == "nxraman" else [1, 3]
    assert set(made.refused) == {1, 3} - set(numbers)
    for number, path in zip(numbers, made.written, strict=True):
        record = kept.record(number)
        assert path.name == f"{number:06d}-{record.hash.hex()[:12]}{ENDINGS[form]}"
        wanted, _ = decided_on(kept, record)
        back = read_spectrum(path)
        assert np.array_equal(back.shift, wanted.shift)
        assert np.array_equal(back.intensity, wanted.intensity)
        assert back.excitation_nm == wanted.excitation_nm
        content = path.read_bytes()
        assert record.hash.hex().encode() in content
        assert b"(presumptive)" in content
        assert (b"(scan, simulated)" in content) == (number == 1)
        assert b"Doe" not in content
        assert b"lane 4" not in content
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [path.name for path in made.written]


def test_nexus_states_units_hash_and_verdict(kept, tmp_path):
    (path,) = export_spectra(kept, "nxraman", tmp_path).written
    with h5py.File(path) as file:
        assert file["entry/data/raman_shift"].attrs["units"] == "1/cm"
        stated = file["entry/as_stated"]
        assert kept.record(1).hash.hex() in stated["record"].asstr()[()]
        assert stated["verdict"].asstr()[()].endswith("(presumptive)")
        assert file["entry/start_time"].asstr()[()]


@pytest.mark.parametrize("form", ENDINGS)
def test_an_equal_file_stays_and_a_different_one_is_not_overwritten(kept, tmp_path, form):
    first = export_spectra(kept, form, tmp_path)
    again = export_spectra(kept, form, tmp_path)
    assert (again.written, again.there) == ([], first.written)
    first.written[0].write_bytes(b"mine")
    third = export_spectra(kept, form, tmp_path)
    assert "not overwritten" in str(third.refused[1])
    assert first.written[0].read_bytes() == b"mine"


def test_the_command_needs_a_folder_and_says_what_was_not_written(kept, tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["export", "-j", str(kept.path), *map(str, words)])

    refused = run("--format", "jcamp")
    assert isinstance(refused.exception, SpectriageError)
    assert "--out" in str(refused.exception)
    done = run("--format", "jcamp", "--out", tmp_path / "new" / "folder")
    assert done.exit_code == 0
    assert done.stdout == "2 spectra written, 0 were there already\n"
    partly = run("--format", "nxraman", "--out", tmp_path)
    assert "1 of the journal's spectra were not written" in str(partly.exception)
    assert "record 3:" in partly.output
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert isinstance(run("--format", "jcamp", "--out", taken).exception, SpectriageError)
