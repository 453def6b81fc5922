"""What an installation needs, looked at one by one, and how to mend it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from spectriage.spectra.errors import SpectriageError

EXTRAS = {
    "app": ("nicegui", "the touch screen and the API"),
    "report": ("fpdf", "reports"),
    "wasatch": ("wasatch", "Wasatch units"),
    "ocean": ("seabreeze", "Ocean units"),
}
NEEDED = ("app", "report")
LEAST_FREE_BYTES = 200_000_000


class Finding(NamedTuple):
    """One thing looked at; `state` is ok, attention or failed, `remedy` what to do."""

    about: str
    state: str
    said: str
    remedy: str = ""


def examine(journal: Path) -> Iterator[Finding]:
    """Yield what is found, in the order in which it should be mended; nothing is switched on."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _extras,
        _library,
        lambda: _journal(journal),
        _devices,
        _udev,
    )
    for check in checks:
        try:
            yield from check()
        except (SpectriageError, OSError) as error:
            yield Finding(check.__name__.strip("_<>"), "failed", str(error), getattr(error, "remedy", ""))


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _extras() -> Iterator[Finding]:
    for extra, (module, purpose) in EXTRAS.items():
        if find_spec(module) is not None:
            yield Finding(f"extra {extra}", "ok", f"{purpose}: installed")
        else:
            state = "failed" if extra in NEEDED else "attention"
            yield Finding(
                f"extra {extra}", state, f"{purpose}: not installed", f'pip install "spectriage[{extra}]"'
            )


def _library() -> Iterator[Finding]:
    from spectriage.library.building.cache import open_library

    library = open_library(None)
    yield Finding("library", "ok", f"{library.name} {library.version}, {len(library)} references")


def _journal(path: Path) -> Iterator[Finding]:
    import shutil

    from spectriage.library.journal import Journal

    path.parent.mkdir(parents=True, exist_ok=True)
    with Journal(path) as journal:
        yield Finding("journal", "ok", f"{path}, {len(journal)} records")
    free = shutil.disk_usage(path.parent).free
    if free < LEAST_FREE_BYTES:
        yield Finding("disk", "failed", f"{free / 1e6:.0f} MB free", "make room, or name another --journal")
    else:
        yield Finding("disk", "ok", f"{free / 1e9:.1f} GB free")


def _devices() -> Iterator[Finding]:
    from spectriage.device.contract.registry import Readiness, load_driver, registered

    found = False
    for scheme, entry in registered().items():
        if scheme in ("sim", "replay", "emulated"):
            continue
        try:
            devices = load_driver(entry).discover()
        except SpectriageError as error:
            yield Finding(f"driver {scheme}", "attention", error.what, error.remedy)
            continue
        for device in devices:
            found = True
            ready = device.readiness is Readiness.READY
            state = "ok" if ready else "failed"
            yield Finding(device.uri, state, f"{device.summary}: {device.readiness}", device.remedy)
    if not found:
        yield Finding("devices", "attention", "no spectrometer found", "plug it in; training needs none")


def _udev() -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    places = [Path(place) / "60-spectriage.rules" for place in ("/etc/udev/rules.d", "/usr/lib/udev/rules.d")]
    if any(place.is_file() for place in places) or os.geteuid() == 0:
        yield Finding("udev rules", "ok", "users may open USB spectrometers")
        return
    from importlib.resources import files

    rules = files("spectriage.device.drivers") / "udev" / "60-spectriage.rules"
    yield Finding(
        "udev rules",
        "attention",
        "not installed: USB spectrometers cannot be opened",
        f"sudo cp {rules} /etc/udev/rules.d/ && sudo udevadm control --reload",
    )
