"""Simulator scenes as photon sources: what the emulated detectors see of a simulated sample.

Light and detector noise are the simulator's; the numbers stay simulated, whatever driver carries them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spectriage.device.contract.uri import DeviceURI
from spectriage.device.simulator.detector import DetectorUnit
from spectriage.device.simulator.options import read_options
from spectriage.device.simulator.presets import InstrumentPreset
from spectriage.device.simulator.simulator import SimulatedSpectrometer
from spectriage.device.testing.emulation.photons import Exposure
from spectriage.spectra.arrays import FloatArray

FINE_PIXELS = 4096
LOW_NM, HIGH_NM = 786.0, 1040.0
NOISE_STREAM = 7


class SceneSource:
    """A scene of the simulator, seen by an emulated detector of any axis.

    The scene's light is rendered on a fine axis and brought onto the pixels by their width. Bleaching counts
    the laser's energy from exposure to exposure.

    Parameters
    ----------
    scene
        Path of a ``sim:`` URI: a name or a mixture.
    seed
        Of sample and noise.
    """

    def __init__(self, scene: str, seed: int = 1) -> None:
        uri = DeviceURI("sim", scene, {"seed": str(seed)}, f"sim:{scene}?seed={seed}")
        options = read_options(uri)
        # A line of pixels without sag is enough: its light is interpolated.
        fine = replace(options.preset, pixels=FINE_PIXELS, first_nm=LOW_NM, last_nm=HIGH_NM, curvature_nm=0.0)
        self._kind = options.preset
        self._light = SimulatedSpectrometer(replace(options, preset=fine), uri).light
        self._rng = np.random.default_rng([seed, NOISE_STREAM])
        self._lit_s = 0.0
        self._detector: DetectorUnit | None = None

    def __call__(self, exposure: Exposure) -> FloatArray:
        """Return the counts of one exposure, shape (n,)."""
        light = self._light.electrons_s(
            power=exposure.laser, lit_s=self._lit_s, laser_nm=exposure.excitation_nm
        )
        self._lit_s += exposure.laser * exposure.seconds
        per_nm = light / np.gradient(self._light.wavelength_nm)
        widths = np.abs(np.gradient(exposure.wavelength_nm))
        electrons_s = np.interp(exposure.wavelength_nm, self._light.wavelength_nm, per_nm) * widths
        if self._detector is None:
            self._detector = DetectorUnit.draw(self._fitted(exposure), self._rng)
        warmer_k = exposure.detector_celsius - self._kind.detector_c
        return self._detector.expose(electrons_s, exposure.seconds, self._rng, warmer_k=warmer_k)

    def _fitted(self, exposure: Exposure) -> InstrumentPreset:
        """Return the simulator's detector with the pixels and the converter of the emulated one."""
        bits = int(np.ceil(np.log2(exposure.full_scale + 1)))
        return replace(self._kind, pixels=exposure.wavelength_nm.size, bits=bits)


def scene_source(scene: str, *, seed: int = 1) -> SceneSource:
    """Return the photon source of a simulator scene.

    Raises
    ------
    DeviceURIError, DeviceNotFoundError
        The scene cannot be understood or names an unknown material.
    """
    return SceneSource(scene, seed)
