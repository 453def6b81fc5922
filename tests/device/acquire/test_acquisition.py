import contextlib
import threading

import numpy as np
import pytest

from spectriage.device.acquire.accumulate import AccumulationEnd, accumulate, merge
from spectriage.device.acquire.acquisition import Acquirer, CancelToken, Stage, ignore_partial
from spectriage.device.acquire.exposure import HIGH, LOW, ExposureEnd, auto_expose, brightest
from spectriage.device.contract.clock import Deadline, SystemClock, VirtualClock
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceLostError,
    DeviceSettingsError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.spectrometer import LaserState, ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.simulator.simulator import open_simulator
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.scenes import scene_source
from spectriage.device.testing.permits import bench_permit


def opened(text, clock=None):
    return open_simulator(parse_uri(text), clock)


def later(device, seconds=600.0):
    return Deadline.after(seconds, device.clock)


# -- one scan and its dark ------------------------------------------------------------------------


def test_a_scan_has_its_dark_and_the_laser_is_off_after_it():
    device = opened("sim:caffeine?integration_ms=200&accumulations=3")
    raw = Acquirer(device).scan(later(device))
    assert raw.dark is not None
    assert raw.dark_accumulations == 3
    assert raw.metadata["laser_mw"] > 0.0
    assert device.laser_readback() is LaserState.OFF


def test_the_dark_is_taken_once_for_one_exposure_and_again_for_another():
    device = opened("sim:caffeine?integration_ms=200")
    acquirer = Acquirer(device)
    first = acquirer.scan(later(device)).dark
    assert np.array_equal(acquirer.scan(later(device)).dark, first)
    device.configure(ScanSettings(400.0))
    other = acquirer.scan(later(device))
    assert other.integration_ms == 400.0
    assert not np.array_equal(other.dark, first)
    acquirer.forget_dark()
    assert not np.array_equal(acquirer.scan(later(device)).dark, other.dark)


@pytest.mark.parametrize("fault", ["stall@4", "unplug-mid@4", "timeout@4", "short-read@4"])
def test_a_scan_that_fails_raises_and_leaves_no_laser_on(fault):
    device = opened(f"sim:caffeine?integration_ms=200&fault={fault}")
    with pytest.raises((DeviceLostError, DeviceTimeoutError, DeviceUnsafeError, Exception)) as caught:
        Acquirer(device).scan(later(device))
    assert type(caught.value).__name__.startswith("Device")
    if "unplug" not in fault:
        assert device.laser_readback() is LaserState.OFF


def test_a_laser_that_goes_off_unasked_spoils_the_scan():
    device = opened("sim:caffeine?integration_ms=200&fault=watchdog-trip@4")
    with pytest.raises(DeviceUnsafeError, match="went off"):
        Acquirer(device).scan(later(device))


# -- cancel ---------------------------------------------------------------------------------------


def test_cancel_releases_the_caller_with_the_laser_off():
    device = opened("sim:caffeine?integration_ms=30000&realtime=1")
    token = CancelToken()
    firing = threading.Event()

    def progress(step):
        if step.stage is Stage.SCAN:
            firing.set()

    acquirer = Acquirer(device, cancel=token, progress=progress, dark_accumulations=1)
    acquirer._dark = device_dark(device)
    caught: list[BaseException] = []

    def run():
        try:
            acquirer.scan(Deadline.after(1000.0, device.clock))
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert firing.wait(30.0)
    while device.laser_readback() is not LaserState.ON:
        assert thread.is_alive()
        SystemClock().wait(0.002)
    token.cancel()
    assert device.laser_readback() is LaserState.OFF
    thread.join(30.0)
    assert not thread.is_alive()
    assert isinstance(caught[0], DeviceAbortedError)


def device_dark(device):
    """A dark of 30 s without waiting for it."""
    other = opened("sim:caffeine?integration_ms=30000")
    return other.acquire(Deadline.after(1e4, other.clock))


def test_a_cancelled_token_stops_before_anything_is_lit():
    device = opened("sim:caffeine")
    token = CancelToken()
    token.cancel()
    with pytest.raises(DeviceAbortedError):
        Acquirer(device, cancel=token).scan(later(device))
    assert device.clock.monotonic() == 0.0


# -- auto-exposure --------------------------------------------------------------------------------


@pytest.mark.parametrize("brightness", [0.05, 0.3, 1.0, 5.0, 40.0])
@pytest.mark.parametrize("start_ms", [10, 1000, 20000])
def test_auto_exposure_reaches_its_range_in_four_exposures(brightness, start_ms):
    device = opened(f"sim:caffeine?brightness={brightness}&integration_ms={start_ms}&accumulations=2&seed=4")
    result = auto_expose(Acquirer(device), later(device))
    assert len(result.tried) <= 4
    assert result.reached, result
    assert device.settings == result.settings
    assert result.settings.accumulations == 2
    device.laser_on(bench_permit())
    # the sample's fluorescence bleaches while its exposure is sought
    assert LOW - 0.15 <= brightest(device.acquire(later(device))) <= HIGH + 0.05


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ("brightness=0.001&fluorescence=0", ExposureEnd.TOO_FAINT),
        ("brightness=1000&fluorescence=500", ExposureEnd.TOO_BRIGHT),
        ("brightness=0.01&preset=1064-ingaas&detector_k=25&fluorescence=0", ExposureEnd.DARK_LIMITED),
        ("brightness=0.01&ambient=3000000&fluorescence=0", ExposureEnd.DARK_LIMITED),
    ],
)
def test_auto_exposure_says_why_not(options, end):
    device = opened(f"sim:caffeine?{options}&integration_ms=1000")
    result = auto_expose(Acquirer(device), later(device))
    assert not result.reached
    assert result.end is end
    assert result.reason
    assert len(result.tried) <= 4
    assert device.laser_readback() is LaserState.OFF


def test_auto_exposure_keeps_to_the_longest_exposure_allowed():
    device = opened("sim:caffeine?brightness=0.05&integration_ms=500")
    result = auto_expose(Acquirer(device), later(device), max_integration_ms=2000.0)
    assert result.settings.integration_ms <= 2000.0
    assert result.end is ExposureEnd.TOO_FAINT


@pytest.mark.parametrize("name", ["wasatch-wp785", "wasatch-wp785xs", "ocean-usb2000plus"])
@pytest.mark.parametrize("brightness", [2.0, 25.0])
def test_auto_exposure_asks_a_unit_only_for_what_it_can_be_set_to(name, brightness):
    model = make_model(name, source=scene_source("caffeine"), clock=VirtualClock())
    model.brightness = brightness
    with open_model(model) as device:
        device.configure(ScanSettings(100.0, 1))
        result = auto_expose(Acquirer(device), later(device), max_integration_ms=5000.5)
        assert result.reached, result
        assert len(result.tried) > 1
        assert device.settings == result.settings


def test_an_exposure_between_the_steps_of_a_unit_is_refused():
    with open_model(make_model("wasatch-wp785", clock=VirtualClock())) as device:
        info = device.info
        assert info.nearest_integration_ms(1611.24) == 1611.0
        assert info.nearest_integration_ms(1611.9, 1611.95) == 1611.0
        assert info.nearest_integration_ms(0.2) == info.min_integration_ms
        with pytest.raises(DeviceSettingsError, match="not a multiple of 1 ms"):
            device.configure(ScanSettings(1611.24))


# -- accumulation ---------------------------------------------------------------------------------


def noise_of(spectrum):
    return float(np.sqrt(np.median(spectrum.variance)))


def test_accumulation_ends_when_resolved_and_looks_at_doubling_times():
    device = opened("sim:caffeine?integration_ms=100")
    seen = []

    def decide(raw):
        seen.append(raw.to_spectrum().history[0])
        return len(seen)

    result = accumulate(Acquirer(device), decide, lambda decision: decision == 4, later(device))
    assert result.end is AccumulationEnd.RESOLVED
    assert result.looks == 4
    assert result.raw.accumulations == 8
    assert seen == [f"acquire(100 ms x {n})" for n in (1, 2, 4, 8)]
    assert device.laser_readback() is LaserState.OFF


def test_accumulation_lowers_the_noise_by_the_root_of_the_time():
    device = opened("sim:caffeine?integration_ms=100")
    acquirer = Acquirer(device, dark_accumulations=64)
    noises = []
    accumulate(
        acquirer,
        lambda raw: noises.append(noise_of(raw.to_spectrum())),
        lambda _: len(noises) == 5,
        later(device),
    )
    assert noises[0] / noises[-1] == pytest.approx(4.0, rel=0.15)


def test_accumulation_stops_when_the_time_is_up_and_still_decides():
    device = opened("sim:caffeine?integration_ms=1000")
    began = device.clock.monotonic()
    result = accumulate(Acquirer(device), lambda s: "unsure", lambda _: False, later(device, 10.0))
    assert result.end is AccumulationEnd.TIME_UP
    assert result.decision == "unsure"
    assert device.clock.monotonic() - began <= 10.0
    assert result.raw.accumulations >= 3


def test_a_saturated_accumulation_stops_at_once():
    device = opened("sim:caffeine?brightness=50&integration_ms=3000")
    result = accumulate(Acquirer(device), lambda raw: raw, lambda _: False, later(device))
    assert result.end is AccumulationEnd.SATURATED
    assert result.decision.to_spectrum().metadata["saturated"]


def test_merging_is_the_mean_of_all_exposures():
    device = opened("sim:caffeine?integration_ms=100")
    device.laser_on(bench_permit())
    scans = [device.acquire(later(device)) for _ in range(3)]
    merged = merge(merge(scans[0], scans[1]), scans[2])
    assert np.allclose(merged.counts, np.mean([scan.counts for scan in scans], axis=0))
    assert merged.accumulations == 3


# -- who looks on ---------------------------------------------------------------------------------


def test_every_frame_is_shown_as_the_average_so_far_and_the_scan_is_the_same_without():
    uri = "sim:caffeine?integration_ms=200&accumulations=5&seed=3"
    seen = []
    device = opened(uri)
    raw = Acquirer(device, partial=seen.append).scan(later(device))
    scans = [partial for partial in seen if partial.stage is Stage.SCAN]
    assert [partial.exposures for partial in scans] == [1, 2, 3, 4, 5]
    assert np.array_equal(scans[-1].counts, raw.counts)
    assert all(np.array_equal(partial.dark, raw.dark) for partial in scans)
    assert [partial.dark for partial in seen if partial.stage is Stage.DARK] == [None] * 5
    alone = opened(uri)
    unseen = Acquirer(alone).scan(later(alone))
    assert np.array_equal(unseen.counts, raw.counts)
    assert device.on_frame is None


def test_an_accumulation_shows_the_average_of_all_its_scans():
    seen = []
    device = opened("sim:caffeine?integration_ms=200&accumulations=2&seed=3")
    acquirer = Acquirer(device, partial=seen.append)
    made = accumulate(acquirer, lambda raw: raw.accumulations, lambda count: count >= 4, later(device))
    scans = [partial for partial in seen if partial.stage is Stage.SCAN]
    assert [partial.exposures for partial in scans] == [1, 2, 3, 4]
    assert np.allclose(scans[-1].counts, made.raw.counts)


def test_looking_on_takes_no_time_of_the_laser_and_cannot_break_a_scan():
    def lit_s(partial):
        device = opened("sim:caffeine?integration_ms=200&accumulations=5&seed=3")
        acquirer = Acquirer(device, partial=partial)
        on = []
        inner = acquirer.light

        @contextlib.contextmanager
        def light(of, seconds):
            with inner(of, seconds) as guard:
                begun = of.clock.monotonic()
                yield guard
                on.append(of.clock.monotonic() - begun)

        acquirer.light = light
        acquirer.scan(later(device))
        assert device.laser_readback() is LaserState.OFF
        return on

    def broken(partial):
        raise RuntimeError("a screen that fails")

    assert lit_s(lambda partial: None) == lit_s(broken) == lit_s(ignore_partial)
