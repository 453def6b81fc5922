"""Calls of a USB driver with a deadline: one thread owns the driver, another goes past it to the bus."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from spectriage.device.contract.clock import Clock, Deadline, SystemClock
from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceLostError,
    DeviceTimeoutError,
)
from spectriage.device.contract.spectrometer import Spectrometer
from spectriage.device.drivers._owner import Interrupted, Overdue, OwnerThread
from spectriage.device.drivers._usb import usb_errors

T = TypeVar("T")

OPEN_S = 15.0
"""Longest time for opening a device."""
COMMAND_S = 5.0
"""Longest time for a driver call that exposes nothing."""
OFF_S = 0.6
"""Longest time for the laser-off transfer: the 500 ms of its USB timeout and a margin."""
PATIENCE_S = 30.0
"""The same limits on a virtual clock, in real time: there, how long a call takes says only how busy the
computer is."""
STOP_S = 0.2
"""Longest wait for a thread to end when the device is closed."""


class UsbCalls(Spectrometer):
    """A device whose driver may hang: no caller waits for longer than its deadline.

    A call that does not return in time is abandoned and the device counts as lost; open it again by its
    serial number. What must not wait for the driver goes to the bus on a thread of its own, the off lane.

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
        self._owner_thread = OwnerThread(f"owner of {where}")
        self._off_lane = OwnerThread(f"laser off of {where}")

    @abstractmethod
    def _driver_release(self) -> None:
        """Give the USB handle back, without the driver."""

    @abstractmethod
    def _driver_abandon(self) -> None:
        """Make a driver call that was given up fail if it ever comes back, instead of going on."""

    def _gave_up(self) -> None:
        """Take note that a driver call was abandoned."""
        self._driver_abandon()

    def _closed_driver(self) -> bool:
        return bool(self._lost)

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
            self._gave_up()
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
