"""Laser safety: the state machine through which a laser is fired, and no other way.

``Closed → Open → Ready → Armed → Firing → Ready``, and from anywhere ``Fault`` and ``Lost``. Arming gives a
token that expires; firing is a context manager; every way out of it commands the laser off and reads it
back. An off that could not be verified is latched as "laser state unknown" and nothing fires until
`LaserGuard.reset` has verified it.

What software cannot do: stop a laser after ``kill -9`` or a frozen machine. Where the device has a watchdog
it is armed before each firing; where it has none, `LaserGuard.warnings` says so and an arming screen must
show it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import (
    DeviceLostError,
    DeviceSettingsError,
    DeviceStateError,
    DeviceUnsafeError,
)
from spectriage.device.contract.spectrometer import (
    InterlockReadback,
    LaserGateLine,
    LaserPower,
    LaserSource,
    LaserState,
    LaserWatchdog,
    Spectrometer,
)
from spectriage.device.laser._exits import all_off, signals_switch_off, watch

OFF_ATTEMPTS = 3
LONGEST_TOKEN_S = 600.0
LONGEST_FIRING_S = 600.0
WATCHDOG_MARGIN_S = 2.0
UNKNOWN = "laser state unknown"

__all__ = ["ArmingToken", "LaserGuard", "SafetyState", "all_off", "guarded_light", "signals_switch_off"]


class SafetyState(StrEnum):
    """Where the laser stands."""

    CLOSED = "closed"
    OPEN = "open"
    READY = "ready"
    ARMED = "armed"
    FIRING = "firing"
    FAULT = "fault"
    LOST = "lost"


@dataclass(frozen=True)
class ArmingToken:
    """The right to fire once, until it expires.

    Parameters
    ----------
    key
        Random; only the guard that gave it knows it.
    expires_s
        On the device's clock.
    max_firing_s
        Longest time that the laser may then be on.
    power_mw
        Laser power; None leaves it as it is.
    """

    key: str
    expires_s: float
    max_firing_s: float
    power_mw: float | None = None


class LaserGuard:
    """The one way to a device's laser.

    Parameters
    ----------
    device
        An open spectrometer with a laser (`LaserSource`) or a line that gates one (`LaserGateLine`).
    on_change
        Called with the guard after every change of state, for a screen.

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

    def __init__(
        self, device: Spectrometer, *, on_change: Callable[[LaserGuard], None] | None = None
    ) -> None:
        if not isinstance(device, LaserSource | LaserGateLine):
            raise DeviceStateError("the device has no laser to guard", where=device.info.uri)
        self.device = device
        self.clock: Clock = device.clock
        self.reason = ""
        self._on_change = on_change
        self._state = SafetyState.CLOSED
        self._unknown = False
        self._token: ArmingToken | None = None
        self._fired_until: float | None = None
        self._generation = 0
        self._lock = threading.RLock()
        watch(self)

    # -- what is known

    @property
    def state(self) -> SafetyState:
        """The state; an expired token has already taken Armed back to Ready."""
        if self._state is SafetyState.ARMED and self._expired():
            self._move(SafetyState.READY, "the arming expired")
        return self._state

    @property
    def active(self) -> bool:
        """Whether the guard is open, so that its laser may be on."""
        return self._state is not SafetyState.CLOSED

    @property
    def laser_unknown(self) -> bool:
        """Whether an off could not be verified and has not been since: show it, always."""
        return self._unknown

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an arming screen must show."""
        found = []
        if self._unknown:
            found.append(f"{UNKNOWN.upper()}: {self.reason}")
        if isinstance(self.device, LaserGateLine):
            found.append("only a gate line: whether light comes out cannot be read back")
        if not isinstance(self.device, InterlockReadback):
            found.append("the interlock cannot be read back")
        if not isinstance(self.device, LaserWatchdog):
            found.append("no watchdog in the device: if this program is killed the laser stays on")
        return tuple(found)

    # -- the way up

    def open(self) -> None:
        """Go from Closed to Open: command the laser off, whatever it was, and verify it.

        Raises
        ------
        DeviceStateError
            It is not closed.
        DeviceUnsafeError
            The laser cannot be verified to be off.
        """
        self._need(SafetyState.CLOSED)
        self._move(SafetyState.OPEN, "")
        if not self.off("opening"):
            raise self._unverified()
        self._unknown = False

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
        self._need(SafetyState.OPEN)
        self._check_interlock()
        if self._readback() is not LaserState.OFF and not self.off("the laser was not off"):
            raise self._unverified()
        self._move(SafetyState.READY, "")

    def arm(
        self, *, valid_s: float = 60.0, max_firing_s: float = 60.0, power_mw: float | None = None
    ) -> ArmingToken:
        """Go from Ready to Armed: give the right to fire once within `valid_s`.

        Parameters
        ----------
        valid_s
            How long the token is good for.
        max_firing_s
            Longest time that the laser may be on; a timer here and, where there is one, the device's watchdog
            end it.
        power_mw
            Laser power; None leaves it as it is.

        Raises
        ------
        DeviceStateError
            It is not ready.
        DeviceSettingsError
            A value is outside its limits.
        DeviceUnsafeError
            The interlock is open, or the laser state is unknown.
        """
        if self._unknown:
            raise self._unverified()
        self._need(SafetyState.READY)
        _within("valid_s", valid_s, LONGEST_TOKEN_S)
        _within("max_firing_s", max_firing_s, LONGEST_FIRING_S)
        if power_mw is not None:
            self._check_power(power_mw)
        self._check_interlock()
        token = ArmingToken(secrets.token_hex(16), self.clock.monotonic() + valid_s, max_firing_s, power_mw)
        with self._lock:
            self._need(SafetyState.READY)
            self._token = token
            self._move(SafetyState.ARMED, "")
        return token

    def disarm(self) -> None:
        """Go from Armed to Ready; in any other state nothing happens."""
        with self._lock:
            self._token = None
            if self._state is SafetyState.ARMED:
                self._move(SafetyState.READY, "disarmed")

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
            Seconds to wait before the laser comes on, for people to step back.
        countdown
            Called with the seconds left, about once a second, and with 0.

        Raises
        ------
        DeviceStateError
            Not armed, or not with this token.
        DeviceUnsafeError
            The token expired, the interlock is open, the laser did not come on, or it could not be verified
            to be off afterwards.
        DeviceError
            A command did not get through.
        """
        self._redeem(token)
        with signals_switch_off():
            try:
                self._count_down(delay_s, countdown)
                self._switch_on(token)
                timer = threading.Timer(token.max_firing_s, self.off, ("the firing time was over",))
                timer.daemon = True
                timer.start()
                try:
                    yield self
                finally:
                    timer.cancel()
            except DeviceLostError as error:
                self.off(error.what)
                self.lost(error.what)
                raise
            except BaseException as error:
                self.off(f"{type(error).__name__}: {error}")
                raise
            if self._state is SafetyState.FIRING:
                over = self._fired_until is not None and self.clock.monotonic() > self._fired_until
                self.off("the firing time was over" if over else "")
                if self._unknown:
                    raise self._unverified()
                if over:
                    raise DeviceUnsafeError(
                        f"the laser was on for longer than the {token.max_firing_s:g} s of its arming",
                        where=self._where,
                        remedy="arm for longer; what was measured after that is not valid",
                    )
                return
        if self._unknown:
            raise self._unverified()
        raise DeviceUnsafeError(f"the firing was ended: {self.reason or 'off'}", where=self._where)

    # -- the way down

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
        self._generation += 1
        verified = False
        problem = ""
        for _ in range(OFF_ATTEMPTS):
            try:
                self._command(False)
            except Exception as error:
                problem = str(error)
            if self._readback() is LaserState.OFF:
                verified = True
                break
            if isinstance(self.device, Spectrometer) and self.device.closed:
                break
        self._after_off(verified, reason, problem)
        return verified

    def fault(self, reason: str) -> None:
        """Go to Fault, with the laser off."""
        self.off(reason)
        if self._state is not SafetyState.LOST:
            self._move(SafetyState.FAULT, reason)

    def lost(self, reason: str) -> None:
        """Go to Lost: the device is gone, and with it the means to know its laser."""
        if self._readback() is not LaserState.OFF:
            self._unknown = True
        self._token = None
        self._move(SafetyState.LOST, reason)

    def reset(self) -> None:
        """Go from Fault to Open, once the laser has been verified to be off; clears the latch.

        Raises
        ------
        DeviceStateError
            It is not in Fault.
        DeviceUnsafeError
            The laser still cannot be verified to be off.
        """
        self._need(SafetyState.FAULT)
        if not self.off("reset"):
            raise self._unverified()
        self._unknown = False
        self._move(SafetyState.OPEN, "")

    def close(self) -> None:
        """Go to Closed, with the laser off; the latch stays when that is not verified.

        The device itself is not closed.
        """
        if self._state is not SafetyState.CLOSED:
            self.off("closing")
        self._token = None
        self._move(SafetyState.CLOSED, self.reason if self._unknown else "")

    def __enter__(self) -> LaserGuard:
        """Open and make ready."""
        self.open()
        self.ready()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- private

    @property
    def _where(self) -> str:
        return self.device.info.uri

    def _command(self, on: bool) -> None:
        if isinstance(self.device, LaserSource):
            (self.device.laser_on if on else self.device.laser_off)()
        elif isinstance(self.device, LaserGateLine):
            self.device.set_laser_gate(on)

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

    def _redeem(self, token: ArmingToken) -> None:
        with self._lock:
            if self._unknown:
                raise self._unverified()
            mine, state = self._token, self.state
            if state is not SafetyState.ARMED and mine is token:
                self._token = None
                raise DeviceUnsafeError("the arming expired", where=self._where, remedy="arm again")
            self._need(SafetyState.ARMED)
            if mine is None or not secrets.compare_digest(mine.key, token.key):
                raise DeviceStateError("the token is not the one that was given", where=self._where)
            self._token = None
            # Off from here on is an off of this firing, also while it is still counting down.
            self._generation += 1

    def _count_down(self, delay_s: float, countdown: Callable[[float], None] | None) -> None:
        generation = self._generation
        until = self.clock.monotonic() + delay_s
        while (left := until - self.clock.monotonic()) > 0.0:
            if countdown is not None:
                countdown(left)
            self.clock.wait(min(1.0, left))
            if generation != self._generation:
                raise DeviceUnsafeError("the firing was called off", where=self._where)
        if countdown is not None and delay_s > 0.0:
            countdown(0.0)

    def _switch_on(self, token: ArmingToken) -> None:
        self._check_interlock()
        if token.power_mw is not None and isinstance(self.device, LaserPower):
            self.device.set_laser_power_mw(token.power_mw)
        if isinstance(self.device, LaserWatchdog):
            self.device.arm_laser_watchdog(token.max_firing_s + WATCHDOG_MARGIN_S)
        with self._lock:
            generation = self._generation
            self._need(SafetyState.ARMED)
            self._fired_until = self.clock.monotonic() + token.max_firing_s
            self._move(SafetyState.FIRING, "")
        self._command(True)
        if generation != self._generation:
            raise DeviceUnsafeError("the laser was switched off while it came on", where=self._where)
        seen = self._readback()
        if seen is not LaserState.ON and isinstance(self.device, LaserSource):
            raise DeviceUnsafeError(f"the laser did not come on: it reads {seen}", where=self._where)

    def _after_off(self, verified: bool, reason: str, problem: str) -> None:
        with self._lock:
            self._token = None
            self._fired_until = None
            if not verified:
                self._unknown = True
                text = "; ".join(part for part in (reason, problem) if part) or "the off was not confirmed"
                if self._state not in (SafetyState.LOST, SafetyState.CLOSED):
                    self._move(SafetyState.FAULT, text)
                else:
                    self.reason = text
            elif self._state in (SafetyState.FIRING, SafetyState.ARMED):
                self._move(SafetyState.READY, reason)

    def _check_interlock(self) -> None:
        if isinstance(self.device, InterlockReadback) and not self.device.interlock_closed():
            raise DeviceUnsafeError("the interlock is open", where=self._where, remedy="close it")

    def _check_power(self, power_mw: float) -> None:
        if not isinstance(self.device, LaserPower):
            raise DeviceSettingsError("the power of this laser cannot be set", where=self._where)
        low, high = self.device.laser_power_limits_mw()
        if not low <= power_mw <= high:
            raise DeviceSettingsError(
                f"a power of {power_mw:g} mW is not between {low:g} and {high:g} mW", where=self._where
            )

    def _expired(self) -> bool:
        return self._token is not None and self.clock.monotonic() >= self._token.expires_s

    def _need(self, state: SafetyState) -> None:
        if self.state is not state:
            raise DeviceStateError(f"the laser is {self._state}, not {state}", where=self._where)

    def _move(self, state: SafetyState, reason: str) -> None:
        self._state = state
        self.reason = reason
        if self._on_change is not None:
            self._on_change(self)

    def _unverified(self) -> DeviceUnsafeError:
        return DeviceUnsafeError(
            f"{UNKNOWN}: {self.reason or 'the off was not confirmed'}",
            where=self._where,
            remedy="switch the laser off at its key, then reset",
        )


def guarded_light(
    *,
    max_firing_s: float = 60.0,
    power_mw: float | None = None,
    delay_s: float = 0.0,
    countdown: Callable[[float], None] | None = None,
    on_change: Callable[[LaserGuard], None] | None = None,
) -> Callable[[Spectrometer], AbstractContextManager[LaserGuard | None]]:
    """Return a way to light the sample through a `LaserGuard`, one arming and firing a use.

    Parameters
    ----------
    max_firing_s, power_mw
        See `LaserGuard.arm`.
    delay_s, countdown
        See `LaserGuard.fire`.
    on_change
        See `LaserGuard`.

    Returns
    -------
    callable
        Takes an open device and returns a context manager; a device without a laser is left as it is.
    """

    @contextmanager
    def light(device: Spectrometer) -> Iterator[LaserGuard | None]:
        if not isinstance(device, LaserSource | LaserGateLine):
            yield None
            return
        with LaserGuard(device, on_change=on_change) as guard:
            token = guard.arm(valid_s=delay_s + 60.0, max_firing_s=max_firing_s, power_mw=power_mw)
            with guard.fire(token, delay_s=delay_s, countdown=countdown):
                yield guard

    return light


def _within(name: str, value: float, most: float) -> None:
    if not 0.0 < value <= most:
        raise DeviceSettingsError(f"{name} = {value:g} s is not above 0 and at most {most:g} s")
