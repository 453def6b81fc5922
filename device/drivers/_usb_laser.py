"""The laser of a USB unit: on with a permit, through the driver; off below it, past whatever hangs."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spectriage.device.contract.clock import Clock, SystemClock
from spectriage.device.contract.errors import DeviceError, DeviceTimeoutError, DeviceUnsafeError
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.spectrometer import LaserState
from spectriage.device.drivers._owner import Interrupted, Overdue
from spectriage.device.drivers._usb import usb_errors
from spectriage.device.drivers._usb_calls import COMMAND_S, OFF_S, UsbCalls

if TYPE_CHECKING:
    from spectriage.device.supervisor.client import Supervision

LATE_OFFS = 60
LATE_OFF_PAUSE_S = 0.1
"""How often, and after what pause, an "on" that came late is switched off again until it reads off."""
OFF_TIMEOUT_MS = 500


class UsbLaser(UsbCalls):
    """A device with a laser, a line that gates one, or neither.

    `_driver_laser` runs on the owner thread; `_raw_off` and `_raw_readback` go straight to the bus on the off
    lane: a driver that hangs cannot hold the laser-off back.

    Parameters
    ----------
    where
        The URI, for messages.
    clock
        The system's when None.
    """

    def __init__(self, where: str, clock: Clock | None = None) -> None:
        super().__init__(where, clock)
        self._wants_laser = False
        self._laser_on_at: float | None = None
        self._light_changes = 0
        self._on_inflight = False
        self._on_done = threading.Event()
        self._on_late = False
        self._alarm: Callable[[str, bool], None] | None = None
        self._supervision: Supervision | None = None
        self._rescued = False
        self._drain_due = False

    # -- what a subclass implements

    @abstractmethod
    def _pyusb_device(self) -> Any:
        """Return the pyusb device below the driver."""

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

    # -- who watches it

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

    def _changed_light(self) -> None:
        self._light_changes += 1
        self._mark_stale()
        self._drain_due = True

    # -- when the driver hangs, and at the end

    def _gave_up(self) -> None:
        self._on_late |= self._on_inflight
        super()._gave_up()
        if self._has_laser():
            self._begin_off(OFF_S)

    def _shut_down(self) -> None:
        super()._shut_down()
        if self._supervision is not None:
            self._supervision.close()
