"""`Transfer`: how one unit's spectra become another's, as a file that can be passed on."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, SpectrumError
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

KIND, SCHEMA = "spectriage-transfer", 1
MAX_BYTES = 1_000_000
MAX_AXIS_CM = 30.0
MAX_LOG_RESPONSE = 3.0


@dataclass(frozen=True)
class Transfer:
    """How the spectra of one unit become those of another.

    Parameters
    ----------
    source, target
        The units, as they are named.
    low_cm, high_cm
        Range that the standards hold it up in; beyond, its values at the ends hold.
    axis_cm
        What is added to a shift: coefficients of a polynomial in x = 2 (shift − low)/(high − low) − 1, low
        order first.
    log_response
        Logarithm of what intensity is multiplied by: coefficients alike; an overall factor is left out.
    resolution_cm
        Full width of the Gaussian that the source is blurred by; 0 where the target is no coarser.
    axis_rms_cm, response_rms
        What is left of the standards' band positions and log heights.
    standards
        What it was made from.
    """

    source: str
    target: str
    low_cm: float
    high_cm: float
    axis_cm: tuple[float, ...]
    log_response: tuple[float, ...] = (0.0,)
    resolution_cm: float = 0.0
    axis_rms_cm: float = 0.0
    response_rms: float = 0.0
    standards: tuple[str, ...] = ()

    def _at(self, shift_cm: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
        inside = np.clip(shift_cm, self.low_cm, self.high_cm)
        x = 2.0 * (inside - self.low_cm) / (self.high_cm - self.low_cm) - 1.0
        return np.asarray(np.polynomial.polynomial.polyval(x, coefficients), dtype=np.float64)

    def apply(self, spectrum: Spectrum) -> Spectrum:
        """Return what the target would have shown of the same sample.

        Raises
        ------
        SpectrumError
            When the transfer folds the axis.
        """
        shift = spectrum.shift + self._at(spectrum.shift, self.axis_cm)
        if not (np.diff(shift) > 0.0).all():
            raise SpectrumError("the transfer folds this axis", remedy="make it again with more standards")
        factor = np.exp(self._at(spectrum.shift, self.log_response))
        intensity = _blurred(spectrum.intensity * factor, shift, self.resolution_cm)
        variance = None if spectrum.variance is None else spectrum.variance * factor**2
        resolution = spectrum.resolution_cm
        if resolution is not None and self.resolution_cm > 0.0:
            resolution = math.hypot(resolution, self.resolution_cm)
        return replace(
            spectrum,
            shift=shift,
            intensity=intensity,
            variance=variance,
            resolution_cm=resolution,
            metadata={**spectrum.metadata, "transfer": {"sha256": self.digest(), "target": self.target}},
            history=(*spectrum.history, f"transfer({self.source} to {self.target}, {self.digest()[:12]})"),
        )

    def digest(self) -> str:
        """SHA-256 of its content, hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return it as an object, with its own hash."""
        return {"kind": KIND, "schema": SCHEMA, **asdict(self), "sha256": self.digest()}


def _blurred(values: FloatArray, shift: FloatArray, fwhm_cm: float) -> FloatArray:
    """Blur by a Gaussian of so many cm⁻¹, by the step where each point stands (the median one)."""
    if fwhm_cm <= 0.0 or values.size < MIN_POINTS:
        return values
    from scipy.ndimage import gaussian_filter1d

    step = float(np.median(np.diff(shift)))
    return np.asarray(gaussian_filter1d(values, fwhm_cm / 2.3548 / step, mode="nearest"), dtype=np.float64)


def save_transfer(transfer: Transfer, path: Path) -> None:
    """Write a transfer, whole or not at all.

    Raises
    ------
    FormatError
        When it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(transfer.to_json(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise FormatError(f"cannot be written: {error.strerror}", where=str(path)) from None


def load_transfer(path: Path) -> Transfer:
    """Read a transfer and check its hash.

    Raises
    ------
    FormatError
        When it is none, of a newer schema, was altered, or holds values that make no sense.
    """
    where = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FormatError("the file is too large to be a transfer", where=where)
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.pop("kind", None) != KIND:
            raise FormatError("is not a transfer", where=where)
        if content.pop("schema", None) != SCHEMA:
            raise FormatError("is a transfer of another version", where=where, remedy="make it again")
        told = content.pop("sha256", "")
        for name in ("axis_cm", "log_response", "standards"):
            content[name] = tuple(content[name])
        made = Transfer(**content)
        numbers = (*made.axis_cm, *made.log_response, made.low_cm, made.high_cm, made.resolution_cm)
        sensible = all(isinstance(each, (int, float)) and math.isfinite(each) for each in numbers)
        if made.digest() != told or not sensible or not made.low_cm < made.high_cm:
            raise FormatError(
                "was altered, or holds no sensible numbers", where=where, remedy="make it again"
            )
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=where) from None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"is no transfer: {error}", where=where) from None
    if sum(map(abs, made.axis_cm)) > MAX_AXIS_CM or sum(map(abs, made.log_response)) > MAX_LOG_RESPONSE:
        raise FormatError("moves or scales more than any two working units differ", where=where)
    return made
