"""An emulated USB device: endpoints, FIFOs and faults, without what any one model does."""

from __future__ import annotations

import array
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from usb.backend import IBackend

from spectriage.device.contract.clock import SYSTEM_CLOCK, Clock, SystemClock
from spectriage.device.testing.emulation.faults import Action, Fault
from spectriage.device.testing.emulation.transfers import Kind, Role, Transfer, usb_error

LOG_LENGTH = 2000


@dataclass
class _Packet:
    """A reply waiting in a FIFO; its bytes are made when it is ready, from the state of that time."""

    ready_s: float
    make: Callable[[], bytes]
    data: bytearray | None = None

    def take(self, size: int) -> bytes:
        if self.data is None:
            self.data = bytearray(self.make())
        chunk = bytes(self.data[:size])
        del self.data[:size]
        return chunk

    @property
    def empty(self) -> bool:
        return self.data is not None and not self.data


@dataclass
class _Reading:
    """One bulk read under way."""

    transfer: Transfer
    fault: Fault | None
    got: bytearray = field(default_factory=bytearray)


class EmulatedDevice:
    """Base of the emulated models.

    A model names its endpoints, answers `on_bulk_out`, `on_control_in` and `on_control_out`, and says
    through `role` what a transfer is for. A fault is injected with `inject` and acts on the next transfer of
    its role.

    Parameters
    ----------
    serial
        Serial number.
    clock
        The system's when None; on a virtual one, waiting costs nothing.

    Attributes
    ----------
    bus
        The bus that it is plugged into.
    log
        The last transfers, oldest first.
    open_handles
        How many handles the host holds.
    claimed_by
        The handle that claimed the interface, or True for another program; only one can.
    """

    vendor_id = 0
    product_id = 0
    product = "emulated"
    manufacturer = "emulated"
    bulk_out: ClassVar[dict[int, int]] = {}
    bulk_in: ClassVar[dict[int, int]] = {}

    def __init__(self, serial: str, clock: Clock | None = None) -> None:
        self.serial = serial
        self.clock: Clock = clock if clock is not None else SYSTEM_CLOCK
        self.condition = threading.Condition(threading.RLock())
        self.bus: IBackend | None = None
        self.plugged = True
        self.address = 0
        self.open_handles = 0
        self.claimed_by: object = None
        self.stalled: set[int] = set()
        self.fifo: dict[int, deque[_Packet]] = {endpoint: deque() for endpoint in self.bulk_in}
        self.faults: list[Fault] = []
        self.log: deque[Transfer] = deque(maxlen=LOG_LENGTH)
        self.on_transfer: Callable[[Transfer], None] | None = None
        self.released = threading.Event()

    # -- what a model answers

    def role(self, transfer: Transfer) -> Role:
        """Return what `transfer` is for."""
        return Role.SETUP if transfer.kind in (Kind.OPEN, Kind.CONFIGURE, Kind.CLAIM) else Role.OTHER

    def on_bulk_out(self, endpoint: int, data: bytes) -> None:
        """Take bytes from the host."""

    def on_control_in(self, request: int, value: int, index: int, size: int) -> bytes:
        """Answer a vendor request that reads."""
        raise usb_error("stall")

    def on_control_out(self, request: int, value: int, index: int, data: bytes) -> None:
        """Take a vendor request that writes."""
        raise usb_error("stall")

    def on_reset(self) -> None:
        """Take a USB reset."""

    def set_condition(self, name: str) -> bool:
        """Bring about a physical condition such as an open interlock; False when this model has no such."""
        return False

    # -- what a test or a scene does

    def inject(self, fault: Fault) -> Fault:
        """Let `fault` act on the next transfers that it fits."""
        with self.condition:
            self.faults.append(fault)
        return fault

    def unplug(self) -> None:
        """Pull the cable: every transfer, also one under way, ends with "no such device"."""
        with self.condition:
            self.plugged = False
            self.condition.notify_all()

    def replug(self) -> None:
        """Put the cable back; the device gets another bus address, as on a real bus."""
        with self.condition:
            self._clear()
            self.claimed_by = None
            self.address += 1
            self.plugged = True
            self.on_reset()

    def reply(self, endpoint: int, make: bytes | Callable[[], bytes], delay_s: float = 0.0) -> None:
        """Queue an answer that the host can read from `endpoint` after `delay_s`."""
        maker = make if callable(make) else lambda: make
        with self.condition:
            self.fifo[endpoint].append(_Packet(self.clock.monotonic() + delay_s, maker))
            self.condition.notify_all()

    # -- transfers, called by the bus

    def open(self) -> None:
        """Open a handle."""
        self._setup(Transfer(Kind.OPEN))
        self.open_handles += 1

    def close(self, handle: object) -> None:
        """Close a handle; it gives its claim back."""
        self.open_handles -= 1
        self.unclaim(handle)

    def configure(self, handle: object) -> None:
        """Set the configuration: refused while another handle has the interface."""
        self._setup(Transfer(Kind.CONFIGURE), handle)

    def claim(self, handle: object) -> None:
        """Claim the interface for a handle."""
        self._setup(Transfer(Kind.CLAIM), handle)
        self.claimed_by = handle

    def unclaim(self, handle: object) -> None:
        """Give a claim back."""
        if self.claimed_by is handle:
            self.claimed_by = None

    def clear_halt(self, endpoint: int) -> None:
        """Clear a stall."""
        with self.condition:
            self._check_plugged()
            self.stalled.discard(endpoint)

    def reset(self) -> None:
        """Reset: stalls and FIFOs are cleared, registers stay."""
        with self.condition:
            self._check_plugged()
            self._clear()
            self.on_reset()

    def write(self, endpoint: int, data: bytes) -> int:
        """Take a bulk write; return the number of bytes."""
        transfer = Transfer(Kind.BULK_OUT, endpoint, data, len(data))
        with self.condition:
            fault = self._begin(transfer)
            if endpoint in self.stalled:
                raise usb_error("stall")
            if fault is None or fault.action is not Action.DROP:
                self.on_bulk_out(endpoint, data)
            self._end(fault)
            return len(data)

    def control(
        self, request_type: int, request: int, value: int, index: int, buffer: array.array[int]
    ) -> int:
        """Do a control transfer with `buffer`; return the number of bytes moved."""
        reads = bool(request_type & 0x80)
        kind = Kind.CONTROL_IN if reads else Kind.CONTROL_OUT
        data = b"" if reads else buffer.tobytes()
        transfer = Transfer(kind, 0, data, len(buffer), request, value, index)
        with self.condition:
            if request_type == 0x80 and request == 6:  # GET_DESCRIPTOR of a string, USB 2.0 §9.4.3
                self._check_plugged()
                return _fill(buffer, self._string(value & 0xFF))
            fault = self._begin(transfer)
            if not reads:
                if fault is None or fault.action is not Action.DROP:
                    self.on_control_out(request, value, index, data)
                self._end(fault)
                return len(data)
            answer = self.on_control_in(request, value, index, len(buffer))
            answer = answer[: len(buffer)]
            if fault is not None:
                answer = fault.spoil(answer)
            self._end(fault)
            return _fill(buffer, answer)

    def read(self, endpoint: int, buffer: array.array[int], timeout_ms: int) -> int:
        """Do a bulk read into `buffer`; return the number of bytes, which may be short."""
        want = len(buffer) * buffer.itemsize
        transfer = Transfer(Kind.BULK_IN, endpoint, b"", want)
        with self.condition:
            fault = self._begin(transfer)
            reading = _Reading(transfer, fault)
            deadline = self.clock.monotonic() + timeout_ms / 1000.0 if timeout_ms else float("inf")
            while not self._take(reading, want):
                self._wait_for_data(endpoint, deadline)
                if self.clock.monotonic() >= deadline and not self._ready(endpoint):
                    if not reading.got:
                        if fault is not None:
                            fault.refund()
                        raise usb_error("timeout")
                    break
            data = bytes(reading.got)
            if fault is not None and fault.action is Action.SHORT and len(data) <= fault.at:
                fault.refund()
            if fault is not None:
                data = fault.spoil(data)
            self._end(fault)
            return _fill(buffer, data)

    # -- the parts of a transfer

    def _take(self, reading: _Reading, want: int) -> bool:
        """Move ready packets into the reading; True when it is full or a short packet ended it."""
        endpoint = reading.transfer.endpoint
        while len(reading.got) < want and self._ready(endpoint):
            packet = self.fifo[endpoint][0]
            size = min(self.bulk_in[endpoint], want - len(reading.got))
            chunk = packet.take(size)
            if packet.empty:
                self.fifo[endpoint].popleft()
            lost = reading.fault is not None and reading.fault.loses(len(reading.got))
            if not lost:
                reading.got += chunk
            elif reading.fault is not None:
                reading.fault.lost = True
            if reading.fault is not None and reading.fault.unplugs_at(len(reading.got)):
                self.unplug()
            self._check_plugged()
            if len(chunk) < self.bulk_in[endpoint]:  # a short packet ends a bulk transfer, USB 2.0 §5.8.3
                return True
        return len(reading.got) >= want

    def _ready(self, endpoint: int) -> bool:
        queue = self.fifo[endpoint]
        return bool(queue) and queue[0].ready_s <= self.clock.monotonic()

    def _wait_for_data(self, endpoint: int, deadline_s: float) -> None:
        queue = self.fifo[endpoint]
        until = queue[0].ready_s if queue else self.clock.monotonic() + 3600.0
        until = min(until, deadline_s)
        self._pause(max(0.0, until - self.clock.monotonic()))
        self._check_plugged()

    def _pause(self, seconds: float) -> None:
        if isinstance(self.clock, SystemClock):
            self.condition.wait(seconds)
        else:
            # A wait of zero must still move time, or a loop that waits for "a little later" never ends.
            self.clock.wait(max(seconds, 1e-6))

    def _begin(self, transfer: Transfer) -> Fault | None:
        """Log the transfer and find its fault; raise when the fault ends it at once."""
        self.log.append(transfer)
        self._check_plugged()
        role = self.role(transfer)
        fault = next((f for f in self.faults if f.fits(role, transfer.size)), None)
        if fault is not None and not fault.starts():
            fault = None
        if fault is not None:
            self._start(fault, transfer)
        if self.on_transfer is not None:
            self.on_transfer(transfer)
        if transfer.kind is Kind.BULK_IN and transfer.endpoint in self.stalled:
            raise usb_error("stall")
        return fault

    def _start(self, fault: Fault, transfer: Transfer) -> None:
        if fault.action is Action.UNPLUG_BEFORE:
            self.unplug()
            raise usb_error("gone")
        if fault.action is Action.STALL:
            if transfer.endpoint:
                self.stalled.add(transfer.endpoint)
            raise usb_error("stall")
        if fault.action is Action.ERROR:
            raise usb_error(fault.error)
        if fault.action is Action.HANG:
            # A driver that never comes back: no timeout of the transfer ends it, only the test does.
            self.condition.release()
            try:
                self.released.wait(fault.hang_s)
            finally:
                self.condition.acquire()
            raise usb_error("io")

    def _end(self, fault: Fault | None) -> None:
        if fault is not None and fault.action is Action.UNPLUG_AFTER:
            self.unplug()

    def _setup(self, transfer: Transfer, handle: object = None) -> None:
        with self.condition:
            self._begin(transfer)
            if handle is not None and self.claimed_by is not None and self.claimed_by is not handle:
                raise usb_error("busy")

    def _check_plugged(self) -> None:
        if not self.plugged:
            raise usb_error("gone")

    def _clear(self) -> None:
        self.stalled.clear()
        for queue in self.fifo.values():
            queue.clear()

    def _string(self, index: int) -> bytes:
        if index == 0:
            return bytes((4, 3, 0x09, 0x04))  # US English
        text = {1: self.manufacturer, 2: self.product, 3: self.serial}.get(index, "").encode("utf-16-le")
        return bytes((len(text) + 2, 3)) + text


def _fill(buffer: Any, data: bytes) -> int:
    buffer[: len(data)] = array.array("B", data)
    return len(data)
