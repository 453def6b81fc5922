"""Worker, scheduler and client killed in the middle, and started again: the rows of one machine, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from made import Processes, parts, write_scans

from spectriage.library.service.batch import run_batch

SHARD = 2


class Run:
    """The command, started again whenever it ended before its work was done."""

    def __init__(self, folder, out, library, cluster):
        self.out = out
        self._command = [sys.executable, "-m", "spectriage.spectra.cli", "identify", "--batch", str(folder)]
        self._command += ["-o", str(out), "-l", str(library), "--cluster", cluster]
        self._command += ["--shard-inputs", str(SHARD)]
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, start_new_session=True)

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.start()

    def finished(self):
        """Whether the work is done; a run that ended for a stated reason is started again."""
        code = self._process.poll()
        if code is None:
            return False
        said = self._process.stderr.read().decode()
        if code == 0:
            return True
        assert code == 2, said
        assert "Traceback" not in said
        assert "spectriage: error: " in said
        self.start()
        return False

    def written(self):
        return len(list(self.out.glob("part-*")))


def go_through(run, total, kills, deadline_s):
    """Kill after some shards more each time; return how often something was killed before the end."""
    deadline = time.monotonic() + deadline_s
    done = 0
    step = max(1, total // (len(kills) + 2))
    while True:
        assert time.monotonic() < deadline, f"{run.written()} of {total} shards, {done} kills"
        if run.finished():
            return done
        if kills and run.written() >= (done + 1) * step:
            kills.pop(0)()
            done += 1
        time.sleep(0.003)


def killed_again_and_again(setup, tmp_path, scans, kinds, deadline_s):
    folder = write_scans(tmp_path / "in", scans)
    run_batch(folder, tmp_path / "one.jsonl", setup)
    (tmp_path / "cluster").mkdir()
    cluster = Processes(tmp_path / "cluster")
    try:
        run = Run(folder, tmp_path / "out", setup.library, cluster.address)
        ways = {
            "worker": cluster.kill_worker,
            "scheduler": cluster.kill_scheduler,
            "client": run.kill,
        }
        total = -(-(scans + 4) // SHARD)
        killed = go_through(run, total, [ways[kind] for kind in kinds], deadline_s)
    finally:
        cluster.close()
    assert killed == len(kinds)
    assert parts(tmp_path / "out") == (tmp_path / "one.jsonl").read_bytes()
    assert not list((tmp_path / "out").glob(".*.tmp"))
    assert run.starts > 1


def test_killed_in_the_middle(setup, tmp_path):
    killed_again_and_again(setup, tmp_path, 200, ["worker", "client", "scheduler"], 120)


@pytest.mark.full
@pytest.mark.parametrize("seed", [1])
def test_killed_twenty_times(setup, tmp_path, seed):
    kinds = ["worker", "scheduler", "client"] * 6 + ["worker", "client"]
    random.Random(seed).shuffle(kinds)
    killed_again_and_again(setup, tmp_path, 3000, kinds, 900)


def test_local_processes_end_with_the_client(setup, folder, whole, tmp_path):
    run = Run(folder, tmp_path / "out", setup.library, "local:2")
    deadline = time.monotonic() + 60
    while not run.written() and time.monotonic() < deadline:
        time.sleep(0.003)
    session = run._process.pid
    run._process.send_signal(signal.SIGKILL)
    run._process.wait()
    while any_left(session) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any_left(session)
    run.start()
    go_through(run, 22, [], 60)
    assert parts(tmp_path / "out") == whole


def any_left(session):
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True
