"""Where a guard stands, and the one way in which it takes a step of the table in `states`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import (
    DeviceError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceUnsafeError,
)
from spectriage.device.contract.spectrometer import (
    InterlockReadback,
    LaserGateLine,
    LaserPower,
    LaserSource,
    Spectrometer,
)
from spectriage.device.laser import signals
from spectriage.device.laser.exits import gate_closed_by
from spectriage.device.laser.states import Event, Fact, SafetyState, Standing, allowed_from, missing, step
from spectriage.device.laser.tokens import Grant

UNKNOWN = "laser state unknown"


class Stepper:
    """What is known of a laser, and the steps that may be taken; the base of `LaserGuard`."""

    def __init__(self, device: Spectrometer, *, on_change: Callable[[Any], None] | None = None) -> None:
        if not isinstance(device, LaserSource | LaserGateLine):
            raise DeviceStateError("the device has no laser to guard", where=device.info.uri)
        self.device = device
        self.clock: Clock = device.clock
        self.reason = ""
        self.screen_error: Exception | None = None
        self._on_change = on_change
        self._standing = Standing()
        self._grant: Grant | None = None
        self._firing: Grant | None = None
        self._generation = 0
        self._offs = 0
        self._sender: threading.Thread | None = None
        self._sent = threading.Event()
        self._may_come_on = False
        self._process = os.getpid()
        self._lock = threading.RLock()

    @property
    def state(self) -> SafetyState:
        """The state; an expired token has already taken Armed back to Ready."""
        grant = self._grant
        if self._standing.state is SafetyState.ARMED and grant is not None and self._expired(grant):
            self._step(Event.EXPIRE, "the arming expired")
            signals.release(id(self))
        return self._standing.state

    @property
    def active(self) -> bool:
        """Whether the guard is open, so that its laser may be on."""
        return self._standing.state is not SafetyState.CLOSED

    @property
    def laser_unknown(self) -> bool:
        """Whether an off could not be verified and has not been since: show it, always."""
        return self._standing.unknown

    @property
    def _where(self) -> str:
        return self.device.info.uri

    def _expired(self, grant: Grant) -> bool:
        return self.clock.monotonic() >= grant.expires_s

    def _stands(self, grant: Grant) -> bool:
        """Whether nothing has ended a firing since its token was redeemed."""
        return grant.generation == self._generation and not gate_closed_by()

    def _check_live(self, grant: Grant) -> None:
        if not self._stands(grant):
            raise DeviceUnsafeError("the firing was called off", where=self._where)
        if self._expired(grant):
            raise self._refusal(Fact.IN_TIME)

    def _step(
        self,
        event: Event,
        reason: str,
        proven: frozenset[Fact] = frozenset(),
        grant: Grant | None = None,
        *,
        tell: bool = True,
    ) -> None:
        """Take one step of the table, or raise what stands in its way.

        `proven` is what the device was asked; the rest is known here.
        """
        with self._lock:
            facts = proven
            if not gate_closed_by():
                facts |= {Fact.GATE_OPEN}
            if self._offs == 0:
                facts |= {Fact.CALM}
            if grant is not None and not self._expired(grant):
                facts |= {Fact.IN_TIME}
            if grant is not None and grant.generation == self._generation:
                facts |= {Fact.UNBROKEN}
            lacks = missing(self._standing, event, facts)
            if lacks is None:
                raise self._wrong_state(event)
            if lacks:
                raise self._refusal(lacks[0])
            before, self._standing = self._standing, step(self._standing, event, facts)
            self.reason = reason
        if tell and self._standing != before:
            self._tell()

    def _need(self, event: Event) -> None:
        """Raise at once what an event lacks that no device has to be asked for."""
        if self.state not in allowed_from(event):
            raise self._wrong_state(event)
        lacks = missing(self._standing, event, frozenset(Fact) - {Fact.KNOWN, Fact.GATE_OPEN})
        for fact in lacks or ():
            if fact is Fact.KNOWN or gate_closed_by():
                raise self._refusal(fact)

    def _tell(self) -> None:
        if self._on_change is not None:
            try:
                self._on_change(self)
            except Exception as error:
                self.screen_error = error

    def _check_interlock(self) -> None:
        if isinstance(self.device, InterlockReadback) and not self.device.interlock_closed():
            raise self._refusal(Fact.INTERLOCK)

    def _check_power(self, power_mw: float) -> None:
        if not isinstance(self.device, LaserPower):
            raise DeviceSettingsError("the power of this laser cannot be set", where=self._where)
        low, high = self.device.laser_power_limits_mw()
        if not low <= power_mw <= high:
            raise DeviceSettingsError(
                f"a power of {power_mw:g} mW is not between {low:g} and {high:g} mW", where=self._where
            )

    def _wrong_state(self, event: Event) -> DeviceStateError:
        wanted = " or ".join(allowed_from(event))
        return DeviceStateError(f"the laser is {self._standing.state}, not {wanted}", where=self._where)

    def _refusal(self, fact: Fact) -> DeviceError:
        where = self._where
        if fact is Fact.KNOWN:
            return self._unverified()
        if fact is Fact.GATE_OPEN:
            return DeviceUnsafeError(
                f"everything was switched off: {gate_closed_by()}",
                where=where,
                remedy="spectriage.device.laser.resume() allows firing again",
            )
        if fact is Fact.TOKEN:
            return DeviceStateError("the token is not the one that was given", where=where)
        if fact is Fact.ALONE:
            return DeviceStateError("another guard has this laser", where=where, remedy="close it first")
        text, remedy = {
            Fact.INTERLOCK: ("the interlock is open", "close it"),
            Fact.IN_TIME: ("the arming expired", "arm again"),
            Fact.UNBROKEN: ("the firing was called off", "arm again"),
            Fact.CALM: ("the laser is being switched off", "try again in a moment"),
        }.get(fact, (f"refused: {fact}", ""))
        return DeviceUnsafeError(text, where=where, remedy=remedy)

    def _ended(self, why: str) -> DeviceUnsafeError:
        return DeviceUnsafeError(
            f"the firing was ended: {why}", where=self._where, remedy="what was measured in it is not valid"
        )

    def _unverified(self) -> DeviceUnsafeError:
        return DeviceUnsafeError(
            f"{UNKNOWN}: {self.reason or 'the off was not confirmed'}",
            where=self._where,
            remedy="switch the laser off at its key, then reset",
        )
