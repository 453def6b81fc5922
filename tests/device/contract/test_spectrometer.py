import pickle
import threading
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from spectriage.device.contract.clock import Deadline, SystemClock, VirtualClock
from spectriage.device.contract.errors import (
    CalibrationError,
    DeviceAbortedError,
    DeviceBusyError,
    DeviceLostError,
    DeviceProtocolError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceTimeoutError,
)
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo, RawScan
from spectriage.device.contract.spectrometer import DeviceStatus, ScanSettings, Spectrometer
from spectriage.spectra.formats import read_spectrum
from spectriage.spectra.origin import Origin

PIXELS = 16
INFO = DeviceInfo(
    uri="fake:1",
    maker="Maker",
    model="Model",
    serial="1",
    origin=Origin.SIMULATED,
    detector=Detector("chip", PIXELS, 4095.0, gain_e=2.0, read_noise_e=4.0, bias_counts=100.0),
    excitation_nm=785.0,
    min_integration_ms=1.0,
    max_integration_ms=1000.0,
)
AXIS = Axis(wavelength_nm=np.linspace(800.0, 950.0, PIXELS))


class Fake(Spectrometer):
    """Frame number n reads n everywhere; `script` replaces a frame by what it says."""

    def __init__(self, script=None, clock=None):
        super().__init__(clock or VirtualClock())
        self.script = script or {}
        self.frames = 0
        self.recovered = 0
        self.closed_calls = 0

    def _do_info(self):
        return INFO

    def _do_axis(self):
        return AXIS

    def _do_configure(self, settings):
        pass

    def _do_read_frame(self, settings, deadline):
        self._wait(settings.integration_ms * 1e-3, deadline)
        self.frames += 1
        answer = self.script.get(self.frames, np.full(PIXELS, float(self.frames)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _do_recover(self, deadline):
        self.recovered += 1

    def _do_status(self):
        if "status" in self.script:
            raise self.script["status"]
        return DeviceStatus(connected=True)

    def _do_close(self):
        self.closed_calls += 1


def acquire(device, seconds=100.0):
    return device.acquire(Deadline.after(seconds, device.clock))


def test_a_scan_is_the_mean_of_its_exposures_after_the_stale_frame():
    device = Fake()
    device.configure(ScanSettings(10.0, 3))
    assert np.all(acquire(device).counts == 3.0)  # frame 1 discarded, then 2, 3, 4
    assert np.all(acquire(device).counts == 6.0)  # nothing discarded: 5, 6, 7
    device.configure(ScanSettings(20.0, 1))
    assert np.all(acquire(device).counts == 9.0)  # a new exposure: 8 discarded
    device.configure(ScanSettings(20.0, 2))
    assert np.all(acquire(device).counts == 10.5)  # the same exposure: none discarded


def test_settings_outside_the_device_are_refused_and_change_nothing():
    device = Fake()
    device.configure(ScanSettings(10.0, 1))
    for bad in (ScanSettings(0.5), ScanSettings(1e6), ScanSettings(float("nan")), ScanSettings(10.0, 0)):
        with pytest.raises(DeviceSettingsError):
            device.configure(bad)
    assert device.settings == ScanSettings(10.0, 1)


def test_acquire_before_configure_and_after_close_are_state_errors():
    device = Fake()
    with pytest.raises(DeviceStateError, match="not configured"):
        acquire(device)
    device.close()
    device.close()
    assert device.closed_calls == 1
    for use in (lambda: device.configure(ScanSettings(10.0)), lambda: acquire(device)):
        with pytest.raises(DeviceStateError, match="closed"):
            use()
    assert not device.status().connected


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(PIXELS - 1),
        np.zeros((2, PIXELS)),
        np.full(PIXELS, np.nan),
        ValueError("short read"),
        OSError(5),
    ],
)
def test_a_bad_frame_is_a_typed_error_and_the_next_scan_recovers(wrong):
    device = Fake({2: wrong})
    device.configure(ScanSettings(10.0, 1))
    with pytest.raises(DeviceProtocolError, match="fake:1"):
        acquire(device)
    assert device.recovered == 0
    assert np.all(acquire(device).counts == 4.0)  # recovered, frame 3 discarded
    assert device.recovered == 1


def test_a_device_error_keeps_its_type():
    device = Fake({1: DeviceLostError("unplugged"), "status": DeviceLostError("unplugged")})
    device.configure(ScanSettings(10.0, 1))
    with pytest.raises(DeviceLostError):
        acquire(device)
    assert device.status() == DeviceStatus(connected=False, warnings=("unplugged",))


def test_a_deadline_that_cannot_hold_is_refused_before_anything_is_read():
    device = Fake()
    device.configure(ScanSettings(100.0, 5))
    with pytest.raises(DeviceTimeoutError, match=r"0\.6 s"):
        acquire(device, 0.59)
    assert device.frames == 0
    acquire(device, 0.61)


def test_another_thread_finds_the_device_busy_and_abort_releases_the_first():
    device = Fake(clock=SystemClock())
    device.configure(ScanSettings(1000.0, 60))
    caught: list[BaseException] = []
    begun = threading.Event()
    wait = device._wait

    def begin(seconds, deadline):
        begun.set()
        wait(seconds, deadline)

    device._wait = begin

    def run():
        try:
            acquire(device, 1000.0)
        except DeviceAbortedError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30.0)
    with pytest.raises(DeviceBusyError):
        acquire(device)
    device.abort()
    thread.join(30.0)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_saturation_of_one_exposure_is_not_averaged_away():
    bright = np.full(PIXELS, 10.0)
    bright[3] = 4095.0
    device = Fake({2: bright})
    device.configure(ScanSettings(10.0, 4))
    raw = acquire(device)
    assert raw.counts[3] < 4095.0
    assert np.flatnonzero(raw.saturated).tolist() == [3]
    spectrum = raw.to_spectrum()
    assert spectrum.metadata["saturated_cm"] == ((spectrum.shift[3], spectrum.shift[3]),)


# -- the scan's own arithmetic --------------------------------------------------------------------


def scan(counts, dark=None, axis=AXIS, **changes):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    raw = RawScan(
        counts=np.asarray(counts, dtype=float),
        dark=None,
        saturated=np.zeros(len(counts), dtype=bool),
        axis=axis,
        info=INFO,
        excitation_nm=785.0,
        integration_ms=10.0,
        accumulations=4,
        started=now,
        finished=now,
    )
    if dark is not None:
        raw = replace(raw, dark=np.asarray(dark, dtype=float), dark_accumulations=2)
    return replace(raw, **changes) if changes else raw


def test_the_variance_is_that_of_drawn_exposures():
    rng = np.random.default_rng(5)
    gain, read, bias, light, dark = 2.0, 4.0, 100.0, 3000.0, 500.0
    n = 40_000

    def exposures(mean_e, count):
        charge = rng.poisson(mean_e, size=(count, n)) + read * rng.normal(size=(count, n))
        return np.rint(charge / gain + bias).mean(axis=0)

    detector = replace(INFO.detector, pixels=n)
    axis = Axis(wavelength_nm=np.linspace(800.0, 950.0, n))
    raw = scan(exposures(light + dark, 4), exposures(dark, 2), axis, info=replace(INFO, detector=detector))
    spectrum = raw.to_spectrum()
    assert np.mean(spectrum.intensity) == pytest.approx(light / gain, rel=1e-3)
    assert np.var(spectrum.intensity) == pytest.approx(np.mean(spectrum.variance), rel=0.03)


def test_an_unknown_gain_gives_no_variance():
    info = replace(INFO, detector=replace(INFO.detector, gain_e=None))
    assert scan(np.ones(PIXELS), info=info).to_spectrum().variance is None


def test_shift_follows_from_wavelength_and_laser():
    spectrum = scan(np.arange(PIXELS)).to_spectrum()
    assert spectrum.shift[0] == pytest.approx(1e7 / 785.0 - 1e7 / 800.0)
    assert spectrum.metadata["origin"] == "simulated"
    assert spectrum.history == ("acquire(10 ms x 4)",)


def test_a_descending_axis_is_turned_with_its_counts():
    descending = Axis(wavelength_nm=AXIS.wavelength_nm[::-1])
    turned = scan(np.arange(PIXELS)[::-1], axis=descending).to_spectrum()
    assert np.array_equal(turned.intensity, np.arange(PIXELS))
    assert np.array_equal(turned.shift, scan(np.arange(PIXELS)).to_spectrum().shift)


@pytest.mark.parametrize("axis", [Axis(), AXIS])
def test_without_axis_or_laser_there_is_no_spectrum(axis):
    with pytest.raises(CalibrationError):
        scan(np.ones(PIXELS), axis=axis, excitation_nm=None).to_spectrum()


@pytest.mark.parametrize(
    "wavelengths",
    [
        [800.0, np.nan, 802.0],
        [800.0, 801.0, 801.0],
        [800.0, 802.0, 801.0],
        [800.0, 800.0, 800.0],
        [800.0, 801.0, 800.0],
        [0.0, 1.0, 2.0],
        [-5.0, 800.0, 900.0],
        [],
    ],
)
def test_a_corrupt_axis_is_refused(wavelengths):
    with pytest.raises(DeviceProtocolError):
        Axis(wavelength_nm=np.array(wavelengths))


def test_a_dark_of_another_exposure_is_refused():
    raw, dark = scan(np.ones(PIXELS)), scan(np.ones(PIXELS), integration_ms=20.0)
    with pytest.raises(DeviceProtocolError, match="does not fit"):
        raw.with_dark(dark)


def test_scans_survive_pickling_and_stay_read_only():
    raw = pickle.loads(pickle.dumps(scan(np.arange(PIXELS), np.ones(PIXELS))))
    assert np.array_equal(raw.counts, np.arange(PIXELS))
    with pytest.raises(TypeError):
        raw.metadata["x"] = 1


def test_a_written_scan_reads_back_with_its_variance(tmp_path):
    from spectriage.device.acquire.scanfile import write_scan

    rng = np.random.default_rng(1)
    counts, dark = 100.0 + rng.poisson(900, PIXELS), 100.0 + rng.poisson(50, PIXELS)
    raw = scan(counts, dark)
    write_scan(raw, tmp_path / "scan.csv")
    spectrum, expected = read_spectrum(tmp_path / "scan.csv"), raw.to_spectrum()
    assert np.allclose(spectrum.shift, expected.shift, rtol=1e-9)
    assert np.allclose(spectrum.intensity, expected.intensity, atol=1e-6)
    assert spectrum.excitation_nm == 785.0
    assert spectrum.variance is not None
    assert list(tmp_path.iterdir()) == [tmp_path / "scan.csv"]
