import numpy as np
import pytest

from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.acquire.scanfile import write_scan
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceNotFoundError, DeviceProtocolError, DeviceURIError
from spectriage.device.contract.uri import parse_uri
from spectriage.device.drivers.replay import open_replay
from spectriage.device.simulator.simulator import open_simulator
from spectriage.device.testing.conformance import SpectrometerConformance
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.origin import Origin


def recorded(path):
    device = open_simulator(parse_uri("sim:caffeine?seed=4&accumulations=3"))
    raw = Acquirer(device).scan(Deadline.after(100.0, device.clock))
    write_scan(raw, path)
    return raw


def replay(path):
    device = open_replay(parse_uri(f"replay:{path}"))
    return Acquirer(device).scan(Deadline.after(10.0, device.clock))


def test_a_recording_replays_counts_dark_noise_and_time(tmp_path):
    original = recorded(tmp_path / "a.csv")
    again = replay(tmp_path / "a.csv")
    assert np.allclose(again.counts, original.counts)
    assert np.allclose(again.dark, original.dark)
    assert again.accumulations == original.accumulations == 3
    assert again.started == original.started
    assert again.info.serial == original.info.serial
    assert again.info.origin is Origin.REPLAYED
    a, b = again.to_spectrum(), original.to_spectrum()
    assert np.allclose(a.shift, b.shift)
    assert np.allclose(a.variance, b.variance)
    assert a.metadata["recorded_origin"] == "simulated"
    assert a.metadata["perturbation"] == "measured"


def test_a_vendor_file_replays_as_it_was_read(measured):
    path = measured / "wasatch-785xs-2026" / "caffeine.csv"
    spectrum, again = read_spectrum(path), replay(path).to_spectrum()
    assert np.array_equal(again.shift, spectrum.shift)
    assert np.allclose(again.intensity, spectrum.intensity)
    assert again.metadata["origin"] == "replayed"


def test_what_is_no_recording_is_a_typed_error(tmp_path):
    with pytest.raises(DeviceNotFoundError):
        open_replay(parse_uri(f"replay:{tmp_path}/none.csv"))
    with pytest.raises(DeviceURIError):
        open_replay(parse_uri("replay:"))
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\x00\x01PDF")
    with pytest.raises(DeviceProtocolError):
        open_replay(parse_uri(f"replay:{bad}"))


class TestReplayConformance(SpectrometerConformance):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        recorded(tmp_path / "a.csv")
        self.path = tmp_path / "a.csv"

    def open(self, clock):
        return open_replay(parse_uri(f"replay:{self.path}"), clock)

    # A recording takes no time: there is nothing to abort, and no light to switch.
    def test_abort_releases_a_running_scan_and_the_device_works_on(self):
        pytest.skip("a recording is read at once")
