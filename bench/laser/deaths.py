"""Attacks on the program that fires: signals, kills, stops, crashes, and on its supervisor.

The unit is a process of its own that outlives the program and logs when light was on; the program fires under
the supervisor. Light must be out `BOUND_S` after the attack, and stay out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from spectriage.bench.laser.outcome import NotPossibleError, Outcome
from spectriage.device.supervisor.watch import BOUND_S
from spectriage.device.testing.emulation.unit import UnitProcess

SEEN_S = 0.7
"""How long after the bound the unit is looked at."""
SUPERVISED = True
"""Without one these attacks succeed: the tests of this room see to it."""
MEMORY_LIMIT_BYTES = 600 << 20
CGROUP = Path("/sys/fs/cgroup/memory")
LASERS = ("wasatch-wp785", "wasatch-wp785xs", "ocean-usb2000plus", "ocean-qe65000")
"""Emulated models with a laser or a gate line; the driver reaches none on a QE Pro."""


class Victim:
    """A unit and a program that fires on it."""

    def __init__(self, model: str, way: str, stack: ExitStack, prefix: tuple[str, ...] = ()) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.unit = stack.enter_context(UnitProcess(model, folder / "light"))
        order = json.dumps({"model": model, "buses": [self.unit.bus], "way": way, "supervised": SUPERVISED})
        self._errors = folder / "errors"
        with self._errors.open("w") as errors:
            # A group of its own in this session: a group without one would not be stopped by SIGTSTP.
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "spectriage.bench.laser.program", order],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                process_group=0 if os.name == "posix" else None,
            )
        stack.callback(self._end)
        if self._line() != "firing":
            raise RuntimeError(f"the program did not fire on {model}: {self._errors.read_text()[-500:]}")
        self.supervisor = int(json.loads(self._line())["supervisor"])

    def attacked_at(self) -> float:
        """When an attack that the program does itself began."""
        return float(json.loads(self._line())["at"])

    def last_words(self) -> dict[str, Any]:
        """Return what the program said of its guard."""
        return dict(json.loads(self._line() or "{}"))

    def judge(self, at_s: float, note: str = "") -> Outcome:
        """Wait until well after the bound and see whether light was on."""
        time.sleep(max(0.0, at_s + BOUND_S + SEEN_S - time.monotonic()))
        until = time.monotonic()
        late = self.unit.light_ms(at_s + BOUND_S, until)
        after = self.unit.light_ms(at_s, until)
        lit = after.nonzero()[0]
        off_ms = float(lit[-1] + 1) if lit.size else 0.0
        on = bool(late.any()) or self.unit.lit
        return Outcome(on, off_ms=off_ms, note=note)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return str(self.process.stdout.readline()).strip()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _signal(name: str, way: str = "scan") -> Callable[[str], Outcome]:
    """Send a signal to a program that fires."""

    def attack(model: str) -> Outcome:
        if not hasattr(signal, name):
            raise NotPossibleError(f"no {name} on this system")
        with ExitStack() as stack:
            victim = Victim(model, way, stack)
            time.sleep(0.1)
            at = time.monotonic()
            victim.process.send_signal(getattr(signal, name))
            return victim.judge(at)

    return attack


def _stop(name: str) -> Callable[[str], Outcome]:
    """Stop a program that fires, and let it go on later: light must stay out."""

    def attack(model: str) -> Outcome:
        if not hasattr(signal, name):
            raise NotPossibleError(f"no {name} on this system")
        with ExitStack() as stack:
            victim = Victim(model, "hold", stack)
            time.sleep(0.1)
            at = time.monotonic()
            victim.process.send_signal(getattr(signal, name))
            stopped = victim.judge(at)
            victim.process.send_signal(signal.SIGCONT)
            time.sleep(0.5)
            again = victim.unit.lit
            return Outcome(stopped.on or again, off_ms=stopped.off_ms, note="came on again" if again else "")

    return attack


def _own(way: str) -> Callable[[str], Outcome]:
    """Let the program do it to itself."""

    def attack(model: str) -> Outcome:
        if way.startswith("forked") and not hasattr(os, "fork"):
            raise NotPossibleError("no fork on this system")
        with ExitStack() as stack:
            victim = Victim(model, way, stack)
            return victim.judge(victim.attacked_at())

    return attack


def _forked_child_exits(model: str) -> Outcome:
    """End a forked child: that must not disturb its parent's firing, nor leave it on."""
    if not hasattr(os, "fork"):
        raise NotPossibleError("no fork on this system")
    with ExitStack() as stack:
        victim = Victim(model, "forked child exits", stack)
        victim.attacked_at()
        scanned = victim.last_words().get("scanned", False)
        return Outcome(victim.judge(time.monotonic()).on, note="" if scanned else "the parent could not scan")


def _supervisor(name: str) -> Callable[[str], Outcome]:
    """Kill or stop the supervisor: the program must see it, switch off and say so."""

    def attack(model: str) -> Outcome:
        if not hasattr(signal, name):
            raise NotPossibleError(f"no {name} on this system")
        with ExitStack() as stack:
            victim = Victim(model, "scan", stack)
            time.sleep(0.1)
            at = time.monotonic()
            os.kill(victim.supervisor, getattr(signal, name))
            outcome = victim.judge(at)
            said = victim.last_words()
            unlatched = said.get("state") not in ("fault", "lost")
            return Outcome(outcome.on, unlatched, outcome.off_ms, str(said.get("error", "")))

    return attack


def _memory(model: str) -> Outcome:
    """Let the kernel's out-of-memory killer end the program, in a memory group of its own."""
    group = CGROUP / f"spectriage-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(MEMORY_LIMIT_BYTES))
    except OSError as error:
        raise NotPossibleError(f"no memory group can be made here: {error}") from error
    enter = ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
    try:
        with ExitStack() as stack:
            victim = Victim(model, "memory", stack, enter)
            victim.attacked_at()
            victim.process.wait(60.0)
            at = time.monotonic()
            killed = victim.process.returncode == -signal.SIGKILL
            outcome = victim.judge(at)
            return Outcome(outcome.on, off_ms=outcome.off_ms, note="" if killed else "was not killed")
    finally:
        for _ in range(50):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)


DEATHS: dict[str, Callable[[str], Outcome]] = {
    **{
        f"{name} while scanning": _signal(name)
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM", "SIGXCPU", "SIGKILL")
    },
    "SIGHUP while asleep in C": _signal("SIGHUP", "sleep in C"),
    "SIGTERM, another thread fires again": _signal("SIGTERM", "worker"),
    "SIGINT, another thread fires again": _signal("SIGINT", "worker"),
    "SIGTSTP, then SIGCONT": _stop("SIGTSTP"),
    "SIGSTOP, then SIGCONT": _stop("SIGSTOP"),
    "GIL held in C": _own("GIL held in C"),
    "GIL held by a loop": _own("GIL held by a loop"),
    "out-of-memory kill": _memory,
    "sys.exit": _own("sys.exit"),
    "sys.exit, another thread fires again": _own("worker exit"),
    "os._exit": _own("os._exit"),
    "abort in C": _own("abort"),
    "segmentation fault": _own("segmentation fault"),
    "uncaught exception": _own("exception"),
    "killed, a forked child lives on": _own("forked child lives on"),
    "a forked child exits": _forked_child_exits,
    "supervisor killed": _supervisor("SIGKILL"),
    "supervisor stopped": _supervisor("SIGSTOP"),
    "supervisor ended": _supervisor("SIGTERM"),
}
"""Each attack by name; called with the emulated model."""
