"""Which driver opens which URI scheme: entry points in the group ``spectriage.spectrometers``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.errors import DeviceProtocolError, DeviceURIError, DriverMissingError
from spectriage.device.contract.spectrometer import Spectrometer
from spectriage.device.contract.uri import DeviceURI, parse_uri

GROUP = "spectriage.spectrometers"


class Readiness(StrEnum):
    """Whether a found device can be opened, and if not, why."""

    READY = "ready"
    BUSY = "busy"
    NO_PERMISSION = "no permission"
    UNUSABLE = "unusable"


@dataclass(frozen=True)
class FoundDevice:
    """One device that a driver found, or one example for drivers without hardware.

    Parameters
    ----------
    uri
        What to give to ``--device``.
    summary
        What it is, in a few words.
    readiness
        Whether it can be opened.
    remedy
        What to do when it cannot.
    """

    uri: str
    summary: str
    readiness: Readiness = Readiness.READY
    remedy: str = ""


def _nothing_found() -> tuple[FoundDevice, ...]:
    return ()


@dataclass(frozen=True)
class Driver:
    """What an entry point of the group names: how to open a URI of its scheme, and how to look for devices.

    Parameters
    ----------
    open_uri
        ``(uri, clock or None) -> Spectrometer``; raises a `DeviceError`.
    summary
        What the scheme is for, in one line.
    discover
        ``() -> (FoundDevice, …)``; raises `DriverMissingError` when an extra is not installed. Must not
        switch anything on, nor wait longer than a second or two.
    """

    open_uri: Callable[[DeviceURI, Clock | None], Spectrometer]
    summary: str
    discover: Callable[[], tuple[FoundDevice, ...]] = _nothing_found


def registered() -> dict[str, EntryPoint]:
    """Entry points by scheme; of two with one name the project's own wins, then the first by value."""
    found: dict[str, EntryPoint] = {}
    ordered = sorted(
        entry_points(group=GROUP), key=lambda e: (not e.value.startswith("spectriage."), e.value)
    )
    for entry in ordered:
        found.setdefault(entry.name.lower(), entry)
    return found


def load_driver(entry: EntryPoint) -> Driver:
    """Load the driver of an entry point.

    Raises
    ------
    DriverMissingError
        When a module that it needs is not installed.
    DeviceProtocolError
        When it is not a `Driver`.
    """
    try:
        driver = entry.load()
    except ImportError as error:
        raise DriverMissingError(
            f"the driver cannot be loaded: {error}", where=f"{entry.name}:", remedy="install what it needs"
        ) from error
    if not isinstance(driver, Driver):
        raise DeviceProtocolError(f"{entry.value} is not a Driver", where=f"{entry.name}:")
    return driver


def driver_for(uri: DeviceURI) -> Driver:
    """Return the driver of a URI's scheme.

    Raises
    ------
    DeviceURIError
        When nobody registered it; lists the schemes there are.
    DriverMissingError, DeviceProtocolError
        When it cannot be loaded.
    """
    known = registered()
    if uri.scheme not in known:
        raise DeviceURIError(
            f"no driver is registered for {uri.scheme!r}",
            where=uri.text,
            remedy=f"schemes: {', '.join(sorted(known)) or 'none, is the package installed?'}",
        )
    return load_driver(known[uri.scheme])


def open_device(uri: str | DeviceURI, *, clock: Clock | None = None) -> Spectrometer:
    """Open the spectrometer that a URI names.

    Parameters
    ----------
    uri
        ``sim:…``, ``replay:PATH``, ``ocean:SERIAL``, ``wasatch:SERIAL`` or a third party's scheme.
    clock
        For tests and fast simulation; the system's by default.

    Raises
    ------
    DeviceURIError
        The URI cannot be understood, or nobody registered its scheme.
    DriverMissingError
        The scheme's driver is not installed.
    DeviceError
        The device cannot be opened.
    """
    parsed = parse_uri(uri) if isinstance(uri, str) else uri
    return driver_for(parsed).open_uri(parsed, clock)
