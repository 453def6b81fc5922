"""The laser of an emulated spectrometer: what it was told, and what light came out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from spectriage.device.contract.clock import Clock


@dataclass
class EmulatedLaser:
    """A laser with interlock, start delay, watchdog and warm-up.

    Parameters
    ----------
    clock
        The device's clock.
    start_delay_s
        Between the command and the light (a warning time).
    watchdog_s
        Time after which the device itself ends an emission that was not commanded off; 0 for none.
    warm_up_droop, warm_up_s
        Power is ``1 - droop·exp(-t / warm_up_s)`` at a time t after the light came on.
    """

    clock: Clock
    start_delay_s: float = 0.0
    watchdog_s: float = 0.0
    warm_up_droop: float = 0.0
    warm_up_s: float = 2.0
    duty: float = 1.0
    interlock_closed: bool = True
    powered: bool = True
    _on_since: float | None = None
    _accounted_s: float = 0.0
    _spans: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def commanded(self) -> bool:
        """Whether the device holds an "on" command, after the watchdog had its say."""
        self._trip()
        return self._on_since is not None

    @property
    def emitting(self) -> bool:
        """Whether light comes out now."""
        if not (self.commanded and self.interlock_closed and self.powered):
            return False
        return self._lit_since() <= self.clock.monotonic()

    def command(self, on: bool) -> None:
        """Switch on or off."""
        if on and not self.commanded:
            self._on_since = self._accounted_s = self.clock.monotonic()
        elif not on:
            self._end(self.clock.monotonic())

    def set_interlock(self, closed: bool) -> None:
        """Open or close the interlock; light stops and starts with it."""
        self._split()
        self.interlock_closed = closed

    def set_powered(self, powered: bool) -> None:
        """Take the supply of the laser away (an empty battery), or give it back."""
        self._split()
        self.powered = powered

    def set_duty(self, duty: float) -> None:
        """Set the fraction of full power."""
        self._split()
        self.duty = duty

    def mean_power(self, start_s: float, stop_s: float) -> float:
        """Return the mean power between two times, as a fraction of full power.

        Power during warm-up is taken at the middle of each span of emission, which is enough for a droop
        that is slow against an exposure.
        """
        self._split()
        length = stop_s - start_s
        if length <= 0.0:
            return 0.0
        energy = 0.0
        for begin, end, duty in self._spans:
            low, high = max(begin, start_s), min(end, stop_s)
            if high > low:
                energy += duty * (high - low)
        return energy / length

    def _lit_since(self) -> float:
        assert self._on_since is not None
        return self._on_since + self.start_delay_s

    def _trip(self) -> None:
        if self._on_since is None or not self.watchdog_s:
            return
        limit = self._on_since + self.watchdog_s
        if self.clock.monotonic() >= limit:
            self._end(limit)

    def _end(self, at_s: float) -> None:
        self._account(at_s)
        self._on_since = None

    def _split(self) -> None:
        """Account for the emission so far, because what it depends on is about to change."""
        self._trip()
        self._account(self.clock.monotonic())

    def _account(self, until_s: float) -> None:
        begin, self._accounted_s = self._accounted_s, until_s
        if self._on_since is None or not (self.interlock_closed and self.powered):
            return
        lit = self._lit_since()
        begin = max(begin, lit)
        if until_s <= begin:
            return
        age = 0.5 * (begin + until_s) - lit
        droop = self.warm_up_droop * math.exp(-age / self.warm_up_s)
        self._spans.append((begin, until_s, self.duty * (1.0 - droop)))
        del self._spans[:-64]
