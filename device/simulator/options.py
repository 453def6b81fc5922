"""What a ``sim:`` URI asks for, checked: sample, packaging, instrument, seed, exposure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from spectriage.device.contract.uri import DeviceURI
from spectriage.device.simulator.faults import FaultState, read_fault
from spectriage.device.simulator.mixture import Component, Packaging, parse_mixture, parse_packaging
from spectriage.device.simulator.perturbation import PERTURBATIONS
from spectriage.device.simulator.presets import PRESETS, InstrumentPreset
from spectriage.device.simulator.scenes import SCENES

OPTIONS = {
    "preset": "785-ccd or 1064-ingaas",
    "seed": "everything random follows from it",
    "unit": "which instrument of the kind; the seed by default",
    "perturbation": "measured (like another real instrument and sample) or none (labelled unperturbed)",
    "packaging": "NAME[:strength], see the packaging table",
    "integration_ms": "one exposure",
    "accumulations": "exposures averaged",
    "basis": "signal or weight: what the fractions are fractions of",
    "uneven": "how much the fractions vary from spot to spot (standard deviation of the logarithm)",
    "spot": "which spot of an uneven sample is measured first",
    "fault": "NAME[@FRAME]: what is wrong with the device",
    "laser_mw": "laser power at the sample",
    "brightness": "Raman signal relative to a strong scatterer",
    "fluorescence": "relative to the strongest Raman pixel; drawn by default",
    "ambient": "room light, electrons a second in its strongest line",
    "cold": "1 starts with a cold laser that drifts while it warms up",
    "laser_k": "how much warmer than its working temperature the laser stays",
    "detector_k": "how much warmer than its working temperature the detector stays",
    "realtime": "1 waits as long as a real device would",
}
"""Options of a ``sim:`` URI and what they mean."""


@dataclass(frozen=True)
class SimulatorOptions:
    """The checked options of a ``sim:`` URI; see `OPTIONS`."""

    components: tuple[Component, ...]
    packaging: Packaging
    preset: InstrumentPreset
    seed: int
    unit: int
    perturbation: str
    integration_ms: float
    accumulations: int
    basis: str
    uneven: float
    spot: int
    fault: FaultState
    laser_mw: float
    brightness: float
    fluorescence: float | None
    ambient_e_s: float
    cold: bool
    laser_k: float
    detector_k: float
    realtime: bool
    lamp: str

    @property
    def perturbation_label(self) -> str:
        """How results must be labelled."""
        return "unperturbed" if self.perturbation == "none" else self.perturbation


def read_options(uri: DeviceURI) -> SimulatorOptions:
    """Check a ``sim:`` URI.

    Raises
    ------
    DeviceURIError
        Names the part that is wrong.
    """
    uri.only(OPTIONS)
    scene = SCENES.get(uri.path.strip().casefold())
    if scene:
        options = MappingProxyType({**scene.options, **uri.options})
        uri = replace(uri, path=scene.mixture, options=options)
    preset = PRESETS[uri.choice("preset", "785-ccd", PRESETS)]
    seed = uri.integer("seed", 0)
    given = "fluorescence" in uri.options
    return SimulatorOptions(
        components=parse_mixture(uri),
        packaging=parse_packaging(uri),
        preset=preset,
        seed=seed,
        unit=uri.integer("unit", seed),
        perturbation=uri.choice("perturbation", "measured", PERTURBATIONS),
        integration_ms=uri.number(
            "integration_ms", 1000.0, preset.min_integration_ms, preset.max_integration_ms
        ),
        accumulations=uri.integer("accumulations", 1, 1, 10_000),
        basis=uri.choice("basis", "weight" if scene else "signal", ("signal", "weight")),
        uneven=uri.number("uneven", 0.0, 0.0, 3.0),
        spot=uri.integer("spot", 0, 0, 10**6),
        fault=read_fault(uri),
        laser_mw=uri.number("laser_mw", preset.laser_mw, 0.01 * preset.laser_mw, preset.laser_mw),
        brightness=uri.number("brightness", 1.0, 0.0, 1000.0),
        fluorescence=uri.number("fluorescence", 0.0, 0.0, 1e6) if given else None,
        ambient_e_s=uri.number("ambient", 0.0, 0.0, 1e9),
        cold=uri.choice("cold", "0", ("0", "1")) == "1",
        laser_k=uri.number("laser_k", 0.0, -100.0, 100.0),
        detector_k=uri.number("detector_k", 0.0, -50.0, 100.0),
        realtime=uri.choice("realtime", "0", ("0", "1")) == "1",
        lamp=scene.lamp if scene else "",
    )
