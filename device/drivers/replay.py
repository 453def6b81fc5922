"""Replay any recorded file as a spectrometer: ``replay:PATH[?which=NAME]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.device.contract.clock import Clock, Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceNotFoundError, DeviceProtocolError
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo, RawScan
from spectriage.device.contract.registry import Driver
from spectriage.device.contract.spectrometer import DeviceStatus, ScanSettings, Spectrometer
from spectriage.device.contract.uri import DeviceURI
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.origin import Origin
from spectriage.spectra.spectrum import Spectrum


class ReplayedSpectrometer(Spectrometer):
    """A recorded file that answers like a device: every scan is the recorded one, at once.

    Where the file holds raw counts and a dark they are replayed as such, with the gain and noise it states;
    else its intensities are the counts, and what it does not say is unknown.

    Raises
    ------
    DeviceNotFoundError
        There is no such file.
    DeviceProtocolError
        The file cannot be read as a spectrum.
    """

    discard_after_change = 0

    def __init__(self, uri: DeviceURI, clock: Clock | None = None) -> None:
        super().__init__(clock or VirtualClock())
        uri.only(("which",))
        self._uri = uri
        if not uri.path:
            raise uri.error("no file is named", "replay:PATH")
        path = Path(uri.path)
        if not path.is_file():
            raise DeviceNotFoundError("there is no such file", where=str(path))
        which = uri.options.get("which")
        self._recorded = _read(path, which, None)
        self._head = _lowered(self._recorded.metadata.get("head", {}))
        self._counts = self._recorded.intensity
        self._dark: FloatArray | None = None
        self._load_raw(path, which)
        self._info = self._describe(path)
        self.configure(ScanSettings(max(self._number("integration time", 1.0), 1.0)))

    def _load_raw(self, path: Path, which: str | None) -> None:
        """Prefer the raw counts and dark of a file that has them over its processed column."""
        if self._recorded.metadata.get("format") != "enlighten":
            return
        raw, dark = _column(path, which, "Raw"), _column(path, which, "Dark")
        if raw is None or raw.shift.shape != self._recorded.shift.shape:
            return
        if dark is not None and dark.shift.shape != raw.shift.shape:
            return
        # A processed column that is not raw minus dark was corrected further: then it is the record.
        difference = raw.intensity - (dark.intensity if dark is not None else 0.0)
        if np.allclose(difference, self._recorded.intensity, rtol=0.0, atol=0.03):
            self._counts = raw.intensity
            self._dark = None if dark is None else dark.intensity

    def _number(self, key: str, default: float) -> float:
        try:
            value = float(self._head.get(key, ""))
        except ValueError:
            return default
        return value if np.isfinite(value) and value > 0.0 else default

    def _known(self, key: str) -> float | None:
        value = self._number(key, -1.0)
        return value if value > 0.0 else None

    def _describe(self, path: Path) -> DeviceInfo:
        metadata = self._recorded.metadata
        return DeviceInfo(
            uri=self._uri.text,
            maker="replay",
            model=str(metadata.get("instrument", path.name)),
            serial=str(metadata.get("serial", path.name)),
            origin=Origin.REPLAYED,
            detector=Detector(
                name=str(metadata.get("detector", "unknown")),
                pixels=int(self._counts.size),
                saturation_counts=self._number("saturation level", float("inf")),
                gain_e=self._known("gain (electrons per count)"),
                read_noise_e=self._known("read noise (electrons)"),
                bias_counts=self._known("bias"),
            ),
            excitation_nm=self._recorded.excitation_nm,
            resolution_cm=self._recorded.resolution_cm or self._known("resolution"),
            min_integration_ms=0.001,
            max_integration_ms=1e9,
            notes=("a recording: settings do not change it",),
        )

    def _do_info(self) -> DeviceInfo:
        return self._info

    def _do_axis(self) -> Axis:
        return Axis(shift_cm=self._recorded.shift, source=self._uri.path)

    def _do_configure(self, settings: ScanSettings) -> None:
        pass

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        return self._counts

    def _do_status(self) -> DeviceStatus:
        return DeviceStatus(connected=True)

    def _do_close(self) -> None:
        pass

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        said = {key: value for key, value in self._recorded.metadata.items() if key != "head"}
        origin = self._head.get("origin")
        extra = {"recorded_origin": origin} if origin else {}
        label = self._head.get("perturbation")
        return said | extra | ({"perturbation": label} if label else {})

    def _do_finish(self, raw: RawScan) -> RawScan:
        recorded = _timestamp(self._head.get("timestamp", ""))
        return replace(
            raw,
            dark=self._dark,
            dark_accumulations=int(self._number("dark averaging", 1.0)) if self._dark is not None else 0,
            integration_ms=self._number("integration time", raw.integration_ms),
            accumulations=int(self._number("scan averaging", 1.0)),
            started=recorded or raw.started,
            finished=recorded or raw.finished,
        )


def _lowered(head: object) -> dict[str, str]:
    if not isinstance(head, Mapping):
        return {}
    return {str(key).strip().lower(): str(value) for key, value in head.items()}


def _timestamp(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _read(path: Path, which: str | None, column: str | None) -> Spectrum:
    from spectriage.spectra.formats import read_spectrum

    try:
        return read_spectrum(path, which=which, column=column)
    except FormatError as error:
        raise DeviceProtocolError(
            f"the recording cannot be read: {error.what}", where=str(path), remedy=error.remedy
        ) from error


def _column(path: Path, which: str | None, name: str) -> Spectrum | None:
    try:
        return _read(path, which, name)
    except DeviceProtocolError:
        return None


def open_replay(uri: DeviceURI, clock: Clock | None = None) -> ReplayedSpectrometer:
    """Open a ``replay:`` URI.

    Raises
    ------
    DeviceNotFoundError, DeviceProtocolError, DeviceURIError
        The file is missing or not a spectrum, or the URI names none.
    """
    return ReplayedSpectrometer(uri, clock)


DRIVER = Driver(open_replay, "a recorded file as a device: replay:PATH[?which=NAME]")
