"""An example driver, to copy: a spectrometer that answers over a serial-like line.

It talks to anything with ``write(bytes)`` and ``read_line(seconds) -> bytes`` (pyserial needs three lines to
fit). The whole contract is in `spectriage.device.contract`; what is here is all that a driver must write.
Register it in the ``pyproject.toml`` of your package::

    [project.entry-points."spectriage.spectrometers"]
    mine = "my_package.driver:DRIVER"

and hold it to `spectriage.device.testing.SpectrometerConformance`. Then ``spectriage scan --device
mine:PORT`` works.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from spectriage.device.contract.clock import Clock, Deadline
from spectriage.device.contract.errors import DeviceNotFoundError, DeviceProtocolError, DeviceTimeoutError
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo
from spectriage.device.contract.registry import Driver
from spectriage.device.contract.spectrometer import DeviceStatus, ScanSettings, Spectrometer
from spectriage.device.contract.uri import DeviceURI
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin


class Line(Protocol):
    """What the driver needs of its port."""

    def write(self, data: bytes) -> None:
        """Send."""
        ...

    def read_line(self, seconds: float) -> bytes:
        """Return one line, or what came of it before the time was up."""
        ...


class LineSpectrometer(Spectrometer):
    """Three commands: ``ID?`` names the unit and its axis, ``T ms`` sets the exposure, ``GO`` exposes."""

    def __init__(self, line: Line, uri: DeviceURI, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._line = line
        model, serial, pixels, *axis = self._ask(b"ID?", 1.0).split(",")
        wavelength_nm = np.polyval(np.array(axis, dtype=np.float64), np.arange(int(pixels)))
        self._axis = Axis(wavelength_nm=np.asarray(wavelength_nm, dtype=np.float64), source=serial)
        self._info = DeviceInfo(
            uri=f"{uri.scheme}:{uri.path}",
            maker="Example",
            model=model,
            serial=serial,
            origin=Origin.MEASURED,
            detector=Detector("unknown", int(pixels), saturation_counts=65_535.0),
            excitation_nm=785.0,
        )

    def _ask(self, command: bytes, seconds: float) -> str:
        self._line.write(command + b"\n")
        answer = self._line.read_line(seconds)
        if not answer.endswith(b"\n"):
            raise DeviceTimeoutError(f"no answer to {command.decode()}")
        if answer.startswith(b"ERR"):
            raise DeviceProtocolError(f"{command.decode()} was refused: {answer.decode().strip()}")
        return answer.decode().strip()

    def _do_info(self) -> DeviceInfo:
        return self._info

    def _do_axis(self) -> Axis:
        return self._axis

    def _do_configure(self, settings: ScanSettings) -> None:
        self._ask(b"T %d" % round(settings.integration_ms), 1.0)

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        self._wait(settings.integration_ms * 1e-3, deadline)
        return np.array(self._ask(b"GO", deadline.remaining_s).split(","), dtype=np.float64)

    def _do_status(self) -> DeviceStatus:
        self._ask(b"ID?", 1.0)
        return DeviceStatus(connected=True)

    def _do_close(self) -> None:
        pass


def open_example(uri: DeviceURI, clock: Clock | None = None) -> Spectrometer:
    """Open the port that the URI names; this example has none."""
    raise DeviceNotFoundError("the example driver has no port", where=uri.text, remedy="write your own")


DRIVER = Driver(open_example, "an example to copy")
