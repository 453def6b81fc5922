"""An emulated unit with its device and its guard, and what spoils its transfers, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from spectriage.bench.laser.outcome import Outcome
from spectriage.device.contract.clock import Clock, VirtualClock
from spectriage.device.contract.errors import DeviceError
from spectriage.device.contract.spectrometer import (
    ScanSettings,
)
from spectriage.device.laser.exits import resume
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.states import SafetyState
from spectriage.device.laser.tokens import ArmingToken
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.spectrometer import EmulatedSpectrometer
from spectriage.device.testing.emulation.transfers import Kind, Role, Transfer

SAYS_OFF = (SafetyState.OPEN, SafetyState.READY, SafetyState.ARMED, SafetyState.CLOSED)


class Bench:
    """An emulated unit, its device and its guard, ready to be armed."""

    def __init__(self, name: str, clock: Clock | None = None, exposure_ms: float = 20.0) -> None:
        resume()
        self.model: EmulatedSpectrometer = make_model(name, clock=clock or VirtualClock())
        self.device: Any = open_model(self.model)
        self.device.configure(ScanSettings(exposure_ms, 1))
        self.guard = LaserGuard(self.device)
        self.guard.open()
        self.guard.ready()

    @property
    def lit(self) -> bool:
        """The truth."""
        return self.model.laser.commanded or self.model.laser.emitting

    def judge(self, note: str = "") -> Outcome:
        """Tell whether light is on without a firing, and whether the guard knows."""
        lit = self.lit
        return Outcome(lit, lit and not self.guard.laser_unknown, note=note)

    def hook(self, around: Callable[[bool, Callable[[], None]], None]) -> None:
        """Call `around` with each laser command and what does it."""
        model: Any = self.model
        command = model.laser.command

        def hooked(on: bool) -> None:
            around(on, lambda: command(on))

        model.laser.command = hooked

    def spoil(self, before: Callable[[Transfer], None]) -> None:
        """Call `before` with each transfer of the laser; what it raises, the transfer does."""

        def look(transfer: Transfer) -> None:
            if self.model.role(transfer) is Role.LASER:
                before(transfer)

        self.model.on_transfer = look

    def close(self) -> None:
        """Let go of everything."""
        self.guard.close()
        with suppress(DeviceError):
            self.device.close()
        resume()


@contextmanager
def bench(name: str, clock: Clock | None = None, exposure_ms: float = 20.0) -> Iterator[Bench]:
    """Make a bench and close it."""
    made = Bench(name, clock, exposure_ms)
    try:
        yield made
    finally:
        made.close()


def switches_on(transfer: Transfer) -> bool:
    """Whether a laser transfer commands on."""
    if transfer.kind is Kind.CONTROL_OUT:
        return bool(transfer.value)
    return any(transfer.data[1:])


def fires(b: Bench, token: ArmingToken, **arguments: Any) -> bool:
    """Whether a token fires."""
    try:
        with b.guard.fire(token, **arguments):
            return b.lit
    except DeviceError:
        return False
