"""Base of the USB adapters: one owner thread, deadlines on every driver call, laser-off past the queue."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from spectriage.device.contract.clock import Clock, Deadline, SystemClock
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceError,
    DeviceLostError,
    DeviceProtocolError,
    DeviceTimeoutError,
    DeviceUnsafeError,
)
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.spectrometer import (
    Axis,
    DeviceInfo,
    DeviceStatus,
    LaserState,
    ScanSettings,
    Spectrometer,
)
from spectriage.device.drivers._owner import Interrupted, Overdue, OwnerThread
from spectriage.device.drivers._usb import usb_errors
from spectriage.device.drivers._usb_belief import confirm, isolated_outliers
from spectriage.spectra.arrays import FloatArray

if TYPE_CHECKING:
    from spectriage.device.supervisor.client import Supervision

T = TypeVar("T")

NEVER_ON_HARDWARE = "this adapter was never run on hardware, only on an emulated device"

OPEN_S = 15.0
"""Longest time for opening a device."""
COMMAND_S = 5.0
"""Longest time for a driver call that exposes nothing."""
OFF_S = 0.6
"""Longest time for the laser-off transfer: the 500 ms of its USB timeout and a margin."""
ABORT_OFF_S = 0.08
"""Longest time that `abort` waits for the laser-off; it goes on after that."""
PATIENCE_S = 30.0
"""The same limits on a virtual clock, in real time: there, how long a call takes says only how busy the
computer is."""
LATE_OFFS = 60
LATE_OFF_PAUSE_S = 0.1
"""How often, and after what pause, an "on" that came late is switched off again until it reads off."""
STOP_S = 0.2
"""Longest wait for a thread to end when the device is closed."""
OFF_TIMEOUT_MS = 500
DRIFT_C = 3.0
"""A detector this far from its temperature at the first scan gives another dark: such a scan is marked."""
SILENCE_MS = 10
"""A pipe that says nothing for this long is empty."""


class UsbSpectrometer(Spectrometer):
    """A spectrometer behind a USB driver.

    A subclass implements the ``_driver_*`` methods. They run on the owner thread, except `_raw_off` and
    `_raw_readback`, which go straight to the bus on a thread of their own: a driver that hangs cannot hold
    the laser-off back. A call that does not return in time is abandoned and the device counts as lost; open
    it again by its serial number.

    Parameters
    ----------
    where
        The URI, for messages.
    clock
        The system's when None.
    """

    virtual_hang_s = PATIENCE_S
    """Seconds of real time after which a driver call hangs, when the device's clock is a virtual one."""

    def __init__(self, where: str, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.where = where
        self._lost = ""
        self._drain_due = False
        self._wants_laser = False
        self._laser_on_at: float | None = None
        self._suspect: tuple[int, ...] = ()
        self._repeated = 0
        self._first_celsius: float | None = None
        self._exposes_freely = False
        self._light_changes = 0
        self._on_inflight = False
        self._on_done = threading.Event()
        self._on_late = False
        self._alarm: Callable[[str, bool], None] | None = None
        self._supervision: Supervision | None = None
        self._rescued = False
        self._owner_thread = OwnerThread(f"owner of {where}")
        self._off_lane = OwnerThread(f"laser off of {where}")

    # -- what a subclass implements

    @abstractmethod
    def _driver_info(self) -> DeviceInfo:
        """Return who the device is; no transfer."""

    @abstractmethod
    def _driver_axis(self) -> Axis:
        """Return the axis read when the device was opened."""

    @abstractmethod
    def _driver_configure(self, settings: ScanSettings) -> None:
        """Set the exposure."""

    @abstractmethod
    def _driver_frame(self, settings: ScanSettings) -> FloatArray:
        """Expose once, shape (n,)."""

    @abstractmethod
    def _driver_status(self) -> DeviceStatus:
        """Ask the device."""

    @abstractmethod
    def _driver_drain(self, timeout_ms: int) -> None:
        """Clear halts and empty the pipes, below the driver."""

    @abstractmethod
    def _driver_close(self) -> None:
        """Release the device."""

    @abstractmethod
    def _pyusb_device(self) -> Any:
        """Return the pyusb device below the driver."""

    @abstractmethod
    def _driver_release(self) -> None:
        """Give the USB handle back, without the driver."""

    @abstractmethod
    def _driver_abandon(self) -> None:
        """Make a driver call that was given up fail if it ever comes back, instead of going on."""

    def _driver_detector_c(self) -> float | None:
        """Return the detector's temperature in °C; None where it cannot be read."""
        return None

    def _has_laser(self) -> bool:
        """Whether there is a laser or a gate line."""
        return False

    def _driver_laser(self, on: bool) -> None:
        """Switch the laser through the driver."""

    def _raw_off(self) -> None:
        """Switch the laser off below the driver."""

    def _raw_readback(self) -> LaserState:
        """Ask below the driver whether the laser is on."""
        return LaserState.UNKNOWN

    # -- Spectrometer

    def _do_info(self) -> DeviceInfo:
        return self._driver_info()

    def _do_axis(self) -> Axis:
        return self._driver_axis()

    def _do_configure(self, settings: ScanSettings) -> None:
        if self._failed:
            # On one shared pipe the rest of the failed frame would be taken for the answer to this command.
            self._recover(None)
        self._run(lambda: self._driver_configure(settings), COMMAND_S)
        self._drain_due = True

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        if self._drain_due:
            self._run(lambda: self._driver_drain(SILENCE_MS), COMMAND_S)
            self._drain_due = False
        frame = self._lit_frame(settings, deadline)
        suspects = isolated_outliers(frame)
        self._suspect = ()
        if suspects.size == 0:
            return frame
        if deadline.remaining_s < 2.0 * settings.integration_ms * 1e-3 + 0.1:
            self._suspect = tuple(int(i) for i in suspects)
            return frame
        self._repeated += 1
        second = self._lit_frame(settings, deadline)
        merged, self._suspect = confirm(frame, second, suspects)
        return merged

    def _do_recover(self, deadline: Deadline) -> None:
        self._recover(deadline)

    def _recover(self, deadline: Deadline | None) -> None:
        # The frame of the failed request may still be under way: wait for it as long as an exposure takes.
        settings = self.settings
        exposure_s = settings.integration_ms * 1e-3 if settings is not None else 0.0
        silence_ms = int(1e3 * exposure_s) + SILENCE_MS
        self._run(lambda: self._driver_drain(silence_ms), COMMAND_S + 4.0 * exposure_s, deadline)
        self._drain_due = False

    def _do_status(self) -> DeviceStatus:
        return self._run(self._driver_status, COMMAND_S)

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        metadata: dict[str, Any] = {}
        celsius = self._run(self._driver_detector_c, COMMAND_S)
        if celsius is not None:
            metadata["detector_c"] = celsius
            if self._first_celsius is None:
                self._first_celsius = celsius
            if abs(celsius - self._first_celsius) > DRIFT_C:
                metadata["detector_drifted"] = True
        if self._has_laser():
            metadata["laser"] = str(LaserState.ON if self._wants_laser else LaserState.OFF)
            if self._wants_laser and self._laser_on_at is not None:
                metadata["laser_on_s"] = self.clock.monotonic() - self._laser_on_at
        if self._repeated:
            metadata["frames_repeated"] = self._repeated
            self._repeated = 0
        if self._suspect:
            metadata["suspect_pixels"] = self._suspect
        return metadata

    def _do_abort(self) -> None:
        if self._wants_laser:
            self._begin_off(ABORT_OFF_S)
        self._owner_thread.interrupt()

    def _do_close(self) -> None:
        unverified = self._has_laser() and not self._off_verified()
        try:
            if not self._lost:
                self._run(self._driver_close, COMMAND_S)
        finally:
            self._shut_down()
        if unverified:
            raise DeviceUnsafeError(
                "laser state unknown: the device was closed but the laser could not be verified to be off",
                where=self.where,
                remedy="switch the laser off at its key or pull its supply",
            )

    # -- laser, for subclasses that have one

    def set_laser_alarm(self, alarm: Callable[[str, bool], None] | None) -> None:
        """Tell `alarm` of light that nobody waits for: what, and whether it was verified to be off since."""
        self._alarm = alarm

    def laser_on_outstanding(self) -> bool:
        """Whether an "on" that was given up may still reach the device."""
        return self._on_late

    def supervise(self, supervision: Supervision) -> None:
        """Take the supervisor that owns the unit; it is closed with the device."""
        self._supervision = supervision
        supervision.watch_unit(self._pyusb_device(), self._supervisor_alarm)

    def light_supervised(self) -> bool:
        """Whether a process of its own ends the light when this program dies, stops or stalls."""
        return self._supervision is not None and self._supervision.alive

    def grant_light(self, seconds: float) -> None:
        """Let the supervisor pass an "on", and end it after `seconds`; 0 ends it.

        Raises
        ------
        DeviceUnsafeError
            The supervisor is gone.
        """
        if self._supervision is None:
            return
        from spectriage.device.supervisor.client import SupervisorError

        try:
            self._supervision.grant(seconds)
        except SupervisorError as error:
            raise DeviceUnsafeError(
                str(error), where=self.where, remedy="open the device again by its serial number"
            ) from error

    def _supervisor_alarm(self, what: str, verified: bool) -> None:
        """Take what the supervisor did, or that it died and what was done then."""
        self._wants_laser = False
        self._laser_on_at = None
        self._changed_light()
        if not self.light_supervised():
            self._lost = what
            self._rescued = verified
            self._owner_thread.interrupt()
        if self._alarm is not None:
            self._alarm(what, verified)

    def _laser_on(self, permit: LaserPermit) -> None:
        """Switch on through the driver and see that it is on."""
        self._check_lost()
        self._wants_laser = True
        self._changed_light()
        self._on_done.clear()
        try:
            self._run(lambda: self._send_on(permit), COMMAND_S, late=self._late_on)
        except BaseException:
            self._begin_off(OFF_S)
            raise
        if not self._wants_laser:  # an off from another thread came between
            self._begin_off(OFF_S)
            raise DeviceUnsafeError(
                "the laser was switched off while it was being switched on", where=self.where
            )
        self._laser_on_at = self.clock.monotonic()

    def _send_on(self, permit: LaserPermit) -> None:
        """Send the "on", on the owner thread; an off that comes meanwhile waits for it and follows it."""
        self._on_inflight = True
        try:
            permit.check(self.where)
            if not self._wants_laser:
                raise DeviceUnsafeError("the firing was called off", where=self.where, remedy="arm again")
            self._driver_laser(True)
        finally:
            self._on_inflight = False
            self._on_done.set()

    def _late_on(self) -> None:
        """Undo an "on" that came through after its caller had given up; runs on the owner thread."""
        verified = False
        for _ in range(LATE_OFFS):
            try:
                with usb_errors(self.where):
                    self._raw_off()
                    verified = self._raw_readback() is LaserState.OFF
            except DeviceError:
                verified = False
            if verified:
                break
            SystemClock().wait(LATE_OFF_PAUSE_S)
        self._on_late = not verified
        if self.closed:
            self._driver_release()
        if self._alarm is not None:
            done = "and was switched off again" if verified else "and could not be verified to be off"
            # A unit that did that once is not believed until somebody has reset the guard.
            self._alarm(f"an 'on' came through after it was given up {done}", False)

    def _laser_off(self) -> None:
        """Switch off below the driver at once, and through the driver when its turn comes."""
        problem = self._begin_off(OFF_S)
        if not self._lost:
            self._owner_thread.post(self._quiet_driver_off)
        if problem is not None:
            raise problem

    def _read_laser(self) -> LaserState:
        """Ask the device below the driver; UNKNOWN when it does not answer."""
        if self._rescued:
            return LaserState.OFF
        try:
            return self._off_lane.call(self._raw_readback, self._patience_s(OFF_S))
        except Exception:
            return LaserState.UNKNOWN

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask the device below the driver, past whatever the owner thread is doing.

        Raises
        ------
        DeviceTimeoutError, DeviceError
            It did not answer.
        """
        try:
            with usb_errors(self.where):
                return self._off_lane.call(question, self._patience_s(OFF_S))
        except (Overdue, Interrupted):
            raise DeviceTimeoutError("the device did not answer", where=self.where) from None

    def _begin_off(self, wait_s: float) -> DeviceError | None:
        """Command off on the off lane, wait at most `wait_s`; return what went wrong."""
        self._wants_laser = False
        self._laser_on_at = None
        self._changed_light()
        if self._rescued:
            return None
        try:
            with usb_errors(self.where):
                self._off_lane.call(self._off_behind_on, self._patience_s(wait_s))
        except (DeviceError, Overdue, Interrupted) as error:
            if self._supervision is not None and self._supervision.rescued():
                self._rescued = True
                return None
            if isinstance(error, DeviceError):
                return error
            return DeviceTimeoutError("the laser-off did not get through in time", where=self.where)
        return None

    def _off_behind_on(self) -> None:
        """Command off at once; where an "on" is being sent, once more behind it."""
        inflight = self._on_inflight
        self._raw_off()
        if inflight or self._on_inflight:
            self._on_done.wait(OFF_S)
            self._raw_off()

    def _off_verified(self) -> bool:
        for _ in range(3):
            self._begin_off(OFF_S)
            if not self._lost:
                self._owner_thread.post(self._quiet_driver_off)
            if self._read_laser() is LaserState.OFF:
                return not self._on_late
            if self._lost:
                break
        return False

    def _quiet_driver_off(self) -> None:
        if not self._wants_laser and not self._closed_driver():
            self._driver_laser(False)

    def _closed_driver(self) -> bool:
        return bool(self._lost)

    def _changed_light(self) -> None:
        self._light_changes += 1
        self._mark_stale()
        self._drain_due = True

    # -- frames

    def _lit_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        """Expose once, and see that the laser was as it should be before, during and after."""
        changes = self._light_changes
        self._check_light()
        frame = self._new_frame(settings, deadline)
        self._check_light()
        if self._light_changes != changes:
            self._check_abort()
            raise DeviceUnsafeError(
                "the laser was switched during the exposure", where=self.where, remedy="scan again"
            )
        return np.asarray(frame, dtype=np.float64)

    def _new_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        """Expose once; a frame that is there before it can have been exposed is an old one.

        A unit that does so twice in a row, with its pipe emptied in between, exposes all the time by itself:
        that is remembered, and discarding a frame after each change is then all that can be done.
        """
        exposure_s = settings.integration_ms * 1e-3
        for attempt in range(2):
            began = self.clock.monotonic()
            frame = self._run(lambda: self._driver_frame(settings), None, deadline)
            if self._exposes_freely or self.clock.monotonic() - began >= 0.5 * exposure_s:
                return frame
            if attempt == 0:
                deadline.require(2.0 * exposure_s, "reading again after an old frame", self.where)
                self._recover(deadline)
        self._exposes_freely = True
        return frame

    def _check_light(self) -> None:
        if not self._has_laser():
            return
        expected = LaserState.ON if self._wants_laser else LaserState.OFF
        seen = self._read_laser()
        if seen is LaserState.UNKNOWN:
            seen = self._read_laser()
        if seen is expected:
            return
        self._check_abort()
        self._check_present()
        if expected is LaserState.ON:
            problem = "the laser went out during the scan (interlock, watchdog or supply)"
        elif seen is LaserState.ON:
            problem = "the laser is on although it was commanded off"
        else:
            problem = "the device does not say whether its laser is off"
        self._begin_off(OFF_S)
        raise DeviceUnsafeError(problem, where=self.where, remedy="check the interlock and arm again")

    def _check_present(self) -> None:
        """Raise DeviceLostError when the device no longer answers at all."""
        self._run(self._driver_status, COMMAND_S)

    # -- the owner thread

    def _check_lost(self) -> None:
        if self._lost:
            raise DeviceLostError(self._lost, where=self.where, remedy="open it again by its serial number")

    def _run(
        self,
        work: Callable[[], T],
        limit_s: float | None,
        deadline: Deadline | None = None,
        late: Callable[[], None] | None = None,
    ) -> T:
        """Run driver code on the owner thread, within `limit_s` and by `deadline`.

        Raises
        ------
        DeviceTimeoutError
            The call did not return; the device is lost from now on.
        DeviceError
            What the driver raised, typed.
        """
        self._check_lost()

        def typed() -> T:
            with usb_errors(self.where):
                return work()

        limits = [
            s for s in (limit_s, deadline.remaining_s if deadline is not None else None) if s is not None
        ]
        seconds = min(limits) if isinstance(self.clock, SystemClock) else self.virtual_hang_s
        try:
            result = self._owner_thread.call(typed, max(seconds, 0.0), late)
        except Interrupted:
            raise DeviceAbortedError("the acquisition was aborted", where=self.where) from None
        except Overdue:
            self._lost = "the driver hung and was abandoned"
            self._on_late |= self._on_inflight
            self._driver_abandon()
            self._begin_off(OFF_S) if self._has_laser() else None
            raise DeviceTimeoutError(
                "the driver did not return in time and was abandoned",
                where=self.where,
                remedy="open the device again by its serial number",
            ) from None
        except DeviceLostError as error:
            self._lost = error.what
            raise
        if deadline is not None and deadline.remaining_s < 0.0:
            raise DeviceTimeoutError("the device answered after the deadline", where=self.where)
        return result

    def _patience_s(self, seconds: float) -> float:
        """Return the limit of a call that exposes nothing, in seconds of real time."""
        return seconds if isinstance(self.clock, SystemClock) else PATIENCE_S

    def _shut_down(self) -> None:
        """Let go of the threads and the USB handle, whatever state the driver is in."""
        self._lost = self._lost or "the device was closed"
        # The owner first: what it still had to do would open the handle again after it was given back.
        self._owner_thread.stop(self._patience_s(STOP_S))
        try:
            self._off_lane.call(self._driver_release, self._patience_s(OFF_S))
        except Exception as error:
            self._lost += f"; its handle could not be given back: {error}"
        self._driver_abandon()
        self._off_lane.stop(self._patience_s(STOP_S))
        if self._supervision is not None:
            self._supervision.close()


def within(seconds: float, work: Callable[[], T], where: str) -> T:
    """Run `work` on a thread of its own and wait for at most `seconds`.

    Raises
    ------
    DeviceTimeoutError
        It did not return; the thread is left behind.
    """
    thread = OwnerThread(f"opening {where}")
    try:
        return thread.call(work, seconds)
    except Overdue:
        raise DeviceTimeoutError(
            f"the driver did not open the device within {seconds:g} s", where=where, remedy="plug it in again"
        ) from None
    finally:
        thread.stop(0.0)


def check_memory(found: str, expected: str, device: UsbSpectrometer) -> None:
    """Check a device's calibration memory against the hash pinned to its serial number.

    Raises
    ------
    DeviceProtocolError
        When it is another; the device is closed.
    """
    if found.startswith(expected.lower()):
        return
    device.close()
    raise DeviceProtocolError(
        f"the calibration memory has hash {found[:12]}…, not {expected}",
        where=device.where,
        remedy="the memory changed or is corrupt: calibrate the device again and pin the new hash",
    )
