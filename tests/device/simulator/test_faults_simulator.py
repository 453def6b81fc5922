"""Every fault of the simulator, in every phase: what comes of it.

The outcomes are the last part of ``test_faults_outcomes.md``; ``SPECTRIAGE_WRITE_OUTCOMES=1`` writes it anew.
The faults strike frames and the unit itself: there is no bus below the simulator to strike.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from spectriage.device.acquire.acquisition import Acquirer
from spectriage.device.contract.clock import Deadline
from spectriage.device.contract.errors import DeviceError, DeviceUnsafeError
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.laser.guard import LaserGuard
from spectriage.device.laser.states import SafetyState
from spectriage.device.simulator.faults import ON_OPENING, PASSING, Fault
from spectriage.device.simulator.simulator import open_simulator

TABLE = Path(__file__).parents[1] / "test_faults_outcomes.md"
TITLE = "\n## Simulator"
PHASES = ("idle", "during a read", "during dark", "while firing")
# Without fluorescence: what bleaches is not the same light twice.
URI = "sim:acetaminophen?seed=3&fluorescence=0"
SETTINGS = ScanSettings(200.0, 3)
LIMIT_S = 60.0
# A pixel or two with its neighbour may be hit by a cosmic ray.
RAYS = 6


class Bench:
    """A simulated device with its guard."""

    def __init__(self, fault=""):
        self.device = open_simulator(parse_uri(URI + (f"&fault={fault}" if fault else "")))
        self.device.configure(SETTINGS)
        self.guard = LaserGuard(self.device)
        self.guard.open()
        self.guard.ready()
        self.acquirer = Acquirer(self.device)

    def fire(self):
        return self.guard.fire(self.guard.arm())

    def scan(self, kind):
        """Take one scan and see that it came in time."""
        deadline = Deadline.after(LIMIT_S, self.device.clock)
        try:
            return self.acquirer.lit(deadline) if kind == "light" else self.device.acquire(deadline)
        finally:
            assert deadline.remaining_s > -0.5, "beyond the deadline"

    def end(self):
        """See that the laser is off, or said to be unknown, and close everything."""
        assert self.guard.state is not SafetyState.FIRING
        assert not self.device._laser or self.guard.laser_unknown, "a laser was left on and nobody says so"
        self.guard.close()
        try:
            self.device.close()
        except DeviceUnsafeError:
            assert self.guard.laser_unknown


class Expected:
    """What right scans look like: the means of many of a healthy device, and the noise of one."""

    def __init__(self):
        bench = Bench()
        many = ScanSettings(SETTINGS.integration_ms, 100)
        bench.device.configure(many)
        self.dark = bench.scan("dark").counts
        with bench.fire():
            self.light = bench.scan("light").counts
        assert self.light.max() > self.dark.max() + 500.0
        bench.end()
        self.detector = bench.device.info.detector

    def chi_square(self, counts, kind, scale):
        """Mean square deviation in units of the noise, without the few pixels that deviate most."""
        signal = scale * (self.light - self.dark) if kind == "light" else 0.0
        electrons = np.maximum(self.dark + signal - self.detector.bias_counts, 0.0) * self.detector.gain_e
        one = (electrons + self.detector.read_noise_e**2) / self.detector.gain_e**2 + 1.0 / 12.0
        variance = one * (1.0 / SETTINGS.accumulations + 2.0 / 100.0)
        square = (counts - self.dark - signal) ** 2 / variance
        return float(np.sort(square)[:-RAYS].mean())

    def judge(self, scan, kind):
        """Say what is right about a scan; fail when it is wrong and does not say so."""
        if scan.saturated.any():
            return "scan, saturated pixels marked"
        if scan.metadata.get("detector_drifted"):
            return "scan, detector drift marked"
        full = self.light - self.dark
        scale = float((scan.counts - self.dark) @ full / (full @ full)) if kind == "light" else 1.0
        deviation = self.chi_square(scan.counts, kind, scale)
        assert deviation < 1.3, f"a wrong {kind} spectrum, unmarked: chi-square {deviation:.3g}"
        if scan.metadata.get("laser_warming"):
            assert 0.4 < scale < 1.05
            return "scan, laser warming marked"
        assert 0.96 < scale < 1.04, f"a {kind} spectrum of {scale:.3g} times the light, unmarked"
        return "recovered scan"


def typed(work):
    """Outcome of `work`: what it says, or the class of the project's error that it raised."""
    try:
        return work()
    except DeviceError as error:
        return type(error).__name__


def run_idle(expected, fault):
    if fault in ON_OPENING:

        def opened():
            Bench(fault).end()
            return "opened"

        return typed(opened)

    def look(bench):
        bench.device.inject(fault)
        status = bench.device.status()
        if not status.connected:
            return "status: not connected"
        return "status: warning" if status.warnings else "status: well"

    return with_bench(expected, fault, look)


def run_read(expected, fault):
    """The fault strikes the first frame of a scan of the lit sample."""

    def work(bench):
        with bench.fire():
            bench.scan("light")
            bench.device.inject(fault)
            return expected.judge(bench.scan("light"), "light")

    return with_bench(expected, fault, work)


def run_dark(expected, fault):
    def work(bench):
        bench.scan("dark")
        bench.device.inject(fault)
        return expected.judge(bench.scan("dark"), "dark")

    return with_bench(expected, fault, work)


def run_firing(expected, fault):
    """The fault is there when the laser comes on; one of the transport strikes in the middle of a scan."""

    def work(bench):
        bench.scan("dark")
        bench.device.inject(fault, 3)
        with bench.fire():
            return expected.judge(bench.scan("light"), "light")

    return with_bench(expected, fault, work)


def with_bench(expected, fault, work):
    """Run one phase; a device with a fault that passes must work again as it is."""
    bench = Bench()
    outcome = typed(lambda: work(bench))
    if fault in PASSING and bench.guard.state is SafetyState.READY:
        if outcome.startswith("status"):
            typed(lambda: bench.scan("dark"))  # meets the fault
        assert expected.judge(bench.scan("dark"), "dark") == "recovered scan"
    bench.end()
    return outcome


RUNS = {
    "idle": run_idle,
    "during a read": run_read,
    "during dark": run_dark,
    "while firing": run_firing,
}


@pytest.fixture(scope="module")
def expected():
    return Expected()


@pytest.fixture(scope="module")
def outcomes(expected):
    return {(fault, phase): RUNS[phase](expected, fault) for fault in Fault for phase in PHASES}


def as_markdown(table):
    lines = [
        TITLE,
        "",
        "By the simulator's own names: they strike frames and the unit, there is no bus below it.",
        "",
        "| fault | " + " | ".join(PHASES) + " |",
        "|---" * 5 + "|",
    ]
    lines += [f"| {fault} | " + " | ".join(table[fault, phase] for phase in PHASES) + " |" for fault in Fault]
    return "\n".join(lines) + "\n"


def test_the_simulators_part_of_the_table_is_the_one_on_record(outcomes):
    text = as_markdown(outcomes)
    if os.environ.get("SPECTRIAGE_WRITE_OUTCOMES"):
        before = TABLE.read_text(encoding="utf-8").partition(TITLE)[0]
        TABLE.write_text(before + text, encoding="utf-8")
    assert text == "".join(TABLE.read_text(encoding="utf-8").partition(TITLE)[1:])


def test_each_outcome_is_a_typed_error_or_a_right_scan(outcomes):
    kinds = [DeviceError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    errors = {kind.__name__ for kind in kinds}
    allowed = {
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


@pytest.mark.parametrize(
    ("fault", "phase", "outcome"),
    [
        ("interlock-open", "during a read", "DeviceUnsafeError"),
        ("interlock-open", "while firing", "DeviceUnsafeError"),
        ("watchdog-trip", "while firing", "DeviceUnsafeError"),
        ("laser-stuck", "while firing", "DeviceUnsafeError"),
        ("unplug-mid", "during a read", "DeviceLostError"),
        ("timeout", "during dark", "DeviceTimeoutError"),
        ("short-read", "during dark", "DeviceProtocolError"),
        ("saturation", "during a read", "scan, saturated pixels marked"),
        ("over-temperature", "during dark", "scan, detector drift marked"),
        ("warm-up-droop", "while firing", "scan, laser warming marked"),
        ("busy", "idle", "DeviceBusyError"),
        ("blank-memory", "idle", "DeviceProtocolError"),
    ],
)
def test_outcomes_that_must_be_so(outcomes, fault, phase, outcome):
    assert outcomes[Fault(fault), phase] == outcome


@pytest.mark.parametrize("wrong", ["half", "shifted", "dark for light"])
def test_the_judge_refuses_a_wrong_spectrum(expected, wrong):
    bench = Bench()
    with bench.fire():
        scan = bench.scan("light")
    bench.end()
    spoilt = {
        "half": expected.dark + 0.5 * (scan.counts - expected.dark),
        "shifted": np.roll(scan.counts, 1),
        "dark for light": expected.dark,
    }[wrong]
    assert expected.judge(scan, "light") == "recovered scan"
    scan.counts.flags.writeable = True
    scan.counts[:] = spoilt
    with pytest.raises(AssertionError, match="unmarked"):
        expected.judge(scan, "light")
