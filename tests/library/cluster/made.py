"""A small library, scans and a real cluster for the tests of this room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from spectriage.library.store.file import write_library
from spectriage.spectra.reference import Reference, ReferenceSet

SHIFT = 200.0 + 2.0 * np.arange(256)


def bands(seed):
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(250, 680, 8), rng.uniform(0.2, 1.0, 8)
    return (heights[:, None] / (1 + ((SHIFT - centres[:, None]) / 6.0) ** 2)).sum(axis=0)


def scan(seed):
    return 1000 * bands(seed % 5) + 100 + np.random.default_rng(seed).normal(0, 3.0, SHIFT.size)


def write_scans(folder, count):
    """Scans in a folder and one below it, and what is none: each an input."""
    (folder / "deeper").mkdir(parents=True)
    for i in range(count):
        rows = "\n".join(f"{x},{y:.3f}" for x, y in zip(SHIFT, scan(i), strict=True))
        where = folder / ("deeper" if i % 4 == 1 else ".") / f"scan-{i:04d}.csv"
        where.write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    (folder / "a-note.txt").write_text("not a spectrum")
    (folder / "binary").write_bytes(bytes(range(256)) * 40)
    (folder / "empty").write_bytes(b"")
    several = "\n".join(f"{x},{a},{b}" for x, a, b in zip(SHIFT, scan(1), scan(2), strict=True))
    (folder / "several.csv").write_text(f"Raman shift (cm-1),first,second\n{several}\n")
    return folder


def write_small_library(path, count=5):
    records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(count))
    spectra = np.array([bands(i) for i in range(count)], np.float32)
    write_library(path, ReferenceSet(records, SHIFT, spectra, name="made up"))
    return path


def parts(out):
    """The parts of a run, in their order, as one."""
    return b"".join(path.read_bytes() for path in sorted(Path(out).glob("part-*.jsonl")))


class Processes:
    """A scheduler and workers as real processes on loopback, each of which may be killed at any moment."""

    def __init__(self, folder, workers=2, **environment):
        self._folder = Path(folder)
        self._environment = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
            "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__GIL__ENABLED": "false",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
            **environment,
        }
        self.address = ""
        self._count = workers
        self._left = []
        self.start()

    def _spawn(self, *words):
        log = (self._folder / f"log-{time.time_ns()}").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env=self._environment, stdout=log, stderr=log, cwd=self._folder
        )
        self._left.append(process)
        return process

    def start(self):
        told = self._folder / f"scheduler-{time.time_ns()}.json"
        words = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        words += ["--scheduler-file", str(told)]
        port = self.address.rpartition(":")[2] or "0"
        self.scheduler = self._spawn("distributed.cli.dask_scheduler", *words, "--port", port)
        deadline = time.monotonic() + 60
        while not self.address and time.monotonic() < deadline:
            with suppress(OSError, ValueError):
                self.address = json.loads(told.read_text())["address"]
            time.sleep(0.02)
        self.workers = [self.add_worker() for _ in range(self._count)]

    def add_worker(self, *more):
        words = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        words += ["--dashboard-address", "127.0.0.1:0"]
        words += [
            "--local-directory",
            str(self._folder / f"worker-{time.time_ns()}"),
            "--death-timeout",
            "60",
        ]
        return self._spawn("distributed.cli.dask_worker", self.address, *words, *more)

    def kill_worker(self, which=0):
        victim = self.workers.pop(which)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.workers.append(self.add_worker())

    def kill_scheduler(self):
        for process in (self.scheduler, *self.workers):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.start()

    def close(self):
        for process in self._left:
            if process.poll() is None:
                process.kill()
                process.wait()
