"""A calibration of one unit: axis, laser, response, resolution; kept as versioned JSON, with an expiry."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.device.calibration.axis import LaserFit, WavelengthFit
from spectriage.device.calibration.response import Response
from spectriage.device.contract.errors import CalibrationError
from spectriage.device.contract.rawscan import Axis, DeviceInfo, RawScan
from spectriage.spectra.spectrum import Spectrum

SCHEMA = 1
KIND = "spectriage-calibration"
VALID_DAYS = 30.0
MAX_BYTES = 4_000_000


@dataclass(frozen=True)
class Calibration:
    """What is known of one unit's axis, laser, response and resolution.

    Parameters
    ----------
    serial, model
        The unit: a calibration of another one must not be used.
    date
        UTC.
    valid_days
        How long it holds.
    wavelength
        Pixel to wavelength; None to keep the device's own axis.
    laser
        The laser's wavelength; None to keep the device's own.
    response
        Relative response; None for no intensity correction.
    resolution_cm
        Full width at half maximum; None when not measured.
    sources
        What it was made from: name and SHA-256 of each scan's counts.
    """

    serial: str
    model: str
    date: datetime
    valid_days: float = VALID_DAYS
    wavelength: WavelengthFit | None = None
    laser: LaserFit | None = None
    response: Response | None = None
    resolution_cm: float | None = None
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def expires(self) -> datetime:
        """When it stops being valid."""
        return self.date + timedelta(days=self.valid_days)

    def apply(self, raw: RawScan) -> Spectrum:
        """Turn a scan into a calibrated spectrum; the response divides intensity and its variance follows.

        Raises
        ------
        CalibrationError
            When it is of another unit, or does not fit the detector.
        """
        if raw.info.serial != self.serial:
            raise CalibrationError(
                f"a calibration of {self.serial} is not for {raw.info.serial}", where=raw.info.uri
            )
        axis = raw.axis
        if self.wavelength is not None:
            axis = Axis(wavelength_nm=self.wavelength.wavelength_nm(), source="calibration")
        laser = self.laser.laser_nm if self.laser is not None else None
        spectrum = raw.to_spectrum(axis=axis, excitation_nm=laser)
        steps = [f"calibrate({self.digest()[:12]})"]
        intensity, variance = spectrum.intensity, spectrum.variance
        if self.response is not None:
            factor = self.response.at(spectrum.shift)
            intensity = intensity / factor
            variance = None if variance is None else variance / factor**2
            steps.append(f"correct_response({self.response.standard})")
        return replace(
            spectrum,
            intensity=intensity,
            variance=variance,
            resolution_cm=self.resolution_cm or spectrum.resolution_cm,
            metadata={**spectrum.metadata, "calibration": {"sha256": self.digest(), "date": self._date}},
            history=(*spectrum.history, *steps),
        )

    @property
    def _date(self) -> str:
        return self.date.isoformat()

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {"kind": KIND, "schema": SCHEMA}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "date":
                value = self._date
            elif field.name in ("wavelength", "laser", "response"):
                value = None if value is None else asdict(value)
            content[field.name] = value
        return content

    def digest(self) -> str:
        """SHA-256 of its content, hexadecimal."""
        text = json.dumps(self._content(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """Return it as JSON text with its own hash."""
        return json.dumps({**self._content(), "sha256": self.digest()}, indent=1, ensure_ascii=False) + "\n"


def counts_digest(raw: RawScan) -> str:
    """SHA-256 of a scan's counts, little-endian float64, hexadecimal."""
    return hashlib.sha256(raw.counts.astype("<f8").tobytes()).hexdigest()


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration, whole or not at all.

    Raises
    ------
    ScanFileError
        When it cannot be written.
    """
    from spectriage.device.contract.files import write_whole

    write_whole(calibration.to_json(), path)


def load_calibration(path: Path) -> Calibration:
    """Read a calibration and check its hash.

    Raises
    ------
    CalibrationError
        When it is not one, is of a newer schema, was altered, or holds values that make no sense.
    """
    where = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CalibrationError("the file is too large to be a calibration", where=where)
        data = path.read_bytes()
    except OSError as error:
        raise CalibrationError(f"cannot be read: {error.strerror}", where=where) from error
    return parse_calibration(data, where)


def parse_calibration(data: bytes, where: str) -> Calibration:
    """Return the calibration that `Calibration.to_json` wrote, and check its hash.

    Raises
    ------
    CalibrationError
        When it is not one, is of a newer schema, was altered, or holds values that make no sense.
    """
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CalibrationError(f"is not JSON: {error}", where=where) from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise CalibrationError("is not a calibration", where=where)
    if content.get("schema") != SCHEMA:
        raise CalibrationError(
            f"has schema {content.get('schema')!r}, this program reads {SCHEMA}",
            where=where,
            remedy="calibrate again, or use the newer program",
        )
    try:
        calibration = _parse(content)
        intact = calibration.digest() == content.get("sha256")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f"is damaged: {error}", where=where, remedy="calibrate again") from None
    if not intact:
        raise CalibrationError("was altered: its hash is wrong", where=where, remedy="calibrate again")
    return calibration


def _parse(content: Mapping[str, Any]) -> Calibration:
    date = datetime.fromisoformat(content["date"])
    if date.tzinfo is None:
        raise ValueError("its date has no time zone")
    wavelength, laser, response = (content[name] for name in ("wavelength", "laser", "response"))
    calibration = Calibration(
        serial=str(content["serial"]),
        model=str(content["model"]),
        date=date,
        valid_days=_finite(content["valid_days"]),
        wavelength=None if wavelength is None else _wavelength(wavelength),
        laser=None if laser is None else LaserFit(**_tuples(laser)),
        response=None if response is None else Response(**_tuples(response)),
        resolution_cm=None if content["resolution_cm"] is None else _finite(content["resolution_cm"]),
        sources=tuple((str(name), str(digest)) for name, digest in content["sources"]),
    )
    if calibration.laser is not None and not 200.0 < calibration.laser.laser_nm < 2000.0:
        raise ValueError(f"a laser of {calibration.laser.laser_nm} nm")
    return calibration


def _wavelength(content: Mapping[str, Any]) -> WavelengthFit:
    values = _tuples(content)
    values["covariance"] = tuple(tuple(map(_finite, row)) for row in content["covariance"])
    fit = WavelengthFit(**values)
    if not 8 <= fit.pixels <= 1_000_000 or not fit.coefficients:
        raise ValueError("its detector has no sensible number of pixels")
    if not np.all(np.diff(fit.wavelength_nm()) > 0.0):
        raise ValueError("its wavelengths do not ascend")
    return fit


def _tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with their lists of numbers as tuples."""
    return {
        name: tuple(map(_finite, value)) if isinstance(value, list) and name != "covariance" else value
        for name, value in content.items()
    }


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def calibration_problem(calibration: Calibration | None, info: DeviceInfo, now: datetime) -> str:
    """Return why a calibration may not be relied on, one sentence; empty when it may.

    Parameters
    ----------
    calibration
        None where there is none.
    info
        The device in use.
    now
        UTC, from the device's clock.
    """
    if calibration is None:
        return "The instrument has no calibration."
    if calibration.serial != info.serial:
        return f"The calibration is that of another instrument, {calibration.serial}."
    if calibration.wavelength is not None and calibration.wavelength.pixels != info.detector.pixels:
        return "The calibration does not fit the detector."
    if now > calibration.expires:
        return f"The calibration expired on {calibration.expires.date().isoformat()}."
    if now < calibration.date - timedelta(days=1):
        return "The calibration is dated in the future: check the clock."
    return ""


_PROBLEM_CODES = {
    "The instrument has no calibration.": "none",
    "The calibration is that of another instrument": "other-unit",
    "The calibration does not fit the detector.": "detector",
    "The calibration expired on": "expired",
    "The calibration is dated in the future": "clock",
    "The calibration cannot be": "unreadable",
}


def problem_code(text: str) -> str:
    """Return the stable code of a `calibration_problem`; empty for none, and for other words."""
    return next((code for begin, code in _PROBLEM_CODES.items() if text.startswith(begin)), "")
