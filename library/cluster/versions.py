"""What a result depends on besides library, policy and input: the program and its numbers, on each worker."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata

from spectriage.library.cluster.errors import WorkerDiffersError
from spectriage.library.service.program import code_sha256

PACKAGES = ("spectriage", "numpy", "scipy", "numba", "h5py")


ROOMS = ("spectra", "library")
"""The packages that make a result."""


def versions(rooms: Sequence[str] = ROOMS) -> dict[str, str]:
    """Return the versions of this process, by name.

    Parameters
    ----------
    rooms
        The packages of ours whose code counts.
    """
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    for room in rooms:
        found[f"code of {room}"] = code_sha256(f"spectriage.{room}", "**/*.py")[:16]
    return found


def check_same(worker: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Refuse a worker whose versions differ.

    Raises
    ------
    WorkerDiffersError
        Names what differs, there and here.
    """
    names = sorted({*theirs, *ours})
    different = [name for name in names if theirs.get(name) != ours.get(name)]
    if different:
        told = "; ".join(
            f"{name} {theirs.get(name, 'unknown')} there, {ours.get(name, 'unknown')} here"
            for name in different
        )
        raise WorkerDiffersError(
            f"the worker would not give the same results: {told}",
            where=worker,
            remedy="install the same versions on all workers and here",
        )
