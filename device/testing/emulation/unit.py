"""An emulated unit in a process of its own: it outlives its program and tells when light was on.

``python -m spectriage.device.testing.emulation.unit MODEL LOG OPTIONS`` prints one line of JSON (where it
listens, the secret), does what lines of JSON on its standard input say, and ends with it. Each change of its
laser is a line of LOG: monotonic time, commanded, emitting.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

START_S = 60.0


class UnitProcess:
    """Starts a unit in a process of its own; a context manager.

    Parameters
    ----------
    model
        One of `open.MODELS`.
    log
        Where it writes when light was on.
    options
        ``serial``, ``start_delay_s``, ``scene`` of the simulator with its ``seed``, ``brightness``.
    """

    def __init__(self, model: str, log: Path, **options: Any) -> None:
        self.log = log
        self.model = model
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, model, str(log), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.bus: dict[str, Any] = json.loads(self.process.stdout.readline())

    def bus_file(self, path: Path) -> Path:
        """Write where it listens, for the option ``bus`` of the scheme ``emulated``; return the file."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.bus))
        return path

    def tell(self, **order: Any) -> None:
        """Do something to it: ``interlock=False``, ``fault="hang"``, ``unplug=True``, ``brightness=5``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def changes(self) -> list[tuple[float, bool, bool]]:
        """Each change of the laser: time on the monotonic clock, commanded, emitting."""
        rows = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [(float(at), bool(commanded), bool(emitting)) for at, commanded, emitting in rows]

    def light_ms(self, start_s: float, stop_s: float) -> NDArray[np.bool_]:
        """Whether the laser was commanded or emitting in each millisecond between two times, shape (n,)."""
        length = max(0, round((stop_s - start_s) * 1e3))
        on = np.zeros(length, dtype=np.bool_)
        rows = [*self.changes(), (stop_s, False, False)]
        for (begin, commanded, emitting), (end, _, _) in itertools.pairwise(rows):
            if commanded or emitting:
                low, high = (int(np.floor((t - start_s) * 1e3)) for t in (begin, end))
                on[max(low, 0) : max(high + 1, 0)] = True
        return on

    @property
    def lit(self) -> bool:
        """Whether it is commanded on or emitting, by its last word."""
        rows = self.changes()
        return bool(rows) and (rows[-1][1] or rows[-1][2])

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _report(model: Any, out: int) -> None:
    """Write a line whenever the laser changes; looked at every half millisecond and at each command."""
    before: tuple[bool, bool] | None = None
    while True:
        with model.condition:
            now = (model.laser.commanded, model.laser.emitting)
            at = time.monotonic()
        if now != before:
            os.write(out, (json.dumps([at, *now]) + "\n").encode())
            before = now
        time.sleep(0.0005)


def _obey(model: Any) -> None:
    from spectriage.device.testing.emulation.faults import Action, Fault, apply_fault
    from spectriage.device.testing.emulation.transfers import Role

    for line in sys.stdin:
        order = json.loads(line)
        with model.condition:
            if "interlock" in order:
                model.laser.set_interlock(bool(order["interlock"]))
            model.brightness = float(order.get("brightness", model.brightness))
            if "inject" in order:
                action, role, rest = order["inject"]
                model.inject(Fault(Action(action), Role(role), **rest))
        if "fault" in order:
            apply_fault(model, order["fault"])
        if order.get("unplug"):
            model.unplug()
        if order.get("replug"):
            model.replug()
        print("done", flush=True)


def main() -> None:
    """Serve one unit until the standard input ends."""
    from spectriage.device.supervisor.server import BackendServer
    from spectriage.device.testing.emulation.bus import EmulatedBus
    from spectriage.device.testing.emulation.open import make_model

    name, log, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    delay_s, brightness = options.pop("start_delay_s", 0.0), options.pop("brightness", 1.0)
    scene, seed = options.pop("scene", ""), options.pop("seed", 1)
    if scene:
        from spectriage.device.testing.emulation.scenes import scene_source

        options["source"] = scene_source(scene, seed=seed)
    model = make_model(name, **options)
    model.laser.start_delay_s, model.brightness = delay_s, brightness
    key = secrets.token_bytes(32)
    server = BackendServer(EmulatedBus(model), key)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    threading.Thread(target=_report, args=(model, out), daemon=True).start()
    threading.Thread(target=server.serve, daemon=True).start()
    print(json.dumps({"kind": "remote", "address": server.address, "key": key.hex()}), flush=True)
    _obey(model)
    os._exit(0)


if __name__ == "__main__":
    main()
