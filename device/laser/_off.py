"""Off: void every right to fire, then command, read back and take the step; from any thread and state."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from spectriage.device.contract.errors import (
    DeviceError,
    DeviceUnsafeError,
)
from spectriage.device.contract.spectrometer import (
    LaserAlarm,
    LaserGateLine,
    LaserSource,
    LaserState,
    LaserSupervised,
    Spectrometer,
)
from spectriage.device.laser import signals
from spectriage.device.laser._standing import Stepper
from spectriage.device.laser.exits import watch
from spectriage.device.laser.states import Event, Fact

OFF_ATTEMPTS = 3
"""At least so often is an off sent before it is given up,"""
MORE_ATTEMPTS = 40
OFF_TRY_S = 0.8
"""and up to so often within this time, on a unit that answers but loses commands."""
SENDING_S = 1.0
"""Longest time that an off waits for an "on" that is being sent, to send itself again behind it."""

OFF_KNOWN = frozenset((Fact.OFF_SEEN, Fact.NOTHING_LATE))
"""What a readback of "off" proves, where no "on" is outstanding."""


class Switch(Stepper):
    """The way down, from everywhere; `LaserGuard` adds the way up."""

    def __init__(self, device: Spectrometer, *, on_change: Callable[[Any], None] | None = None) -> None:
        super().__init__(device, on_change=on_change)
        watch(self)

    def latch(self, reason: str) -> None:
        """Void every right to fire: at once, without a lock, a transfer or a callback."""
        self._generation += 1
        self._grant = None
        firing = self._firing
        if firing is not None and not firing.ended:
            firing.ended = reason or "off"

    def off(self, reason: str = "") -> bool:
        """Switch off and verify, from any state and any thread; never raises.

        Parameters
        ----------
        reason
            Why, for the screen; empty for the normal end of a firing.

        Returns
        -------
        bool
            Whether the laser was read back as off. If not, "laser state unknown" is latched.
        """
        with self._off_under_way():
            verified, text = self._switch_off(reason)
            if self._sender is threading.current_thread():
                # Called while this very thread sends the "on", by a signal say: `_switch_on` ends the firing.
                return verified
            signals.release(id(self))
            if not self._outstanding():
                self._step(Event.OFF_VERIFIED if verified else Event.OFF_UNVERIFIED, text)
                return verified
            said = "an 'on' was given up and may still come"
            self._step(Event.LATE_ON, f"{text}; {said}" if text else said)
            return False

    def fault(self, reason: str) -> None:
        """Go to Fault, with the laser off."""
        self.off(reason)
        self._step(Event.FAULT, reason)

    def lost(self, reason: str) -> None:
        """Go to Lost: the device is gone, and with it the means to know its laser."""
        self.latch(reason)
        if self._readback() is not LaserState.OFF:
            self._step(Event.OFF_UNVERIFIED, reason, tell=False)
        if self.active:
            self._step(Event.LOSE, reason)

    def reset(self) -> None:
        """Go from Fault to Open, once the laser has been verified to be off; clears the latch.

        Raises
        ------
        DeviceStateError
            It is not in Fault.
        DeviceUnsafeError
            The laser still cannot be verified to be off, or an "on" that was given up is still outstanding.
        """
        self._need(Event.RESET)
        with self._off_under_way():
            verified, text = self._switch_off("reset")
            if isinstance(self.device, LaserAlarm) and self.device.laser_on_outstanding():
                raise DeviceUnsafeError(
                    "an 'on' that was given up may still come",
                    where=self._where,
                    remedy="open the unit again",
                )
            if not verified:
                self._step(Event.OFF_UNVERIFIED, text)
                raise self._unverified()
            self._may_come_on = False
            self._step(Event.RESET, "", OFF_KNOWN)

    @contextmanager
    def _off_under_way(self) -> Iterator[None]:
        """Let nobody arm or fire from the first command of an off to its step, which would undo theirs."""
        with self._lock:
            self._offs += 1
        try:
            yield
        finally:
            with self._lock:
                self._offs -= 1

    def _switch_off(self, reason: str) -> tuple[bool, str]:
        """Void every right to fire, then command off until it reads off; return that, and what to say."""
        self.latch(reason)
        if os.getpid() != self._process:
            return False, "a forked child owns no laser"
        verified, problem = False, ""
        began = monotonic()
        for attempt in range(MORE_ATTEMPTS):
            if attempt >= OFF_ATTEMPTS and monotonic() - began > OFF_TRY_S:
                break
            sender = self._sender
            try:
                self._command_off()
            except Exception as error:
                problem = str(error)
            seen = self._readback()
            if sender is not None and sender is not threading.current_thread() and self._sender is sender:
                # An "on" was under way: what it does, it may do behind this off.
                self._sent.wait(SENDING_S)
                continue
            if seen is LaserState.OFF:
                verified = True
                break
            if isinstance(self.device, Spectrometer) and self.device.closed:
                break
        self._end_supervision()
        if verified:
            return True, reason
        return False, "; ".join(part for part in (reason, problem) if part) or "the off was not confirmed"

    def _command_off(self) -> None:
        if isinstance(self.device, LaserSource):
            self.device.laser_off()
        elif isinstance(self.device, LaserGateLine):
            self.device.set_laser_gate(False)

    def _end_supervision(self) -> None:
        if isinstance(self.device, LaserSupervised):
            try:
                self.device.grant_light(0.0)
            except DeviceError:
                return  # the supervisor is gone: its death has been told through the alarm

    def _readback(self) -> LaserState:
        """Ask the device; a gate line may be readable, the light behind it is not."""
        ask = getattr(self.device, "laser_readback", None) or getattr(
            self.device, "laser_gate_readback", None
        )
        if ask is None:
            return LaserState.UNKNOWN
        try:
            return LaserState(ask())
        except Exception:
            return LaserState.UNKNOWN

    def _outstanding(self) -> bool:
        """Whether an "on" may still reach the unit."""
        sender = self._sender
        if sender is not None and sender is not threading.current_thread():
            return True
        if isinstance(self.device, LaserAlarm):
            return self.device.laser_on_outstanding()
        return self._may_come_on

    def _alarm(self, what: str, verified: bool) -> None:
        """Take what the driver tells of light that nobody waits for."""
        self.latch(what)
        if not verified:
            self._step(Event.LATE_ON, what, tell=False)
        self._step(Event.FAULT, what)
        signals.release(id(self))
