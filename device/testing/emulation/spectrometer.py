"""What all emulated spectrometers share: a detector, a laser and a photon source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectriage.device.contract.clock import Clock
from spectriage.device.testing.emulation.device import EmulatedDevice
from spectriage.device.testing.emulation.laser import EmulatedLaser
from spectriage.device.testing.emulation.photons import Exposure, LineSource, PhotonSource
from spectriage.spectra.arrays import FloatArray

SATURATING = 60.0


class EmulatedSpectrometer(EmulatedDevice):
    """Base of the models: exposes its detector to a photon source.

    Parameters
    ----------
    serial
        Serial number.
    source
        What the detector sees; a `LineSource` when None.
    clock
        The system's when None.

    Attributes
    ----------
    integration_s
        Exposure time in force.
    laser
        The laser, or what the gate line drives.
    detector_celsius
        Detector temperature.
    brightness
        Factor on the light of the source.
    """

    full_scale = 65535
    has_laser = False
    default_excitation_nm = 785.0

    def __init__(
        self,
        serial: str,
        wavelength_nm: FloatArray,
        source: PhotonSource | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(serial, clock)
        self.wavelength_nm = wavelength_nm
        self.source: PhotonSource = source if source is not None else LineSource()
        self.laser = EmulatedLaser(self.clock)
        self.integration_s = 0.1
        self.detector_celsius = -10.0
        self.excitation_nm = self.default_excitation_nm
        self.brightness = 1.0
        self.frames = 0
        self._extra_frame = False
        self._last_frame: bytes | None = None

    @property
    def laser_emitting(self) -> bool:
        """Whether light comes out now: the truth that tests compare with."""
        return self.laser.emitting

    def expose(self, start_s: float, stop_s: float) -> NDArray[np.uint32]:
        """Return the counts of an exposure between two times, shape (n,), clipped to the converter."""
        exposure = Exposure(
            wavelength_nm=self.wavelength_nm,
            seconds=self.integration_s,
            laser=self.laser.mean_power(start_s, stop_s) * self.brightness,
            excitation_nm=self.excitation_nm,
            detector_celsius=self.detector_celsius,
            start_s=start_s,
            full_scale=self.full_scale,
        )
        counts = np.asarray(self.source(exposure), dtype=np.float64)
        return np.clip(np.rint(counts), 0, self.full_scale).astype(np.uint32)

    def encode(self, counts: NDArray[np.uint32]) -> bytes:
        """Return the bytes in which the model sends a frame."""
        raise NotImplementedError

    def start_exposure(self, endpoint: int) -> None:
        """Expose, and queue the frame on `endpoint` for when the exposure ends."""
        start, length = self.clock.monotonic(), self.integration_s

        def frame() -> bytes:
            self.frames += 1
            self._last_frame = self.encode(self.expose(start, start + length))
            return self._last_frame

        if self._extra_frame:
            # One frame too many: from now on each read gets the frame before the one it asked for.
            self._extra_frame = False
            old = self._last_frame or self.encode(self.expose(start - length, start))
            self.reply(endpoint, old)
        self.reply(endpoint, frame, length)

    def set_condition(self, name: str) -> bool:
        """Bring about a physical condition; False when this model has no such."""
        with self.condition:
            if name == "stale-frame":
                self._extra_frame = True
            elif name == "saturation":
                self.brightness = SATURATING
            elif name == "warm-up-droop" and self.has_laser:
                self.laser.warm_up_droop = 0.3
            else:
                return self.set_model_condition(name)
            return True

    def set_model_condition(self, name: str) -> bool:
        """Bring about a condition that only this model has."""
        return False


def polynomial(coefficients: Sequence[float], index: FloatArray) -> FloatArray:
    """Evaluate a polynomial, lowest order first, at `index`; shape (n,)."""
    value = np.zeros(index.size)
    for power, coefficient in enumerate(coefficients):
        value += coefficient * index**power
    return value
