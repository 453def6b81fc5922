"""Processor time, which says what work costs also where others share the machine."""

from __future__ import annotations

from contextlib import suppress


def processor_s(pid: int | None = None, *, children: bool = False) -> float:
    """Return the processor time of a process so far, in seconds.

    Parameters
    ----------
    pid
        Of the process; this one if None.
    children
        Whether that of its living children and theirs counts too.
    """
    import psutil

    process = psutil.Process(pid)
    found = [process, *(process.children(recursive=True) if children else ())]
    total = 0.0
    for each in found:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += float(times.user + times.system)
    return total
