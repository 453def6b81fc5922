"""What every spectrometer driver must do, as one class: subclass it in a test module and pytest runs it.

>>> class TestMyDriver(SpectrometerConformance):                      # doctest: +SKIP
...     def open(self, clock):
...         return open_my_device(clock=clock)

The same suite runs against the simulator, the emulated USB devices and, on the bench, real instruments. A
driver that can be broken on purpose also overrides `inject` and `faults`.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from unittest import SkipTest

import numpy as np

from spectriage.device.acquire.acquisition import Acquirer, can_darken
from spectriage.device.contract.clock import SYSTEM_CLOCK, Clock, Deadline, VirtualClock
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceBusyError,
    DeviceError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.rawscan import RawScan
from spectriage.device.contract.spectrometer import LaserSource, LaserState, ScanSettings, Spectrometer
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.testing.outcomes import (
    Outcome,
    Situation,
    again,
    agrees,
    in_thread,
    laser_after,
    raises,
)

PATIENCE_S = 20.0
"""Real seconds after which a thread counts as hung."""


class SpectrometerConformance:
    """Subclass, implement `open`, and let pytest collect it."""

    integration_ms: float = 100.0
    """An exposure that the device takes without saturating."""

    def open(self, clock: Clock) -> Spectrometer:
        """Return the device, newly opened, telling time by `clock`."""
        raise NotImplementedError

    def inject(self, device: Spectrometer, fault: str) -> None:
        """Break the device: the next frame meets the fault. Override where a device can be broken."""
        raise SkipTest("this device cannot be broken on purpose")

    def faults(self) -> Iterable[str]:
        """Names that `inject` takes."""
        return ()

    # -- helpers -----------------------------------------------------------------------------------

    def ready(self, clock: Clock | None = None) -> Spectrometer:
        """Return the device, opened and configured."""
        device = self.open(clock or VirtualClock())
        device.configure(ScanSettings(self._legal(device, self.integration_ms)))
        return device

    @staticmethod
    def _legal(device: Spectrometer, integration_ms: float) -> float:
        return device.info.nearest_integration_ms(integration_ms)

    @staticmethod
    def _acquire(device: Spectrometer, seconds: float = 60.0) -> RawScan:
        return device.acquire(Deadline.after(seconds, device.clock))

    # -- what it says of itself --------------------------------------------------------------------

    def test_it_says_who_it_is(self) -> None:
        """Its info is complete and does not change."""
        with self.open(VirtualClock()) as device:
            info = device.info
            assert info.uri
            assert ":" in info.uri
            assert info.serial
            assert info.model
            assert info.detector.pixels >= 8
            assert info.detector.saturation_counts > 0
            assert 0 < info.min_integration_ms <= info.max_integration_ms
            assert device.info == info

    def test_its_status_is_connected_and_after_closing_not(self) -> None:
        """Its status tells an open device from a closed one."""
        device = self.open(VirtualClock())
        assert device.status().connected
        device.close()
        assert not device.status().connected

    # -- settings ----------------------------------------------------------------------------------

    def test_settings_outside_its_limits_are_refused_and_change_nothing(self) -> None:
        """A setting it cannot take is a typed error."""
        with self.ready() as device:
            before, info = device.settings, device.info
            for bad in (
                ScanSettings(0.5 * info.min_integration_ms),
                ScanSettings(2.0 * info.max_integration_ms),
                ScanSettings(float("nan")),
                ScanSettings(self._legal(device, self.integration_ms), 0),
            ):
                raises(DeviceSettingsError, device.configure, bad)
            assert device.settings == before

    def test_every_exposure_that_it_says_can_be_set_can_be_set(self) -> None:
        """An exposure sought by its `info` is taken; one between its steps is not rounded in silence."""
        with self.ready() as device:
            info = device.info
            for wanted in (1.5 * info.min_integration_ms, np.pi * self.integration_ms, 1234.567):
                device.configure(ScanSettings(info.nearest_integration_ms(float(wanted))))
            if info.integration_step_ms:
                between = self._legal(device, self.integration_ms) + 0.5 * info.integration_step_ms
                raises(DeviceSettingsError, device.configure, ScanSettings(between))

    # -- scans -------------------------------------------------------------------------------------

    def test_a_scan_fits_its_description(self) -> None:
        """A scan has the pixels, times and origin that the device states."""
        with self.ready() as device:
            raw, info = self._acquire(device), device.info
            settings = device.settings
            assert settings is not None
            assert raw.counts.shape == (info.detector.pixels,)
            assert np.all(np.isfinite(raw.counts))
            assert raw.info == info
            assert raw.accumulations >= 1
            assert raw.started <= raw.finished
            assert pickle.loads(pickle.dumps(raw)).counts.tobytes() == raw.counts.tobytes()
            if raw.excitation_nm is not None:
                spectrum = raw.to_spectrum()
                assert np.all(np.diff(spectrum.shift) > 0)
                assert spectrum.metadata["origin"] == info.origin

    def test_a_deadline_too_short_is_refused(self) -> None:
        """A deadline shorter than the exposure is a timeout, and harms nothing."""
        with self.ready() as device:
            exposure_s = self._legal(device, self.integration_ms) * 1e-3
            if device.info.min_integration_ms < self.integration_ms / 10:
                raises(DeviceTimeoutError, self._acquire, device, 0.1 * exposure_s)
            self._acquire(device)

    def test_a_deadline_already_past_is_refused(self) -> None:
        """A deadline in the past is a timeout."""
        with self.ready() as device:
            raises(DeviceTimeoutError, self._acquire, device, -1.0)

    def test_a_stale_frame_is_not_returned_after_a_new_exposure(self) -> None:
        """The light gathered grows with the exposure in the very first scan after the change."""
        with self.ready() as device:
            short = self._legal(device, self.integration_ms)
            if not can_darken(device) or short * 4.0 > device.info.max_integration_ms:
                raise SkipTest("the light of this device cannot be switched")
            acquirer = Acquirer(device)
            levels = []
            for integration_ms in (short, 4.0 * short, short):
                device.configure(ScanSettings(integration_ms, 1))
                raw = acquirer.scan(Deadline.after(60.0, device.clock))
                assert raw.dark is not None
                levels.append(float(np.sum(np.maximum(raw.counts - raw.dark, 0.0))))
            assert levels[1] > 2.0 * levels[0]
            assert levels[2] < 0.5 * levels[1]

    # -- one owner, abort, close -------------------------------------------------------------------

    def test_using_it_after_close_is_a_state_error(self) -> None:
        """Closing twice is safe; using it afterwards is not."""
        device = self.ready()
        device.close()
        device.close()
        assert device.closed
        raises(DeviceStateError, device.configure, ScanSettings(self.integration_ms))
        raises(DeviceStateError, self._acquire, device)

    def test_abort_without_a_scan_does_nothing(self) -> None:
        """An abort with nothing to abort does not reach the next scan."""
        with self.ready() as device:
            device.abort()
            self._acquire(device)

    def test_abort_releases_a_running_scan_and_the_device_works_on(self) -> None:
        """An abort from another thread ends a long exposure."""
        device = self.ready(SYSTEM_CLOCK)
        exposure_ms = self._legal(device, 3.0 * PATIENCE_S * 1e3)
        if exposure_ms < 1000.0:
            device.close()
            raise SkipTest("an exposure of this device is too short to be aborted")
        with device:
            device.configure(ScanSettings(exposure_ms))
            thread, caught = in_thread(lambda: self._acquire(device, 1e5))
            while not device.busy:
                assert thread.is_alive(), caught
                SYSTEM_CLOCK.wait(0.002)
            raises(DeviceBusyError, self._acquire, device)
            device.abort()
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "abort did not release the caller"
            assert [type(error) for error in caught] == [DeviceAbortedError]
            device.configure(ScanSettings(self._legal(device, device.info.min_integration_ms)))
            self._acquire(device)

    # -- laser -------------------------------------------------------------------------------------

    def _laser(self, device: Spectrometer) -> LaserSource:
        if not isinstance(device, LaserSource):
            device.close()
            raise SkipTest("this device has no laser that software switches")
        return device

    def test_the_laser_is_off_when_opened_and_follows_its_commands(self) -> None:
        """The laser reads back as commanded."""
        with self.ready() as device:
            laser = self._laser(device)
            assert laser.laser_readback() is LaserState.OFF
            with LaserGuard(device) as guard, guard.fire(guard.arm()):
                assert laser.laser_readback() is LaserState.ON
            assert laser.laser_readback() is LaserState.OFF
            laser.laser_off()
            assert laser.laser_readback() is LaserState.OFF

    def test_the_laser_goes_off_when_a_scan_fails(self) -> None:
        """An exception while firing leaves the laser off."""
        with self.ready() as device:
            laser = self._laser(device)
            guard = LaserGuard(device)
            with guard:
                raises(ZeroDivisionError, self._fail_while_firing, guard)
                assert laser.laser_readback() is LaserState.OFF

    @staticmethod
    def _fail_while_firing(guard: LaserGuard) -> None:
        with guard.fire(guard.arm()):
            raise ZeroDivisionError

    def test_a_scan_of_the_lit_sample_is_brighter_than_its_dark(self) -> None:
        """The laser lights the sample."""
        with self.ready() as device:
            self._laser(device)
            raw = Acquirer(device).scan(Deadline.after(60.0, device.clock))
            assert raw.dark is not None
            assert raw.counts.sum() > raw.dark.sum()

    # -- faults ------------------------------------------------------------------------------------

    def test_every_fault_ends_in_a_typed_error_or_a_recovered_scan(self) -> None:
        """No fault hangs, gives a wrong spectrum or leaves the laser on."""
        names = list(self.faults())
        if not names:
            raise SkipTest("this device cannot be broken on purpose")
        outcomes = [self.outcome(name, situation) for name in names for situation in Situation]
        bad = [outcome for outcome in outcomes if not outcome.acceptable]
        assert not bad, "\n".join(map(str, bad))

    def outcome(self, fault: str, situation: Situation) -> Outcome:
        """Break the device in one situation and return what became of it."""
        device = self.ready()
        deadline = Deadline.after(30.0, device.clock)
        good = self._healthy()
        guard = LaserGuard(device) if can_darken(device) else None
        result, ok = "recovered", True
        try:
            try:
                raw = self._break(device, guard, fault, situation, deadline)
                ok = agrees(raw, good[situation is Situation.FIRING])
                if device.status().warnings:
                    result = "recovered, warned"
            finally:
                if guard is not None:
                    guard.close()
        except DeviceError as error:
            result = type(error).__name__
        overdue = -deadline.remaining_s
        laser = laser_after(device, guard)
        try:
            device.close()
        except DeviceUnsafeError:
            laser = "unknown, latched" if laser != "off" else laser
        except DeviceError:
            pass
        return Outcome(fault, situation, result, laser, overdue, ok)

    def _healthy(self) -> tuple[RawScan, RawScan]:
        """Return a dark and a lit scan of the unbroken device."""
        with self.ready() as device:
            dark = self._acquire(device)
            if not can_darken(device):
                return dark, dark
            with LaserGuard(device) as guard, guard.fire(guard.arm()):
                return dark, self._acquire(device)

    def _break(
        self,
        device: Spectrometer,
        guard: LaserGuard | None,
        fault: str,
        situation: Situation,
        deadline: Deadline,
    ) -> RawScan:
        if situation is Situation.IDLE:
            self.inject(device, fault)
            device.status()
            return again(device, deadline)
        if situation is not Situation.FIRING or guard is None:
            if situation is Situation.READ:
                device.acquire(deadline)
            self.inject(device, fault)
            return again(device, deadline)
        with guard:
            token = guard.arm()
            with guard.fire(token):
                self.inject(device, fault)
                raw = device.acquire(deadline)
                if isinstance(device, LaserSource) and device.laser_readback() is not LaserState.ON:
                    raise DeviceUnsafeError("the laser went off during the scan", where=device.info.uri)
                return raw
