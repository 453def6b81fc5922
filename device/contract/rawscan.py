"""`RawScan`: what a detector delivered, with all that is needed to turn it into a `Spectrum`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from spectriage.device.contract.errors import CalibrationError, DeviceProtocolError
from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.origin import Origin
from spectriage.spectra.spectrum import Spectrum

QUANTISATION_VARIANCE = 1.0 / 12.0
"""Variance in counts² of rounding to whole counts: that of a uniform distribution one count wide."""


@dataclass(frozen=True)
class Detector:
    """What is known of a detector; None where the device does not say.

    Parameters
    ----------
    name
        The chip or its kind.
    pixels
        Number of points in a frame.
    saturation_counts
        A pixel at or above this is saturated.
    gain_e
        Electrons per count.
    read_noise_e
        Standard deviation of one read in electrons.
    bias_counts
        Counts of an exposure of no length in the dark.
    """

    name: str
    pixels: int
    saturation_counts: float
    gain_e: float | None = None
    read_noise_e: float | None = None
    bias_counts: float | None = None


@dataclass(frozen=True)
class DeviceInfo:
    """Who a spectrometer is and what it can be set to.

    Parameters
    ----------
    uri
        The URI that opens this very unit again, without options.
    origin
        Whether its numbers are measured, replayed, emulated or simulated.
    excitation_nm
        Nominal laser wavelength; None where the device does not know its laser.
    resolution_cm
        Nominal resolution (full width at half maximum); None when unknown.
    min_integration_ms, max_integration_ms
        Limits of one exposure.
    integration_step_ms
        Exposures are multiples of this; 0 where any can be set.
    notes
        What a user must know, e.g. that a driver was never run on hardware.
    """

    uri: str
    maker: str
    model: str
    serial: str
    origin: Origin
    detector: Detector
    firmware: str = ""
    excitation_nm: float | None = None
    resolution_cm: float | None = None
    min_integration_ms: float = 1.0
    max_integration_ms: float = 60_000.0
    notes: tuple[str, ...] = ()
    integration_step_ms: float = 0.0

    def nearest_integration_ms(self, wanted_ms: float, longest_ms: float = np.inf) -> float:
        """Return the exposure that can be set, not above `longest_ms`, that is nearest to a wanted one."""
        low, high = self.min_integration_ms, min(self.max_integration_ms, longest_ms)
        step = self.integration_step_ms
        if step > 0.0:
            low, high = np.ceil(low / step) * step, np.floor(high / step) * step
            wanted_ms = round(wanted_ms / step) * step
        return float(max(low, min(wanted_ms, high)))

    def sets_integration_ms(self, integration_ms: float) -> bool:
        """Whether an exposure between the limits is one of those that can be set."""
        step = self.integration_step_ms
        return step <= 0.0 or integration_ms == round(integration_ms / step) * step


def _readonly(values: ArrayLike, name: str, where: str) -> FloatArray:
    array = np.array(values, dtype=np.float64, copy=True)
    if array.ndim != 1 or array.size == 0:
        raise DeviceProtocolError(f"{name} has shape {array.shape}, not (n,)", where=where)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise DeviceProtocolError(f"{name} is {array[bad[0]]} at pixel {bad[0]}", where=where)
    array.flags.writeable = False
    return array


@dataclass(frozen=True)
class Axis:
    """The axis of a detector: wavelengths, or shifts, or neither (bare pixels).

    Parameters
    ----------
    wavelength_nm
        Of each pixel, shape (n,), strictly ascending or strictly descending.
    shift_cm
        Raman shift of each pixel in cm⁻¹, for sources that know only that.
    source
        Where the axis comes from: the device's memory, a calibration file, the replayed file.

    Raises
    ------
    DeviceProtocolError
        When it is not finite or not monotonic: a corrupt memory must not pass for an axis.
    """

    wavelength_nm: FloatArray | None = None
    shift_cm: FloatArray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("wavelength_nm", "shift_cm"):
            values = getattr(self, name)
            if values is None:
                continue
            array = _readonly(values, name, self.source)
            step = np.diff(array)
            if not (np.all(step > 0) or np.all(step < 0)):
                # Against the way that the axis goes as a whole; one that ends where it began goes up.
                way = 1.0 if array[-1] >= array[0] else -1.0
                bad = int(np.flatnonzero(np.sign(step) != way)[0])
                raise DeviceProtocolError(
                    f"{name} is not monotonic at pixel {bad + 1}: {array[bad]:g} then {array[bad + 1]:g}",
                    where=self.source,
                    remedy="the device's calibration memory may be blank or corrupt: calibrate it again",
                )
            if name == "wavelength_nm" and not 100.0 <= array.min() <= array.max() <= 10_000.0:
                raise DeviceProtocolError(
                    f"wavelengths of {array.min():g} to {array.max():g} nm are not a spectrometer's",
                    where=self.source,
                )
            object.__setattr__(self, name, array)

    def shift(self, excitation_nm: float | None) -> FloatArray:
        """Return the Raman shift of each pixel in cm⁻¹, shape (n,): 1e7 · (1/λ₀ - 1/λ).

        Raises
        ------
        CalibrationError
            When the axis is bare pixels, or wavelengths without a laser wavelength.
        """
        if self.shift_cm is not None:
            return self.shift_cm
        if self.wavelength_nm is None:
            raise CalibrationError(
                "the device knows no wavelength axis", where=self.source, remedy="calibrate it"
            )
        if excitation_nm is None:
            raise CalibrationError(
                "the laser wavelength is unknown, so that a wavelength is not a Raman shift",
                where=self.source,
                remedy="name it with ?excitation_nm= or calibrate the device",
            )
        return 1e7 * (1.0 / excitation_nm - 1.0 / self.wavelength_nm)


@dataclass(frozen=True, eq=False)
class RawScan:
    """One scan as the detector gave it: the mean of equal exposures, and their dark.

    Parameters
    ----------
    counts
        Mean counts of one exposure, shape (n,).
    dark
        Mean counts of an exposure of the same length without the laser, shape (n,); None when not taken.
    saturated
        Where any single exposure was at or above the saturation level, shape (n,).
    axis
        Wavelength or shift of the pixels.
    info
        The device.
    excitation_nm
        Laser wavelength in force for this scan; None when unknown.
    integration_ms
        Length of one exposure.
    accumulations, dark_accumulations
        Number of exposures averaged.
    started, finished
        UTC.
    metadata
        What the device said of this scan: temperatures, laser power, the simulator's scene and seed.
    """

    counts: FloatArray
    dark: FloatArray | None
    saturated: BoolArray
    axis: Axis
    info: DeviceInfo
    excitation_nm: float | None
    integration_ms: float
    accumulations: int
    started: datetime
    finished: datetime
    dark_accumulations: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = self.info.uri
        counts = _readonly(self.counts, "counts", where)
        object.__setattr__(self, "counts", counts)
        if self.dark is not None:
            object.__setattr__(self, "dark", _readonly(self.dark, "dark", where))
        saturated = np.array(self.saturated, dtype=np.bool_, copy=True)
        saturated.flags.writeable = False
        object.__setattr__(self, "saturated", saturated)
        for name in ("dark", "saturated"):
            values = getattr(self, name)
            if values is not None and values.shape != counts.shape:
                raise DeviceProtocolError(
                    f"{name} has shape {values.shape} but counts {counts.shape}", where=where
                )
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def __getstate__(self) -> dict[str, Any]:
        """Arrays and a plain dict: a mapping proxy cannot be pickled."""
        return {**self.__dict__, "metadata": dict(self.metadata)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for key, value in state.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def with_dark(self, dark: RawScan) -> RawScan:
        """Return this scan with the counts of another, taken without the laser, as its dark.

        Raises
        ------
        DeviceProtocolError
            When the exposures or the detectors differ: such a dark does not belong to this scan.
        """
        if dark.info.serial != self.info.serial or dark.integration_ms != self.integration_ms:
            raise DeviceProtocolError(
                f"a dark of {dark.integration_ms:g} ms on {dark.info.serial} does not fit "
                f"a scan of {self.integration_ms:g} ms on {self.info.serial}",
                where=self.info.uri,
            )
        return replace(self, dark=dark.counts, dark_accumulations=dark.accumulations)

    def variance(self) -> FloatArray | None:
        """Variance of ``counts - dark`` in counts², shape (n,); None when the gain is not known.

        Shot noise of the electrons above the bias, read noise and rounding, each divided by the number of
        exposures averaged, for the scan and for its dark (Janesick, Photon Transfer, SPIE 2007, ch. 3-4).
        An unknown bias counts as electrons, which overestimates the noise. Fixed pattern is not noise of a
        repeated scan and is not in it.
        """
        detector = self.info.detector
        if detector.gain_e is None:
            return None
        gain = detector.gain_e
        floor = ((detector.read_noise_e or 0.0) / gain) ** 2 + QUANTISATION_VARIANCE
        bias = detector.bias_counts or 0.0
        variance = (np.maximum(self.counts - bias, 0.0) / gain + floor) / self.accumulations
        if self.dark is not None:
            exposures = max(self.dark_accumulations, 1)
            variance += (np.maximum(self.dark - bias, 0.0) / gain + floor) / exposures
        return np.asarray(variance, dtype=np.float64)

    def to_spectrum(self, *, axis: Axis | None = None, excitation_nm: float | None = None) -> Spectrum:
        """Turn the counts into a `Spectrum` on its ascending shift axis.

        Parameters
        ----------
        axis, excitation_nm
            From a calibration; the device's own by default.

        Returns
        -------
        Spectrum
            ``counts - dark`` with its variance. Metadata: `origin`, `device` (uri, maker, model, serial),
            exposure, times, ``saturated``, ``saturated_cm`` (tuple of (low, high) shifts in cm⁻¹),
            ``saturated_fraction``, ``dark_subtracted``, and all that the device said.

        Raises
        ------
        CalibrationError
            When no shift axis is known.
        """
        excitation = excitation_nm if excitation_nm is not None else self.excitation_nm
        shift = (axis or self.axis).shift(excitation)
        if shift.shape != self.counts.shape:
            raise CalibrationError(
                f"an axis of {shift.size} pixels does not fit a scan of {self.counts.size}",
                where=self.info.uri,
            )
        order = slice(None) if shift[0] < shift[-1] else slice(None, None, -1)
        signal = self.counts - self.dark if self.dark is not None else self.counts
        variance = self.variance()
        steps = [f"acquire({self.integration_ms:g} ms x {self.accumulations})"]
        if self.dark is not None:
            steps.append(f"subtract_dark({self.integration_ms:g} ms x {self.dark_accumulations})")
        return Spectrum(
            shift=shift[order],
            intensity=signal[order],
            variance=None if variance is None else variance[order],
            excitation_nm=excitation,
            resolution_cm=self.info.resolution_cm,
            metadata=self._spectrum_metadata(shift[order], self.saturated[order]),
            history=tuple(steps),
        )

    def _spectrum_metadata(self, shift: FloatArray, saturated: BoolArray) -> dict[str, Any]:
        info = self.info
        return {
            **self.metadata,
            "origin": str(info.origin),
            "device": {
                "uri": info.uri,
                "maker": info.maker,
                "model": info.model,
                "serial": info.serial,
                "firmware": info.firmware,
                "detector": info.detector.name,
            },
            "integration_ms": self.integration_ms,
            "accumulations": self.accumulations,
            "started": self.started.isoformat(),
            "finished": self.finished.isoformat(),
            "dark_subtracted": self.dark is not None,
            "saturated": bool(np.any(saturated)),
            "saturated_cm": _ranges(shift, saturated),
            "saturated_fraction": float(np.mean(saturated)),
        }


def _ranges(shift: FloatArray, mask: BoolArray) -> tuple[tuple[float, float], ...]:
    """Shift ranges where `mask` is true."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    starts = np.flatnonzero(edges == 1)
    stops = np.flatnonzero(edges == -1) - 1
    return tuple((float(shift[a]), float(shift[b])) for a, b in zip(starts, stops, strict=True))
