"""Compiling in a second process, from the end of an identification on, while this one begins at its start.

On a new machine the first answer waits for some 130 kernels to be compiled, one after the other: numba lets
one thread of a process compile at a time. Kernels are kept on the disk, and each process finds there what
the other has made, so that two meet in the middle. The second one ends with the first, or when it has done
its part; what it made is kept. Only commands start it: in somebody's program `sys.executable` may be
anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


@contextmanager
def compiling_ahead() -> Iterator[None]:
    """Start the second process with the first kernel that is compiled inside, if there is a core for it."""
    from spectriage.spectra.compile import announce_compilation

    started: list[subprocess.Popen[bytes] | None] = []

    def start(_: str) -> None:
        if not started:
            started.append(_started())

    if _cores() < 2:
        yield
        return
    try:
        with announce_compilation(start):
            yield
    finally:
        for process in started:
            if process is not None:
                # what it has kept on the disk is whole: files are written beside, and then renamed
                process.terminate()
                process.communicate()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _started() -> subprocess.Popen[bytes] | None:
    """Start the process; a machine that lets none start compiles with one."""
    # -P: nothing in the folder that somebody happens to be in is imported
    words = [sys.executable, "-P", "-m", __name__]
    quiet = subprocess.DEVNULL
    with suppress(OSError):
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
    return None


def compile_from_the_end() -> None:
    """Compile what an identification ends with: names, then the evidence for targets, then the selection.

    On six references and a scan that are made up: the machine code is the same for all libraries.
    """
    import numpy as np

    from spectriage.spectra.contrast.contrast import Contrast
    from spectriage.spectra.contrast.index import ContrastIndex
    from spectriage.spectra.evidence.target_rows import target_rows
    from spectriage.spectra.evidence.targets import Asked, weigh_targets
    from spectriage.spectra.fitting.fit import NO_CORRECTION, Fit
    from spectriage.spectra.fitting.fitter import Fitter
    from spectriage.spectra.fitting.selection import Alone, select_each, selection_rules
    from spectriage.spectra.policy import Policy, Target
    from spectriage.spectra.reference import Reference, ReferenceSet
    from spectriage.spectra.verdict.naming import Fitted, Namer

    class Index(ContrastIndex):
        """An index that finds no areas: the kernels of that are the first process's."""

        def _make_area(self, index: int) -> float:
            return 1.0

    shift = np.linspace(200.0, 710.0, 256)
    bands = np.random.default_rng(0).uniform(250.0, 680.0, (6, 6, 1))
    spectra = (1.0 / (1.0 + ((shift - bands) / 6.0) ** 2)).sum(axis=1).astype(np.float32)
    records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(len(spectra)))
    references = ReferenceSet(records, shift, spectra)
    index, policy = Index(references), Policy(targets=(Target("made up", ("made up 1",)),))
    allowed = np.ones(len(index), np.bool_)
    derivative = index.rows.row(0)
    valid = np.ones(derivative.size, np.bool_)
    seen = Contrast(derivative.copy(), valid, 0.01, np.arcsinh(derivative / np.float32(0.01)), 1.0, 1e-3)
    fitter = Fitter(index, seen)
    fit = Fit((0,), np.ones(1), 0.9, NO_CORRECTION, seen, derivative.copy())
    alone = Alone(np.zeros(1, np.intp), np.array([[0.9, 0.0, 0.0, 0.0]]))
    Namer(index, policy, None, allowed).name([Fitted(fitter, fit, alone, 100.0)])
    weigh_targets(policy, target_rows(references, policy, policy.targets), [Asked(fitter, fit, 0.0)])
    select_each([fitter], selection_rules(index, allowed, policy))


def _end_with_the_first() -> None:
    """End when the process that started this one does: then nobody holds the other end of the pipe."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Compile, as the second process."""
    Thread(target=_end_with_the_first, daemon=True).start()
    compile_from_the_end()


if __name__ == "__main__":
    main()
