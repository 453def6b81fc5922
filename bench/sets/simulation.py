"""Simulated scans for a benchmark, perturbed to the mismatch measured between instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spectriage.bench.sets.change import blurred
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import RAISED, Identification

BAG = "ldpe"
EXPOSURE_MS = 1000.0


@dataclass(frozen=True)
class Sample:
    """One simulated scan.

    Parameters
    ----------
    mixture
        As a ``sim:`` URI has it, e.g. ``fentanyl HCl:0.1+lactose``.
    seed
        Everything random follows from it.
    packaging, preset
        As ``?packaging=`` and ``?preset=`` have them.
    offset_cm, resolution_cm
        Done to the scan afterwards: an axis error, and a blur to a coarser resolution.
    label
        What the sample counts as.
    """

    mixture: str
    seed: int
    packaging: str = BAG
    preset: str = "785-ccd"
    offset_cm: float = 0.0
    resolution_cm: float | None = None
    label: str = ""

    @property
    def uri(self) -> str:
        """The device URI that gives the scan."""
        options = {
            "packaging": self.packaging,
            "preset": self.preset,
            "seed": str(self.seed),
            "integration_ms": f"{EXPOSURE_MS:g}",
        }
        return f"sim:{self.mixture}?" + "&".join(f"{key}={value}" for key, value in options.items())

    def scan(self) -> Spectrum:
        """Take the scan with its dark, and return it as a spectrum."""
        from spectriage.device.acquire import Acquirer
        from spectriage.device.contract import Deadline, open_device

        with open_device(self.uri) as device:
            spectrum = Acquirer(device).scan(Deadline.after(1e6, device.clock)).to_spectrum()
        if self.offset_cm:
            spectrum = spectrum.with_step(
                f"moved {self.offset_cm:+g} cm-1", shift=spectrum.shift + self.offset_cm
            )
        return spectrum if self.resolution_cm is None else blurred(spectrum, self.resolution_cm)


@dataclass(frozen=True)
class SimulatedAnswer:
    """What the engine said of one simulated scan.

    Parameters
    ----------
    families
        Families of everything that it reports: components, and targets that were found.
    claims
        The substances, or families, that it claims.
    lod
        The stated limit of detection of the target that was asked for.
    """

    label: str
    uri: str
    verdict: str
    reason: str
    families: tuple[str, ...]
    claims: tuple[str, ...]
    similarity: float
    lod: float | None = None

    @property
    def raised(self) -> bool:
        """Whether it was an alarm or a warning."""
        return self.verdict in RAISED

    def names_family(self, family: str) -> bool:
        """Whether it raised an alarm or a warning, and reports this family."""
        return self.raised and family in self.families


def ask(engine: Identifier, sample: Sample, target: str = "") -> SimulatedAnswer:
    """Simulate one scan and identify it."""
    result = engine.identify(sample.scan())
    lod = next((t.lod for t in result.targets if t.name == target), None)
    return SimulatedAnswer(
        sample.label,
        sample.uri,
        str(result.verdict),
        result.reason,
        families(result),
        tuple(part.claim for part in result.components),
        result.similarity,
        lod,
    )


def families(result: Identification) -> tuple[str, ...]:
    """Return the families of the components and of the targets that were found."""
    seen = [part.reference.family for part in result.components]
    seen += [target.reference.family for target in result.targets if target.found]
    return tuple(dict.fromkeys(seen))


def ask_one(context: tuple[Identifier, str], sample: Sample) -> SimulatedAnswer:
    """Identify one sample; for `runner.run`."""
    engine, target = context
    return ask(engine, sample, target)


def as_details(answers: Sequence[SimulatedAnswer]) -> list[dict[str, Any]]:
    """Return answers for the JSON."""
    return [
        {
            "label": a.label,
            "uri": a.uri,
            "verdict": a.verdict,
            "reason": a.reason,
            "families": list(a.families),
            "claims": list(a.claims),
            "similarity": round(a.similarity, 4),
            "lod": None if a.lod is None or a.lod > 1.0 else round(a.lod, 4),
        }
        for a in answers
    ]
