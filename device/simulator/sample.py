"""The sample of a simulated scan: its materials, perturbed, in their shares of the light at one spot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from spectriage.device.contract.uri import DeviceURI
from spectriage.device.simulator.lines import lines_of
from spectriage.device.simulator.mixture import find_material
from spectriage.device.simulator.optics import AMBIENT_LINES_NM, Fluorescence, SceneLight
from spectriage.device.simulator.options import SimulatorOptions
from spectriage.device.simulator.perturbation import PERTURBATIONS, UnitTraits, perturb_lines
from spectriage.spectra.arrays import FloatArray

if TYPE_CHECKING:
    from spectriage.library.catalogue import CatalogueEntry

SAMPLE_STREAM, SPOT_STREAM = 2, 4
STANDARD = "acetaminophen"
"""Weight fractions are brought to signal by responses relative to this material."""


def build_light(
    options: SimulatorOptions, unit: UnitTraits, uri: DeviceURI, *, spot: int, brighter: float = 1.0
) -> SceneLight:
    """Return the light of one spot of a sample on one instrument.

    Parameters
    ----------
    options, uri
        What was asked for, and the URI for messages.
    unit
        The instrument's traits.
    spot
        Which spot of an uneven sample.
    brighter
        Factor on the sample's brightness.

    Raises
    ------
    DeviceNotFoundError
        When the catalogue has no such material.
    DeviceURIError
        When a material without Raman bands is given a fraction of the Raman signal.
    """
    rng = np.random.default_rng([options.seed, SAMPLE_STREAM])
    sizes = PERTURBATIONS[options.perturbation]
    entries = [find_material(component.name, uri.text) for component in options.components]
    fractions, loudness = _spot_fractions(options, spot)
    shares, strength = _signal_shares(options, uri, entries, fractions)
    layers = [
        (perturb_lines(lines_of(entry), sizes, rng), share)
        for entry, share in zip(entries, shares, strict=True)
    ]
    wrapping = None
    if options.packaging.entry:
        wrapping = perturb_lines(lines_of(find_material(options.packaging.entry, uri.text)), sizes, rng)
    by_weight = options.basis == "weight"
    return SceneLight(
        options.preset,
        unit,
        layers,
        fluorescence=Fluorescence.draw(options.fluorescence, rng),
        brightness=options.brightness * brighter * loudness,
        standard=lines_of(find_material(STANDARD, uri.text)) if by_weight else None,
        strength=strength,
        wrapping=wrapping,
        packaging=options.packaging,
        ambient_e_s=options.ambient_e_s,
        ambient_lines=_lamp_lines(options.lamp) if options.lamp else AMBIENT_LINES_NM,
    )


def _spot_fractions(options: SimulatorOptions, spot: int) -> tuple[FloatArray, float]:
    """Return the fractions in this spot and its brightness: grains lie as they fall."""
    fractions = np.array([component.fraction for component in options.components])
    if options.uneven == 0.0:
        return fractions, 1.0
    rng = np.random.default_rng([options.seed, SPOT_STREAM, spot])
    fractions = fractions * np.exp(options.uneven * rng.normal(size=fractions.size))
    return fractions / fractions.sum(), float(np.exp(0.3 * options.uneven * rng.normal()))


def _signal_shares(
    options: SimulatorOptions, uri: DeviceURI, entries: Sequence[CatalogueEntry], fractions: FloatArray
) -> tuple[FloatArray, float]:
    """Return the shares of the Raman photons, and their sum relative to the standard's."""
    silent = [c.name for c, e in zip(options.components, entries, strict=True) if not e.bands]
    if options.basis == "signal":
        if silent and len(entries) > 1:
            raise uri.error(
                f"{silent[0]!r} has no Raman bands and cannot be a fraction of the Raman signal",
                "give weights with basis=weight",
            )
        return fractions, 1.0
    signal = fractions * np.array([entry.response.value for entry in entries])
    total = float(signal.sum())
    return (signal / total if total > 0.0 else fractions), total


def _lamp_lines(element: str) -> tuple[tuple[float, float], ...]:
    """Return a lamp's lines: vacuum wavelength in nm, strength relative to the strongest."""
    from spectriage.library.catalogue.knowledge import load_emission_lines
    from spectriage.spectra.signal.wavelength import air_to_vacuum_nm

    air, strength = np.array(load_emission_lines()[element].lines).T
    return tuple(zip(air_to_vacuum_nm(air).tolist(), (strength / strength.max()).tolist(), strict=True))
