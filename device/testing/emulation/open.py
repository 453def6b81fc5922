"""The scheme ``emulated``: the real adapters and drivers over the emulated bus."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.device.contract.clock import Clock
from spectriage.device.contract.registry import Driver, FoundDevice, Readiness
from spectriage.device.contract.spectrometer import Spectrometer
from spectriage.device.contract.uri import DeviceURI
from spectriage.device.drivers._usb import driver_missing
from spectriage.spectra.origin import Origin

if TYPE_CHECKING:
    from spectriage.device.testing.emulation.photons import PhotonSource
    from spectriage.device.testing.emulation.spectrometer import EmulatedSpectrometer

MODELS = {
    "ocean-usb2000plus": ("ocean", "Usb2000Plus"),
    "ocean-qe65000": ("ocean", "Qe65000"),
    "ocean-qepro": ("ocean", "QePro"),
    "wasatch-wp785": ("wasatch", "Wp785"),
    "wasatch-wp785xs": ("wasatch", "Wp785Xs"),
}
AT_OPENING = ("busy", "no-permission", "blank-eeprom", "corrupt-eeprom")
"""Faults that act while a device is opened; on one that is open they have nothing to act on."""
OPTIONS = ("scene", "fault", "seed", "serial", "power_mw", "excitation_nm", "memory")
ELSEWHERE = ("bus", "power_mw", "excitation_nm", "memory")
"""Options of a unit in another process: what it sees, and what befalls it, is said there."""


def make_model(
    name: str, *, serial: str = "", source: PhotonSource | None = None, clock: Clock | None = None
) -> EmulatedSpectrometer:
    """Return the emulated model `name`, one of `MODELS`.

    Raises
    ------
    KeyError
        For another name.
    DriverMissingError
        pyusb is not installed.
    """
    extra, class_name = MODELS[name]
    try:
        from spectriage.device.testing.emulation import ocean, wasatch
    except ImportError as error:
        raise driver_missing(extra, error) from error
    module: Any = ocean if extra == "ocean" else wasatch
    model: EmulatedSpectrometer = getattr(module, class_name)(serial=serial, source=source, clock=clock)
    return model


def open_model(model: EmulatedSpectrometer, *, where: str = "", **options: Any) -> Spectrometer:
    """Open an emulated model with the real adapter and driver of its make.

    Parameters
    ----------
    model
        From `make_model`; plugged into a bus of its own here, unless it is on one.
    where
        The URI, for messages.
    **options
        For `open_ocean` or `open_wasatch`.

    Raises
    ------
    DeviceError
        As on a real bus.
    """
    from spectriage.device.testing.emulation.bus import EmulatedBus
    from spectriage.device.testing.emulation.wasatch import WASATCH_VENDOR_ID

    where = where or f"emulated:{model.serial}"
    if model.bus is None:
        EmulatedBus(model)
    opener: Callable[..., Spectrometer]
    if model.vendor_id == WASATCH_VENDOR_ID:
        from spectriage.device.drivers.wasatch import open_wasatch as opener
    else:
        from spectriage.device.drivers.ocean import open_ocean as opener
    return opener(
        model.serial, backend=model.bus, origin=Origin.EMULATED, where=where, clock=model.clock, **options
    )


def _open_uri(uri: DeviceURI, clock: Clock | None) -> Spectrometer:
    uri.only((*OPTIONS, "bus"))
    if uri.path not in MODELS:
        raise uri.error(f"no emulated device is called {uri.path!r}", f"one of {', '.join(MODELS)}")
    extra = MODELS[uri.path][0]
    if "bus" in uri.options:
        return _open_elsewhere(uri, extra, clock)
    # python-seabreeze and Wasatch.PY are asked for here, so that a missing extra is named before anything
    # else.
    source = _source(uri, extra)
    model = make_model(uri.path, serial=uri.options.get("serial", ""), source=source, clock=clock)
    fault = uri.options.get("fault", "")
    if fault in AT_OPENING:
        _break(model, fault, uri)
    options: dict[str, Any] = {"memory": uri.options.get("memory", "")}
    if extra == "wasatch":
        options["power_mw"] = uri.number("power_mw", 0.0, 0.0, 5000.0) or None
    else:
        options["excitation_nm"] = uri.number("excitation_nm", 785.0, 200.0, 2000.0)
    device = open_model(model, where=uri.text, **options)
    if fault and fault not in AT_OPENING:
        _break(model, fault, uri)
        _tell_at_close(device, model, fault)
    return device


def _open_elsewhere(uri: DeviceURI, extra: str, clock: Clock | None) -> Spectrometer:
    """Open a unit in another process, under a supervisor, as a real one is: it outlives this program."""
    uri.only(ELSEWHERE)
    try:
        bus = json.loads(Path(uri.options["bus"]).read_text("utf-8"))
        bus = {"kind": "remote", "address": str(bus["address"]), "key": str(bus["key"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise uri.error(
            f"bus={uri.options['bus']} does not say where a unit listens ({type(error).__name__})",
            "a file with the line that `python -m spectriage.device.testing.emulation.unit` prints",
        ) from None
    common: dict[str, Any] = {
        "bus": bus,
        "origin": Origin.EMULATED,
        "memory": uri.options.get("memory", ""),
        "where": uri.text,
        "clock": clock,
    }
    if extra == "wasatch":
        from spectriage.device.drivers.wasatch import open_wasatch

        return open_wasatch(power_mw=uri.number("power_mw", 0.0, 0.0, 5000.0) or None, **common)
    from spectriage.device.drivers.ocean import open_ocean

    return open_ocean(excitation_nm=uri.number("excitation_nm", 785.0, 200.0, 2000.0), **common)


def _break(model: EmulatedSpectrometer, fault: str, uri: DeviceURI) -> None:
    from spectriage.device.testing.emulation.faults import apply_fault

    if not apply_fault(model, fault):
        raise uri.error(f"an emulated {uri.path} cannot have the fault {fault!r}", "choose another fault")


def _tell_at_close(device: Spectrometer, model: EmulatedSpectrometer, fault: str) -> None:
    """Say when the device is closed whether the fault never found a transfer to act on."""
    close = device._do_close

    def closing() -> None:
        try:
            close()
        finally:
            if any(waiting.met == 0 for waiting in model.faults):
                print(f"The fault {fault} could not be brought about: nothing fitted it.", file=sys.stderr)

    device._do_close = closing  # type: ignore[method-assign]


def _source(uri: DeviceURI, extra: str) -> PhotonSource:
    try:
        import usb.backend  # noqa: F401
    except ImportError as error:
        raise driver_missing(extra, error) from error
    seed = uri.integer("seed", 1)
    if "scene" in uri.options:
        from spectriage.device.testing.emulation.scenes import scene_source

        return scene_source(uri.options["scene"], seed=seed)
    from spectriage.device.testing.emulation.photons import LineSource

    return LineSource(seed)


def _discover() -> tuple[FoundDevice, ...]:
    """List the models; those whose real driver is not installed cannot be opened, and say what to install."""
    found = []
    for name, (extra, _) in MODELS.items():
        needed = ("usb", "seabreeze" if extra == "ocean" else "wasatch")
        there = all(find_spec(package) is not None for package in needed)
        found.append(
            FoundDevice(
                f"emulated:{name}?scene=acetaminophen",
                f"emulated {name} under the real driver",
                Readiness.READY if there else Readiness.UNUSABLE,
                "" if there else f"the extra {extra} is missing: pip install 'spectriage[{extra}]'",
            )
        )
    return tuple(found)


DRIVER = Driver(
    _open_uri, "the real USB drivers over emulated spectrometers, for trying out and tests", _discover
)
