"""`LaserGuard`: the one way in which a laser is fired, and no other.

Every step is one of the table in `states`. Arming gives a token that expires; firing is a context manager;
every way out of it commands the laser off and reads back the command and the output. An off that could not
be verified, and an "on" that was given up and may still come, are latched as "laser state unknown": nothing
fires until `LaserGuard.reset` has verified it.

The order in every off is the same: first void every right to fire, then talk to the unit, then take the step
of the table. No lock is held while a unit is talked to, and no callback can stop it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spectriage.device.contract.errors import (
    DeviceAbortedError,
    DeviceError,
    DeviceLostError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceUnsafeError,
)
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.spectrometer import (
    InterlockReadback,
    LaserAlarm,
    LaserGateLine,
    LaserPower,
    LaserSource,
    LaserState,
    LaserSupervised,
    LaserWatchdog,
    Spectrometer,
)
from spectriage.device.laser import signals
from spectriage.device.laser._off import OFF_KNOWN, Switch
from spectriage.device.laser._standing import UNKNOWN
from spectriage.device.laser.lookout import Lookout
from spectriage.device.laser.states import Event, Fact, SafetyState, allowed_from
from spectriage.device.laser.tokens import LONGEST_FIRING_S, LONGEST_TOKEN_S, ArmingToken, Grant

WATCHDOG_MARGIN_S = 2.0
_INTERLOCK = frozenset((Fact.INTERLOCK,))

_REFUSED = (DeviceUnsafeError, DeviceSettingsError, DeviceStateError)
"""Errors of an "on" that came back: the driver refused it, or has already ended it."""

_owners: weakref.WeakKeyDictionary[Spectrometer, weakref.ref[LaserGuard]] = weakref.WeakKeyDictionary()
_owners_lock = threading.RLock()


def guard_of(device: Spectrometer) -> LaserGuard | None:
    """Return the guard that is open on a device; None when there is none."""
    with _owners_lock:
        reference = _owners.get(device)
    guard = reference() if reference is not None else None
    return guard if guard is not None and guard.active else None


class LaserGuard(Switch):
    """The one way to a device's laser; a device has one open guard at a time.

    Parameters
    ----------
    device
        An open spectrometer with a laser (`LaserSource`) or a line that gates one (`LaserGateLine`).
    on_change
        Called with the guard after every change of state, for a screen. What it raises is kept in
        `screen_error` and stops nothing.

    Raises
    ------
    DeviceStateError
        The device has neither.

    Examples
    --------
    >>> with LaserGuard(device) as guard:            # doctest: +SKIP
    ...     with guard.fire(guard.arm(max_firing_s=10)):
    ...         scan = device.acquire(Deadline.after(10))
    """

    # -- what is known

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an arming screen must show."""
        found = []
        if self.laser_unknown:
            found.append(f"{UNKNOWN.upper()}: {self.reason}")
        if isinstance(self.device, LaserGateLine):
            found.append("only a gate line: whether light comes out cannot be read back")
        if not isinstance(self.device, InterlockReadback):
            found.append("the interlock cannot be read back")
        supervised = isinstance(self.device, LaserSupervised) and self.device.light_supervised()
        if not isinstance(self.device, LaserWatchdog) and not supervised:
            found.append("no watchdog and no supervisor: if this program is killed the laser stays on")
        return tuple(found)

    # -- the way up

    def open(self) -> None:
        """Go from Closed to Open: command the laser off, whatever it was, and verify it.

        Raises
        ------
        DeviceStateError
            It is not closed, or another guard has the device.
        DeviceUnsafeError
            The laser cannot be verified to be off.
        """
        with _owners_lock:
            other = guard_of(self.device)
            alone = frozenset((Fact.ALONE,)) if other is None or other is self else frozenset[Fact]()
            self._step(Event.OPEN, "", alone)
            _owners[self.device] = weakref.ref(self)
        if isinstance(self.device, LaserAlarm):
            self.device.set_laser_alarm(_weak_alarm(self))
        if not self.off("opening"):
            raise self._unverified()
        self._step(Event.RESET, "", OFF_KNOWN)

    def ready(self) -> None:
        """Go from Open to Ready: check that the laser could fire.

        Raises
        ------
        DeviceStateError
            It is not open.
        DeviceUnsafeError
            The interlock is open, or the laser is not off.
        DeviceError
            The device does not answer.
        """
        self._need(Event.MAKE_READY)
        self._check_interlock()
        if self._readback() is not LaserState.OFF and not self.off("the laser was not off"):
            raise self._unverified()
        self._step(Event.MAKE_READY, "", OFF_KNOWN | _INTERLOCK)

    def arm(
        self, *, valid_s: float = 60.0, max_firing_s: float = 60.0, power_mw: float | None = None
    ) -> ArmingToken:
        """Go from Ready to Armed: give the right to fire once within `valid_s`.

        Parameters
        ----------
        valid_s
            How long the token is good for, a delay before the light and its countdown included.
        max_firing_s
            Longest time that the laser may be on; a timer here, the supervisor and, where there is one, the
            device's watchdog end it.
        power_mw
            Laser power; None leaves it as it is.

        Raises
        ------
        DeviceStateError
            It is not ready.
        DeviceSettingsError
            A value is outside its limits.
        DeviceUnsafeError
            The interlock is open, the laser state is unknown, or everything was switched off and nobody said
            `resume`.
        """
        if self.laser_unknown:
            raise self._unverified()
        self._need(Event.ARM)
        _within("valid_s", valid_s, LONGEST_TOKEN_S)
        _within("max_firing_s", max_firing_s, LONGEST_FIRING_S)
        if power_mw is not None:
            self._check_power(power_mw)
        generation = self._generation
        self._check_interlock()
        expires_s = self.clock.monotonic() + valid_s
        token = ArmingToken(expires_s, max_firing_s, power_mw)
        signals.hold(self)
        try:
            with self._lock:
                self._step(Event.ARM, "", _INTERLOCK, tell=False)
                self._grant = Grant(token, expires_s, max_firing_s, power_mw, generation)
        except DeviceError:
            signals.release(id(self))
            raise
        self._tell()
        return token

    def disarm(self) -> None:
        """Void the token, also while it is counting down; during a firing, switch off."""
        if self._standing.state is SafetyState.FIRING:
            self.off("disarmed")
            return
        with self._lock:
            self._generation += 1
            self._grant = None
            if self._standing.state in allowed_from(Event.DISARM):
                self._step(Event.DISARM, "disarmed", tell=False)
        signals.release(id(self))
        self._tell()

    @contextmanager
    def fire(
        self,
        token: ArmingToken,
        *,
        delay_s: float = 0.0,
        countdown: Callable[[float], None] | None = None,
    ) -> Iterator[LaserGuard]:
        """Go from Armed to Firing, and back to Ready when the block is left, in whatever way.

        Parameters
        ----------
        token
            From `arm`; good for one firing.
        delay_s
            Seconds to wait before the laser comes on, for people to step back; they count towards the arming.
        countdown
            Called with the seconds left, about once a second, and with 0.

        Raises
        ------
        DeviceStateError
            Not armed, or not with this token.
        DeviceUnsafeError
            The token expired, the interlock is or was opened, the laser did not come on, the firing was ended
            from outside, or the laser could not be verified to be off afterwards.
        DeviceError
            A command did not get through.
        """
        grant = self._redeem(token)
        try:
            self._count_down(grant, delay_s, countdown)
            self._switch_on(grant)
            with Lookout(self.device, grant.max_firing_s, lambda why: self._end_firing(grant, why)):
                yield self
        except DeviceLostError as error:
            self.off(error.what)
            self.lost(error.what)
            raise
        except BaseException as error:
            why = grant.ended
            self.off(why or f"{type(error).__name__}: {error}")
            aborted = isinstance(error, DeviceAbortedError) and not grant.cut
            if why and isinstance(error, DeviceError) and not aborted:
                raise self._ended(why) from error
            raise
        finally:
            signals.release(id(self))
        self._finish(grant)

    # -- the way down

    def close(self) -> None:
        """Go to Closed, with the laser off; the latch stays when that is not verified.

        The device itself is not closed.
        """
        if self.active:
            self.off("closing")
        with _owners_lock:
            reference = _owners.get(self.device)
            if reference is not None and reference() is self:
                del _owners[self.device]
        self._step(Event.CLOSE, self.reason if self.laser_unknown else "")

    def __enter__(self) -> LaserGuard:
        """Open and make ready."""
        self.open()
        self.ready()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- the steps of a firing

    def _redeem(self, token: ArmingToken) -> Grant:
        state = self.state
        with self._lock:
            grant = self._grant
            if grant is not None and grant.token is token and state is SafetyState.READY:
                self._grant = None
                raise self._refusal(Fact.IN_TIME)
            facts = (
                frozenset((Fact.TOKEN,)) if grant is not None and grant.token is token else frozenset[Fact]()
            )
            self._step(Event.REDEEM, "", facts, grant, tell=False)
            assert grant is not None
            # Off from here on is an off of this firing, also while it is still counting down.
            self._generation += 1
            grant.generation = self._generation
            self._firing, self._grant = grant, None
        self._tell()
        return grant

    def _count_down(self, grant: Grant, delay_s: float, countdown: Callable[[float], None] | None) -> None:
        if not delay_s >= 0.0:
            raise DeviceSettingsError(f"a delay of {delay_s:g} s is not 0 or more", where=self._where)
        until = self.clock.monotonic() + delay_s
        if until >= grant.expires_s:
            raise DeviceUnsafeError(
                f"the arming expires before the {delay_s:g} s of delay are over", where=self._where
            )
        while (left := until - self.clock.monotonic()) > 0.0:
            if countdown is not None:
                countdown(left)
            self._check_live(grant)
            self.clock.wait(min(1.0, left))
            self._check_live(grant)
        if countdown is not None and delay_s > 0.0:
            countdown(0.0)

    def _switch_on(self, grant: Grant) -> None:
        device = self.device
        self._check_interlock()
        if grant.power_mw is not None and isinstance(device, LaserPower):
            device.set_laser_power_mw(grant.power_mw)
        if isinstance(device, LaserWatchdog):
            device.arm_laser_watchdog(grant.max_firing_s + WATCHDOG_MARGIN_S)
        if isinstance(device, LaserSupervised):
            device.grant_light(grant.max_firing_s)
        with self._lock:
            self._step(Event.SWITCH_ON, "", _INTERLOCK, grant, tell=False)
            grant.fired_until_s = self.clock.monotonic() + grant.max_firing_s
            self._sent.clear()
            self._sender = threading.current_thread()
        self._tell()
        try:
            self._command_on(grant)
        finally:
            self._sender = None
            self._sent.set()
        if not self._stands(grant):
            raise DeviceUnsafeError("the laser was switched off while it came on", where=self._where)
        seen = self._readback()
        if seen is not LaserState.ON and isinstance(device, LaserSource):
            raise DeviceUnsafeError(f"the laser did not come on: it reads {seen}", where=self._where)

    def _command_on(self, grant: Grant) -> None:
        permit = LaserPermit(lambda: self._stands(grant))
        self._may_come_on = True
        try:
            if isinstance(self.device, LaserSource):
                self.device.laser_on(permit)
            elif isinstance(self.device, LaserGateLine):
                self.device.set_laser_gate(True, permit)
        except _REFUSED:
            self._may_come_on = False
            raise
        self._may_come_on = False

    def _end_firing(self, grant: Grant, why: str) -> None:
        """End a firing from another thread, and the exposure that it lights."""
        if self._firing is not grant or grant.ended:
            return
        grant.ended, grant.cut = why, True
        self.off(why)
        try:
            self.device.abort()
        except DeviceError:
            return  # the frame that comes is refused all the same: the light changed during it

    def _finish(self, grant: Grant) -> None:
        ended = grant.ended
        over = grant.fired_until_s is not None and self.clock.monotonic() > grant.fired_until_s
        self.off(ended or ("the firing time was over" if over else ""))
        if self._firing is grant:
            self._firing = None
        if self.laser_unknown:
            raise self._unverified()
        if ended:
            raise self._ended(ended)
        if over:
            raise DeviceUnsafeError(
                f"the laser was on for longer than the {grant.max_firing_s:g} s of its arming",
                where=self._where,
                remedy="arm for longer; what was measured after that is not valid",
            )


def _weak_alarm(guard: LaserGuard) -> Callable[[str, bool], None]:
    """Return the guard's alarm, without keeping the guard alive."""
    reference = weakref.ref(guard)

    def alarm(what: str, verified: bool) -> None:
        target = reference()
        if target is not None:
            target._alarm(what, verified)

    return alarm


def _within(name: str, value: float, most: float) -> None:
    if not 0.0 < value <= most:
        raise DeviceSettingsError(f"{name} = {value:g} s is not above 0 and at most {most:g} s")
