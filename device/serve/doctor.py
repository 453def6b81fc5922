"""What an installation needs, looked at one by one, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.resources import files
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
RULES = "60-spectriage.rules"
RULES_FOLDERS = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
LEAST_FREE_BYTES = 200_000_000


class Finding(NamedTuple):
    """One thing looked at; `state` is ok, attention or failed, `remedy` what to do."""

    about: str
    state: str
    said: str
    remedy: str = ""


def examine(journal: Path | None = None, library: Path | None = None) -> Iterator[Finding]:
    """Yield what is found, in the order in which it should be mended; nothing is switched on.

    Parameters
    ----------
    journal
        The configured one if None.
    library
        File; the shipped one if None.
    """
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]], str], ...] = (
        ("python", _python, ""),
        ("extras", _extras, ""),
        ("cache", _cache, "set SPECTRIAGE_CACHE to a folder that this user can write"),
        ("library", lambda: _library(library), "name another --library, or leave it out for the shipped one"),
        ("journal", lambda: _journal(journal), "name a --journal in a folder that this user can write"),
        ("devices", _devices, ""),
        ("udev rules", lambda: _udev(RULES_FOLDERS), ""),
    )
    for about, check, remedy in checks:
        try:
            yield from check()
        except SpectriageError as error:
            yield Finding(about, "failed", str(error), error.remedy or remedy)
        except Exception as error:  # a broken installation raises whatever it likes; the next check is wanted
            yield Finding(about, "failed", f"{type(error).__name__}: {error}", remedy)


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")


def _extras() -> Iterator[Finding]:
    for extra, (module, purpose) in EXTRAS.items():
        about, state = f"extra {extra}", "failed" if extra in NEEDED else "attention"
        if find_spec(module) is None:
            yield Finding(about, state, f"{purpose}: not installed", f'pip install "spectriage[{extra}]"')
            continue
        try:
            import_module(module)
        except Exception as error:  # what is half installed raises whatever it likes
            said = f"{purpose}: installed, but cannot be loaded: {type(error).__name__}: {error}"
            yield Finding(about, state, said, f'pip install --force-reinstall "spectriage[{extra}]"')
            continue
        yield Finding(about, "ok", f"{purpose}: installed")


def _cache() -> Iterator[Finding]:
    """Without one every start compiles and builds for half a minute."""
    from spectriage.library.files import cache_folder

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        yield Finding("cache", "ok", str(folder))


def _library(path: Path | None) -> Iterator[Finding]:
    from spectriage.library.building.cache import open_library

    library = open_library(path)
    yield Finding("library", "ok", f"{library.name} {library.version}, {len(library)} references")


def _journal(named: Path | None) -> Iterator[Finding]:
    from platformdirs import user_data_path

    from spectriage.library.journal import Journal, journal_settings

    configured = journal_settings().path
    path = named or (
        Path(configured).expanduser() if configured else user_data_path("spectriage") / "journal.db"
    )
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


def _udev(folders: tuple[str, ...]) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    ours = files("spectriage.device.drivers") / "udev" / RULES
    installed = [place for folder in folders if (place := Path(folder) / RULES).is_file()]
    remedy = f"sudo cp {ours} {folders[0]}/ && sudo udevadm control --reload, then plug the device in again"
    if not installed and os.geteuid() == 0:
        yield Finding("udev rules", "ok", "not installed; this is the administrator, who needs none")
    elif not installed:
        said = "not installed: this user cannot open USB spectrometers"
        yield Finding("udev rules", "attention", said, remedy)
    elif installed[0].read_text("utf-8", "replace") != ours.read_text("utf-8"):
        said = f"{installed[0]} is not that of this version: USB spectrometers may not open"
        yield Finding("udev rules", "attention", said, remedy)
    else:
        yield Finding("udev rules", "ok", str(installed[0]))
