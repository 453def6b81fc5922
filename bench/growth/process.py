"""A process that opens a library and identifies: ``python -m spectriage.bench.growth.process LIBRARY SCANS``.

Prints what it took as JSON. Times are of the processor, of this process alone: on a shared machine they say
more than those of the clock.
"""

from __future__ import annotations

import json
import mmap
import sys
import time
from pathlib import Path

import numpy as np

ROUNDS, ENOUGH_S = 3, 20.0
STATUS = Path("/proc/self/status")


def memory_mb() -> dict[str, float]:
    """Return the memory of this process in MB: the most it held, and now its own and what is a file's."""
    status = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text("utf-8").splitlines()
        if ":" in line
    )
    return {name: int(status[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")}


def peak_so_far_mb() -> float | None:
    """Return the most memory that this process held, in MB, and begin anew; None where that is not known."""
    if not STATUS.exists():
        return None
    peak = memory_mb()["VmHWM"]
    Path("/proc/self/clear_refs").write_text("5")
    return peak


def pages_mb(size: int) -> float:
    """Return how much of a mapped file of so many bytes is in memory, in MB; 0 where none is mapped."""
    resident, inside = 0, False
    for line in Path("/proc/self/smaps").read_text("utf-8", "replace").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            first, _, last = words[0].partition("-")
            # a private copy has no name: it is known by its length
            length = int(last, 16) - int(first, 16)
            inside = len(words) > 5 and size <= length < size + mmap.PAGESIZE
        elif inside and words[0] == "Rss:":
            resident += int(words[1])
    return resident / 1024


def main(library: str, scans: str) -> None:
    """Identify every scan some times; the first time is not counted."""
    from spectriage.library.signing.trust import JUST_MADE
    from spectriage.library.store import read_library
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum

    begun = time.process_time()
    references = read_library(library, trust=JUST_MADE)
    opened = time.process_time()
    engine = Identifier(references)
    size = Path(library).stat().st_size
    opened_mb = peak_so_far_mb()
    shift, *counts = np.load(scans)
    spectra = [Spectrum(shift, values, values + 25.0) for values in counts]
    engine.identify(spectra[0])
    ready = time.process_time()
    took = np.full((ROUNDS, len(spectra)), np.inf)
    for measured in took:
        for place, spectrum in enumerate(spectra):
            start = time.process_time()
            engine.identify(spectrum)
            measured[place] = time.process_time() - start
        if time.process_time() - ready > ENOUGH_S:
            break
    found = {
        "opening_s": opened - begun,
        "first_s": ready - opened,
        "identify_ms": 1e3 * float(np.median(took.min(axis=0))),
    }
    if opened_mb is not None:
        now, pages = memory_mb(), pages_mb(size)
        # what is read while a library is opened and made ready is let go of again: its peak has no such pages
        found |= now | {
            "VmHWM": max(opened_mb, now["VmHWM"]),
            "library": pages,
            "beyond": max(opened_mb, now["VmHWM"] - pages),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
