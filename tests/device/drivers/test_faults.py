"""Every fault of the emulated bus on every make, in every phase: what comes of it.

The outcomes are compared with ``test_faults_outcomes.md`` beside this file; ``SPECTRIAGE_WRITE_OUTCOMES=1``
writes the units that were run anew; the simulator's part is `test_faults_simulator.py`'s. Whatever happens, a
scan that is returned must be right, the laser must be off or its state told as unknown, and the device must
work again when the fault is gone, if need be after it has been opened again.
"""

import logging
import os
import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceError, DeviceUnsafeError
from spectriage.device.contract.spectrometer import LaserGateLine, LaserSource, ScanSettings
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.states import SafetyState
from spectriage.device.testing.emulation.faults import FAULTS, Action, Fault, apply_fault
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.device.testing.emulation.photons import LineSource
from spectriage.device.testing.emulation.transfers import Role

TABLE = Path(__file__).parents[1] / "test_faults_outcomes.md"
MODELS = {
    "ocean-usb2000plus": "Ocean USB2000+",
    "ocean-qepro": "Ocean QE Pro",
    "wasatch-wp785": "Wasatch WP-785",
    "wasatch-wp785xs": "Wasatch WP-785 XS",
}
PHASES = ("idle", "during a read", "during dark", "while firing")
EXPOSURE_MS = 40.0
# Real seconds that a call may take while a hang is sure to come; all others have the device's own patience,
# so that what comes of a fault does not depend on how busy the computer is.
HANG_S = 0.25
# Faults that act while a device is opened; on one that is open they have nothing to act on.
AT_OPENING = ("busy", "no-permission", "blank-eeprom", "corrupt-eeprom")


@dataclass
class Bench:
    """A model, its device, and what its scans must look like."""

    name: str
    model: object = None
    device: object = None
    good: dict = field(default_factory=dict)

    @classmethod
    def make(cls, name):
        bench = cls(name)
        clock = VirtualClock()
        bench.model = make_model(name, source=LineSource(noise_counts=0.0), clock=clock)
        bench.open()
        bench.good["dark"] = bench.scan().counts
        if bench.has_laser:
            with bench.fire():
                bench.good["light"] = bench.scan().counts
            assert bench.good["light"].max() > bench.good["dark"].max() + 500.0
        return bench

    @property
    def has_laser(self):
        return isinstance(self.device, LaserSource | LaserGateLine)

    def open(self):
        self.device = open_model(self.model)
        self.device.configure(ScanSettings(EXPOSURE_MS, 1))
        self.guard = None
        if self.has_laser:
            self.guard = LaserGuard(self.device)
            self.guard.open()
            self.guard.ready()

    def fire(self):
        return self.guard.fire(self.guard.arm())

    def scan(self):
        return self.device.acquire(Deadline.after(60.0, self.device.clock))

    def judge(self, scan, kind):
        """Say what is right about a scan; fail when it is wrong and does not say so."""
        expected = self.good[kind]
        believed = ~scan.saturated
        believed[list(scan.metadata.get("suspect_pixels", ()))] = False
        difference = np.abs(scan.counts - expected)[believed]
        if difference.max(initial=0.0) <= 1.0 and not scan.saturated.any():
            return "recovered scan"
        if scan.saturated.any():
            return "scan, saturated pixels marked"
        if scan.metadata.get("detector_drifted"):
            return "scan, detector drift marked"
        # A laser that is not at full power yet: the same light, less of it.
        signal, full = scan.counts - self.good["dark"], expected - self.good["dark"]
        scale = float(signal @ full / (full @ full)) if kind == "light" else 0.0
        if scan.metadata.get("laser_warming") and 0.3 < scale < 1.0:
            assert np.abs(signal - scale * full).max() <= 2.0
            return "scan, laser warming marked"
        raise AssertionError(f"a wrong {kind} spectrum, off by up to {difference.max():g} counts, unmarked")

    def well(self):
        """Undo every fault."""
        model = self.model
        model.released.set()
        model.faults.clear()
        model.on_transfer = None
        model.brightness = 1.0
        model.laser.warm_up_droop = 0.0
        model.laser.set_interlock(True)
        fresh = make_model(self.name, clock=model.clock)
        for key in ("slots", "pages", "coefficients", "battery_percent", "laser_celsius", "detector_celsius"):
            if hasattr(fresh, key):
                setattr(model, key, getattr(fresh, key))
        model._extra_frame = False
        if not model.plugged:
            model.replug()
        model.released = threading.Event()

    def close(self):
        if self.guard is not None:
            self.guard.close()
        self.device.close()

    def check_laser(self):
        if self.model.laser.commanded:
            assert self.guard is not None
            assert self.guard.laser_unknown, "a laser was left on and nobody says so"
        if self.guard is not None:
            assert self.guard.state is not SafetyState.FIRING


def at(role, bench, name, happened):
    """Let a fault strike when a transfer of `role` begins."""

    def strike(transfer):
        if bench.model.role(transfer) is role and not happened:
            happened.append(apply_fault(bench.model, name))

    bench.model.on_transfer = strike


def typed(work):
    """Outcome of `work`: what it says, or the class of the project's error that it raised."""
    try:
        return work()
    except DeviceError as error:
        return type(error).__name__


def during(bench, name, kind):
    """Let the fault strike while a frame is on its way."""
    happened = []
    if name in ("interlock-open", "watchdog-trip", "low-battery", "over-temperature", "unplugged"):
        at(Role.SPECTRUM, bench, name, happened)
    elif not apply_fault(bench.model, name):
        return "-"
    if name == "hang":
        bench.device.virtual_hang_s = HANG_S
    outcome = bench.judge(bench.scan(), kind)
    return "-" if happened == [False] else outcome


def run_idle(bench, name):
    if name in AT_OPENING:
        bench.close()
        if not apply_fault(bench.model, name):
            return "-"
        return typed(lambda: bench.open() or "opened")
    if not apply_fault(bench.model, name):
        return "-"

    def look():
        status = bench.device.status()
        if not status.connected:
            return "status: not connected"
        return "status: warning" if set(status.warnings) - set(bench.quiet) else "status: well"

    return typed(look)


def run_firing(bench, name):
    """The fault strikes while the laser is on: the transport's hit the laser-off, the unit's own a scan."""
    if not bench.has_laser:
        return "-"

    def work():
        with bench.fire():
            bench.scan()
            before = len(bench.model.faults)
            if not apply_fault(bench.model, name):
                return "-"
            injected = bench.model.faults[before:]
            for fault in injected:
                if name not in AT_OPENING:
                    fault.role, fault.at, fault.hang_s = Role.LASER, 0, 0.2
            if not injected and name not in AT_OPENING:
                return bench.judge(bench.scan(), "light")
        return "laser off, verified"

    return typed(work)


def run_read(bench, name):
    if not bench.has_laser:
        return run_dark(bench, name)

    def work():
        with bench.fire():
            bench.scan()
            return during(bench, name, "light")

    if name == "warm-up-droop":
        apply_fault(bench.model, name)
    return typed(work)


def run_dark(bench, name):
    return typed(lambda: during(bench, name, "dark"))


RUNS = {
    "idle": run_idle,
    "during a read": run_read,
    "during dark": run_dark,
    "while firing": run_firing,
}


def outcome_of(bench, name, phase):
    bench.quiet = bench.device.status().warnings
    outcome = RUNS[phase](bench, name)
    bench.model.released.set()
    bench.check_laser()
    return outcome


def restore(bench):
    """When the fault is gone the device works: as it is, or opened again by its serial number."""
    bench.well()
    try:
        if bench.guard is not None and bench.guard.state is not SafetyState.READY:
            raise DeviceUnsafeError("open it again")
        for _ in range(2):
            if bench.judge(bench.scan(), "dark") == "recovered scan":
                return
    except DeviceError:
        pass
    try:
        bench.close()
    except DeviceUnsafeError:
        assert bench.guard is not None
    bench.well()
    bench.open()
    assert not bench.model.laser.commanded
    assert bench.judge(bench.scan(), "dark") == "recovered scan"


@pytest.fixture(scope="module", autouse=True)
def quiet_driver():
    """Keep the driver's log of every fault, with its frames and their arrays, out of the test report."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# Both makes by default; the other unit of each with the long tests.
PAIRS = (
    pytest.param(("ocean-usb2000plus", "wasatch-wp785")),
    pytest.param(("ocean-qepro", "wasatch-wp785xs"), marks=pytest.mark.full),
)


@pytest.fixture(scope="module", params=PAIRS, ids="+".join)
def outcomes(request):
    table = {}
    for model in request.param:
        bench = Bench.make(model)
        for fault in FAULTS:
            for phase in PHASES:
                table[fault, model, phase] = outcome_of(bench, fault, phase)
                restore(bench)
        bench.close()
        assert bench.model.open_handles == 0
    return table


def as_markdown(table):
    """Return each unit's part of the table by its title."""
    parts = {}
    for model in dict.fromkeys(model for _, model, _ in table):
        lines = ["", "", "| fault | " + " | ".join(PHASES) + " |", "|---" * 5 + "|"]
        for fault in FAULTS:
            cells = " | ".join(table[fault, model, phase] for phase in PHASES)
            lines.append(f"| {fault} | {cells} |")
        parts[MODELS[model]] = "\n".join(lines) + "\n"
    return parts


def read_table():
    """Return the parts on record by their titles, the head as that without one."""
    head, *parts = TABLE.read_text(encoding="utf-8").split("\n## ")
    titled = (part.partition("\n") for part in parts)
    return {"": head} | {title: newline + rest for title, newline, rest in titled}


def test_each_outcome_is_a_typed_error_or_a_right_scan(outcomes):
    errors = {c.__name__ for c in _subclasses(DeviceError)}
    allowed = {
        "-",
        "opened",
        "laser off, verified",
        "recovered scan",
        "scan, saturated pixels marked",
        "scan, laser warming marked",
        "scan, detector drift marked",
        "status: well",
        "status: warning",
        "status: not connected",
    }
    assert set(outcomes.values()) <= errors | allowed
    assert len(set(outcomes.values()) & errors) >= 6


def test_the_table_of_outcomes_is_the_one_on_record(outcomes):
    parts = as_markdown(outcomes)
    recorded = read_table()
    if os.environ.get("SPECTRIAGE_WRITE_OUTCOMES"):
        recorded |= parts
        head = recorded.pop("")
        text = head + "".join(f"\n## {title}{part}" for title, part in recorded.items())
        TABLE.write_text(text, encoding="utf-8")
    assert parts == {title: recorded.get(title) for title in parts}


@pytest.mark.parametrize(
    ("fault", "phase", "expected"),
    [
        ("interlock-open", "during a read", "DeviceUnsafeError"),
        ("interlock-open", "while firing", "DeviceUnsafeError"),
        ("dropped-laser-command", "while firing", "laser off, verified"),
        ("timeout-persistent", "while firing", "DeviceUnsafeError"),
        ("unplug-before", "while firing", "DeviceUnsafeError"),
        ("unplug-mid", "during a read", "DeviceLostError"),
        ("hang", "during dark", "DeviceTimeoutError"),
        ("no-permission", "idle", "DevicePermissionError"),
        ("busy", "idle", "DeviceBusyError"),
        ("corrupt-eeprom", "idle", "DeviceProtocolError"),
        ("corrupt-packet", "during a read", "recovered scan"),
        ("short-read", "during dark", "DeviceProtocolError"),
        ("saturation", "during a read", "scan, saturated pixels marked"),
        ("warm-up-droop", "during a read", "scan, laser warming marked"),
        ("over-temperature", "idle", "status: warning"),
    ],
)
def test_outcomes_that_must_be_so_on_the_wp785(outcomes, fault, phase, expected):
    if (fault, "wasatch-wp785", phase) not in outcomes:
        pytest.skip("another unit")
    assert outcomes[fault, "wasatch-wp785", phase] == expected


def _subclasses(kind):
    return {kind}.union(*(_subclasses(sub) for sub in kind.__subclasses__()))


# -- soak


def soak(name, virtual_s, seed):
    """Scan with random faults for some virtual time; return threads and handles left, and the counts."""
    rng = random.Random(seed)
    bench = Bench.make(name)
    clock = bench.model.clock
    scans = errors = 0
    names = [n for n in FAULTS if n not in (*AT_OPENING, "hang")]
    while clock.monotonic() < virtual_s:
        fault = rng.choice(names)
        phase = rng.choice(PHASES)
        outcome = outcome_of(bench, fault, phase)
        scans += "scan" in outcome
        errors += outcome.endswith("Error")
        restore(bench)
        clock.wait(rng.uniform(0.0, 5.0))
        bench.model.frames = 0
    bench.close()
    return bench, scans, errors


def threads():
    return sum(t.name.startswith(("owner of", "laser off of", "opening")) for t in threading.enumerate())


def test_a_short_soak_leaks_no_thread_and_no_handle():
    before = threads()
    bench, scans, errors = soak("wasatch-wp785", 120.0, seed=4)
    assert scans > 0
    assert errors > 0
    assert threads() == before
    assert bench.model.open_handles == 0


@pytest.mark.full
@pytest.mark.parametrize("name", MODELS)
def test_an_hour_with_random_faults_leaks_nothing(name):
    import gc
    import tracemalloc

    soak(name, 300.0, seed=1)
    gc.collect()
    before = threads()
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    bench, scans, errors = soak(name, 3600.0, seed=2)
    assert scans > 50
    assert errors > 50
    assert threads() == before
    assert bench.model.open_handles == 0
    del bench
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - base
    tracemalloc.stop()
    assert grown < 1_000_000


def test_a_fault_that_repeats_never_hangs_the_caller():
    bench = Bench.make("wasatch-wp785")
    bench.model.inject(Fault(Action.ERROR, Role.SPECTRUM, error="timeout", count=1_000_000))
    for _ in range(5):
        assert typed(bench.scan) == "DeviceTimeoutError"
    restore(bench)
    bench.close()
