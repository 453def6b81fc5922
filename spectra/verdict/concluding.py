"""From what explains a scan to the answer: what may be named, the ruling, and what is said beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import blurred
from spectriage.spectra.evidence.sighting import sight
from spectriage.spectra.evidence.unexplained import Unexplained, unexplained_bands
from spectriage.spectra.fitting.far_axis import FarAxis, find_far_axes
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.refit import Given, fit_each
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.reference import Hazard
from spectriage.spectra.signal.artefacts import Artefact, find_artefacts
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM, corrected_shift
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.signal.noise import noise_level
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique
from spectriage.spectra.verdict.advice import useful_exposure
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.identification import AXIS_ASSUMED, Identification, Traces
from spectriage.spectra.verdict.named import (
    is_missing,
    may_be_named,
    rests_on_few_lines,
    with_odds_of_named,
)
from spectriage.spectra.verdict.rules import UNKNOWN, Evidence, Ruling, rule
from spectriage.spectra.verdict.scan import Scan, standing_scans
from spectriage.spectra.verdict.watching import Watch
from spectriage.spectra.version import __version__

SYNTHETIC = ("simulated", "emulated")
"""Origins of spectra that no instrument measured; said with every result."""
CLEANED = {"without_dead": "Stretches of one value left out", "remove_spikes": "Cosmic rays taken out"}
"""Steps of preparation that are told with a result."""


class Concluder:
    """Concludes from scans that are explained.

    Parameters
    ----------
    index, policy, watch
        The library, what a decision asks for, and what is watched for.
    technique
        How the spectra are measured.
    """

    def __init__(self, index: ContrastIndex, policy: Policy, watch: Watch, technique: Technique) -> None:
        self._index = index
        self._policy = policy
        self._watch = watch
        self._technique = technique

    def conclude(
        self, scans: Sequence[Scan], *, traces: bool = False, health: str = ""
    ) -> list[Identification]:
        """Return what is concluded from some scans that are explained.

        Parameters
        ----------
        traces
            Whether to keep the curves behind the decisions.
        health
            Why the instrument's state forbids a conclusion; empty when it does not.
        """
        named = self._named(scans)
        explained = [self._is_explained(kept) for _, kept in named]
        left = self._left(scans, [kept for _, kept in named])
        unclear = [scan for scan, is_explained in zip(scans, explained, strict=True) if not is_explained]
        far = iter(find_far_axes([scan.fitter for scan in unclear]))
        evidence = [
            self._evidence(scan, components, is_explained, own, None if is_explained else next(far), health)
            for scan, (components, _), is_explained, own in zip(scans, named, explained, left, strict=True)
        ]
        rulings = [rule(own, self._policy) for own in evidence]
        self._seek_artefacts(scans, evidence, rulings)
        self._seek_light(scans, evidence, rulings)
        return [
            self._answer(scan, own, ruling, traces)
            for scan, own, ruling in zip(scans, evidence, rulings, strict=True)
        ]

    def _left(self, scans: Sequence[Scan], fits: Sequence[Fit]) -> list[Unexplained]:
        """Return the bands that fits of some scans do not explain; of the scans' own fits these are known."""
        others = [fit for scan, fit in zip(scans, fits, strict=True) if fit is not scan.fit]
        if not others:
            return [scan.unexplained for scan in scans]
        found = iter(unexplained_bands(others, self._index.step_cm))
        return [
            scan.unexplained if fit is scan.fit else next(found)
            for scan, fit in zip(scans, fits, strict=True)
        ]

    def _seek_artefacts(
        self, scans: Sequence[Scan], evidence: Sequence[Evidence], rulings: list[Ruling]
    ) -> None:
        """Rule once more on scans that nothing explains, where it is seen what disturbed them."""
        places = [
            place
            for place, ruling in enumerate(rulings)
            if ruling.reason in UNKNOWN and not evidence[place].explained
        ]
        if not places:
            return
        artefacts = self._artefacts([scans[place] for place in places])
        for place, artefact in zip(places, artefacts, strict=True):
            if artefact is not None:
                evidence[place].artefact = artefact
                rulings[place] = rule(evidence[place], self._policy)

    def _seek_light(self, scans: Sequence[Scan], evidence: Sequence[Evidence], rulings: list[Ruling]) -> None:
        """Rule once more on scans that could not show enough, where more light would not help."""
        places = [
            place
            for place, ruling in enumerate(rulings)
            if ruling.reason == "limit-of-detection" and evidence[place].exposure > 1.0
        ]
        if not places:
            return
        helps = self._watch.limits_are_noise([scans[place] for place in places])
        for place, light_helps in zip(places, helps, strict=True):
            if not light_helps:
                evidence[place].exposure = 1.0
                rulings[place] = rule(evidence[place], self._policy)

    def _answer(self, scan: Scan, evidence: Evidence, ruling: Ruling, traces: bool) -> Identification:
        """Return what is said of a scan."""
        fit, references = scan.fit, self._index.references
        return Identification(
            verdict=ruling.verdict,
            reason=ruling.reason,
            summary=ruling.summary,
            facts=ruling.facts,
            next_step=ruling.next_step,
            components=evidence.components,
            packaging=evidence.packaging,
            candidates=evidence.nearest,
            targets=scan.targets,
            quality=scan.quality,
            similarity=fit.similarity,
            unexplained=evidence.unexplained,
            exposure=evidence.exposure,
            axis_offset_cm=fit.axis.offset_cm,
            axis_stretch=fit.axis.stretch,
            broadening_cm=fit.axis.broadening_cm,
            library={"name": references.name, "version": references.version, "sha256": references.sha256},
            engine=__version__,
            policy={"name": self._policy.name, "sha256": self._policy.sha256},
            notes=_notes(scan.spectrum),
            technique=self._technique,
            traces=self._traces(fit, scan.query, scan.baseline) if traces else None,
        )

    def _evidence(
        self,
        scan: Scan,
        components: tuple[Component, ...],
        explained: bool,
        unexplained: Unexplained,
        far: FarAxis | None,
        health: str,
    ) -> Evidence:
        """Return what is ruled on; `components` are those that may be named."""
        fit, parts = scan.fit, scan.parts
        wrapping = tuple([part for part in parts if part.reference.is_packaging])
        if not explained:
            components = tuple([part for part in components if part.reference.family in scan.found])
        shown = (*components, *wrapping)
        hazards = {part.reference.family for part in parts if part.reference.hazard is not Hazard.NONE}
        unresolved = tuple(sorted(hazards - scan.found)) if hazards and self._is_explained(fit) else ()
        return Evidence(
            components=components,
            packaging=wrapping,
            targets=scan.targets,
            similarity=fit.similarity,
            explained=explained,
            quality=scan.quality,
            axis_offset_cm=_axis_error(fit, explained, far),
            health=health,
            unwatched=self._watch.unwatched,
            unresolved=unresolved,
            unexplained=unexplained,
            nearest=with_odds_of_named(scan.candidates, shown),
            exposure=useful_exposure(scan.fitter.query, scan.quality),
            packaging_share=_share_of_packaging(fit, self._index) if wrapping else 0.0,
            few_lines=rests_on_few_lines(shown, fit.axis.offset_cm),
        )

    def _is_explained(self, fit: Fit) -> bool:
        """Say whether a fit explains its scan, as well as its references are known."""
        records = self._index.records
        return bool(fit.rows) and fit.similarity >= self._policy.explained_by(
            [records[row] for row in fit.rows], fit.amplitudes
        )

    def _named(self, scans: Sequence[Scan]) -> list[tuple[tuple[Component, ...], Fit]]:
        """Return of some scans the components that may be named, and the fit by them and packaging."""
        contents = [tuple([own for own in scan.parts if not own.reference.is_packaging]) for scan in scans]
        named = [
            tuple([own for own in parts if may_be_named(own, scan.parts, scan.found, scan.fit, self._policy)])
            for scan, parts in zip(scans, contents, strict=True)
        ]
        kept = self._without(scans, [scan.fit for scan in scans], contents, named)
        still = [
            own if fit is scan.fit else self._still_named(scan, fit, own)
            for scan, fit, own in zip(scans, kept, named, strict=True)
        ]
        return list(zip(still, self._without(scans, kept, named, still), strict=True))

    def _still_named(self, scan: Scan, kept: Fit, named: Sequence[Component]) -> tuple[Component, ...]:
        """Return what may be named where not all may, which then explains nothing.

        The bands of the others must stand without it.
        """
        places = {self._index.records[row].id: place for place, row in enumerate(kept.rows)}
        alone = [
            part._replace(sighting=sight(scan.fitter, kept, places[part.reference.id])) for part in named
        ]
        return tuple([part for part in alone if part.reference.family in scan.found or not is_missing(part)])

    def _without(
        self,
        scans: Sequence[Scan],
        fits: Sequence[Fit],
        before: Sequence[tuple[Component, ...]],
        named: Sequence[tuple[Component, ...]],
    ) -> list[Fit]:
        """Return fits of some scans without what was among the components before and may not be named."""
        records = self._index.records
        given: dict[int, Given] = {}
        for place, (scan, fit, parts, left) in enumerate(zip(scans, fits, before, named, strict=True)):
            if len(left) < len(parts):
                dropped = {part.reference.id for part in parts} - {part.reference.id for part in left}
                rows = tuple([row for row in fit.rows if records[row].id not in dropped])
                given[place] = Given(scan.fitter, rows, fit.axis)
        if not given:
            return list(fits)
        made = dict(zip(given, fit_each(list(given.values())), strict=True))
        return [made.get(place, fit) for place, fit in enumerate(fits)]

    def _artefacts(self, scans: Sequence[Scan]) -> list[Artefact | None]:
        """Return what disturbed each of some scans, where that is seen."""
        queries, grid, places = standing_scans(scans)
        return find_artefacts(
            queries.derivative,
            queries.compressed,
            queries.valid,
            *grid,
            places,
            self._index.references.shift,
            [scan.spectrum.excitation_nm for scan in scans],
        )

    def _traces(self, fit: Fit, query: Resampled, baseline: FloatArray) -> Traces:
        """Return the curves of the fit in the query's own intensity."""
        shown = np.where(query.measured, query.intensity, np.nan)
        parts = {}
        left = shown - baseline
        shift = self._index.references.shift
        # the library's axis where the query's, as it came, says `shift`
        corrected = corrected_shift(shift, fit.axis.offset_cm, fit.axis.stretch)
        for row, amplitude in zip(fit.rows, fit.amplitudes, strict=True):
            values = np.nan_to_num(self._index.references.spectra[row].astype(np.float64))
            values = np.interp(corrected, shift, blurred(values, fit.axis.broadening_cm, self._index.step_cm))
            norm = self._index.derivative_norm(row)
            curve = values * (amplitude * fit.query.norm / norm if norm > 0.0 else 0.0)
            parts[self._index.records[row].id] = curve
            left = left - curve
        noise = max(noise_level(query), 1e-9 * float(np.abs(query.intensity).max()))
        return Traces(self._index.references.shift, shown, baseline, parts, left / noise)


def _axis_error(fit: Fit, explained: bool, far: FarAxis | None) -> float:
    """Return by how much the axis is further off than an instrument's may be, where that is shown; or 0.

    Something must be explained by it: a fit that explains the scan at the end of the tolerance, or a plastic
    that is seen far off.
    """
    if explained:
        return fit.axis.offset_cm if abs(fit.axis.offset_cm) > AXIS_TOLERANCE_CM else 0.0
    return far.offset_cm if far is not None else 0.0


def _share_of_packaging(fit: Fit, index: ContrastIndex) -> float:
    """Return the share of packaging in the area under a fit."""
    areas = [a * index.area_per_norm(row) for a, row in zip(fit.amplitudes.tolist(), fit.rows, strict=True)]
    wrapped = sum(area for area, row in zip(areas, fit.rows, strict=True) if index.packaging[row])
    return wrapped / sum(areas) if wrapped > 0.0 else 0.0


def _notes(spectrum: Spectrum) -> tuple[str, ...]:
    """Say what was done to the spectrum, and of what kind the evidence is where it is not a measurement."""
    notes = [
        f"{CLEANED[name]}: {step}."
        for step in spectrum.history[-2:]
        if (name := step.partition("(")[0]) in CLEANED
    ]
    if spectrum.metadata.get("axis_assumed"):
        notes.append(AXIS_ASSUMED)
    origin = str(spectrum.metadata.get("origin", "measured"))
    if origin in SYNTHETIC:
        notes.append(f"{origin.capitalize()} scan, not a measurement.")
    if spectrum.metadata.get("perturbation") == "none":
        notes.append("Unperturbed: found in its own rendering, which proves nothing.")
    return tuple(notes)
