"""`Identifier`: a calibrated spectrum in, a presumptive identification out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import blurred
from spectriage.spectra.errors import ParameterError, SpectriageError, SpectrumError
from spectriage.spectra.evidence.null import read_null
from spectriage.spectra.evidence.sighting import sight
from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.evidence.target_rows import TargetRows, target_rows
from spectriage.spectra.evidence.targets import Asked, Weighed, weigh_targets
from spectriage.spectra.evidence.unexplained import unexplained_bands
from spectriage.spectra.fitting.far_axis import find_far_axis
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import Selection, select_each, selection_rules
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import Hazard, ReferenceSet, Tier
from spectriage.spectra.signal.artefacts import Artefact, find_artefact
from spectriage.spectra.signal.axis import AXIS_TOLERANCE_CM, corrected_shift
from spectriage.spectra.signal.dead import without_dead
from spectriage.spectra.signal.despike import remove_spikes
from spectriage.spectra.signal.grid import Resampled, resample
from spectriage.spectra.signal.noise import noise_level
from spectriage.spectra.signal.quality import Quality, assess, background
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique
from spectriage.spectra.verdict.advice import useful_exposure
from spectriage.spectra.verdict.component import Candidate, Component
from spectriage.spectra.verdict.identification import AXIS_ASSUMED, Identification, Traces
from spectriage.spectra.verdict.named import (
    is_missing,
    may_be_named,
    rests_on_few_lines,
    with_odds_of_named,
)
from spectriage.spectra.verdict.naming import Fitted, Namer
from spectriage.spectra.verdict.rules import UNKNOWN, Evidence, is_within, rule
from spectriage.spectra.version import __version__

COARSEST_CM = 12.0
"""Points further apart than a handheld's bands are wide would be read between."""
TOGETHER = 32
"""So many spectra of a batch go through each step together."""
WAITING = 2
"""So many groups a thread are under way or wait to be taken."""
SYNTHETIC = ("simulated", "emulated")
"""Origins of spectra that no instrument measured; said with every result."""


@dataclass(eq=False, slots=True)
class _Scan:
    """What is known of a spectrum on its way through the engine.

    Parameters
    ----------
    spectrum, query, baseline, quality, fitter
        Without spikes; on the library's grid, its background, how good it is, and in the contrast domain.
    selection, fit
        What explains it; the fit has what was found besides.
    targets, found
        What is to be said of each target, and the families that are found.
    parts, candidates
        What has a name.
    """

    spectrum: Spectrum
    query: Resampled
    baseline: FloatArray
    quality: Quality
    fitter: Fitter
    selection: Selection = field(init=False)
    fit: Fit = field(init=False)
    targets: tuple[TargetEvidence, ...] = ()
    found: frozenset[str] = frozenset()
    parts: tuple[Component, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class Identifier:
    """The engine: a library, prepared once, and a policy. Several threads may use one.

    Parameters
    ----------
    references
        The library.
    policy
        Thresholds and watched targets.
    packaging
        ``auto`` considers every packaging of the library, ``none`` none, else names of substances.
    technique
        How the spectra to come are measured: only references measured alike may explain them.

    Raises
    ------
    ParameterError
        When a packaging, or any reference of the technique, is not in the library.

    Examples
    --------
    >>> from spectriage.library import open_library          # doctest: +SKIP
    >>> engine = Identifier(open_library())                  # doctest: +SKIP
    >>> engine.identify(spectrum).verdict                    # doctest: +SKIP
    """

    def __init__(
        self,
        references: ReferenceSet,
        policy: Policy | None = None,
        *,
        packaging: str | Sequence[str] = "auto",
        technique: Technique = Technique.NORMAL,
    ) -> None:
        self.technique = technique
        self.references = references = references.of_technique(technique)
        if technique is not Technique.NORMAL and len(references) == 0:
            raise ParameterError(
                f"the library has no {technique.upper()} references",
                remedy="import some, see `spectriage library import --help`",
            )
        self.policy = policy or Policy()
        self.packaging = (packaging,) if isinstance(packaging, str) else tuple(packaging)
        self.index = ContrastIndex(references)
        self._allowed = self._allowed_rows(packaging)
        self._selection_rules = selection_rules(self.index, self._allowed, self.policy)
        self._targets = target_rows(references, self.policy, self.policy.targets)
        self._watched = frozenset(row for known in self._targets for row in known.rows)
        self.null = read_null(references)
        self._namer = Namer(self.index, self.policy, self.null, self._allowed)
        self._engine = __version__
        # a computed reference is a hint: what only such ones show could not be reported if it were there
        shown = references.column("family")[references.column("tier") != Tier.COMPUTED.encode()]
        named = np.array(
            [name.encode() for target in self.policy.targets for name in target.families], np.bytes_
        )
        families = {name.decode("utf-8") for name in shown[np.isin(shown, named)].tolist()}
        self._unwatched = tuple(
            target.name
            for target in self.policy.targets
            if target.required and target.families and families.isdisjoint(target.families)
        )

    def _allowed_rows(self, packaging: str | Sequence[str]) -> BoolArray:
        """Return which references may explain a spectrum: all but packaging that was not asked for."""
        allowed = np.ones(len(self.references), dtype=bool)
        names = [packaging] if isinstance(packaging, str) else list(packaging)
        wanted = {name.casefold() for name in names}
        if wanted == {"auto"}:
            return allowed
        if len(wanted) > 1 and wanted & {"auto", "none"}:
            raise ParameterError("packaging is either auto, or none, or names", remedy="give one of these")
        wanted -= {"none"}
        known = set()
        for row in np.flatnonzero(self.index.packaging):
            record = self.references.records[row]
            labels = {record.substance.casefold(), record.family.casefold(), record.id}
            labels |= set(record.id.split("-"))
            if labels & wanted:
                known |= labels & wanted
            else:
                allowed[row] = False
        if wanted - known:
            raise ParameterError(
                f"there is no packaging {', '.join(sorted(wanted - known))} in the library",
                remedy="`spectriage library list --class packaging` lists them",
            )
        return allowed

    def identify(self, spectrum: Spectrum, *, traces: bool = False, health: str = "") -> Identification:
        """Identify one spectrum.

        Parameters
        ----------
        spectrum
            The query, its axis in cm⁻¹.
        traces
            Whether to keep the curves behind the decision, for a plot.
        health
            Why the instrument's state forbids a conclusion; empty when it does not.

        Raises
        ------
        SpectrumError
            When the spectrum shares too little range with the library, or is flat.
        ParameterError
            When the library has no references.
        LibraryError
            When it cannot be read any more.
        """
        scan = self._seen(spectrum)
        self._explain([scan])
        return self._concluded(scan, traces, health)

    def identify_each(
        self, spectra: Iterable[Spectrum], *, threads: int = 1
    ) -> Iterator[Identification | SpectriageError]:
        """Identify many spectra: the same results as one after the other, sooner.

        Some are taken through each step together: what the processor has at hand for a step serves all of
        them, and a thread that searches leaves Python to the others for long enough to be worth the change.

        Parameters
        ----------
        spectra
            Taken as they are needed.
        threads
            So many share the spectra; more than the machine has cores are of no use.

        Yields
        ------
        Identification or SpectriageError
            In the order of the spectra; the error for one that cannot be identified.
        """
        groups = _groups_of(spectra)
        if threads <= 1:
            for group in groups:
                yield from self._identify_together(group)
            return
        waiting: deque[Future[list[Identification | SpectriageError]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for group in groups:
                waiting.append(pool.submit(self._identify_together, group))
                if len(waiting) > WAITING * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def _identify_together(self, spectra: Sequence[Spectrum]) -> list[Identification | SpectriageError]:
        """Identify a few spectra, each step for all of them."""
        seen: list[_Scan | SpectriageError] = []
        for spectrum in spectra:
            try:
                seen.append(self._seen(spectrum))
            except SpectriageError as error:
                seen.append(error)
        self._explain([scan for scan in seen if isinstance(scan, _Scan)])
        return [self._concluded(scan, False, "") if isinstance(scan, _Scan) else scan for scan in seen]

    def _seen(self, spectrum: Spectrum) -> _Scan:
        """Bring one spectrum to the library's grid and into the contrast domain."""
        if len(self.references) == 0:
            raise ParameterError(
                "the library has no references", remedy="build one with `spectriage library build`"
            )
        if spectrum.technique is not self.technique:
            raise ParameterError(
                f"a {spectrum.technique} spectrum cannot be explained by {self.technique} references",
                remedy=f"identify it as {spectrum.technique}",
            )
        if spectrum.spacing_cm > COARSEST_CM:
            raise SpectrumError(
                f"the spectrum has a point every {spectrum.spacing_cm:.0f} cm⁻¹, too few to see bands",
                remedy=f"a spectrum needs one every {COARSEST_CM:g} cm⁻¹ or closer",
            )
        despiked = remove_spikes(spectrum)
        spectrum = without_dead(despiked)
        query = resample(spectrum, self.references.shift)
        baseline = background(query)
        noise = noise_level(query)
        quality = assess(despiked, query, self.references.shift, baseline, noise)
        fitter = Fitter(self.index, query, noise=noise)
        if fitter.query.norm == 0.0:
            raise SpectrumError(
                "the spectrum is flat", remedy="check that the laser was on and the file is whole"
            )
        return _Scan(spectrum, query, baseline, quality, fitter)

    def _explain(self, scans: Sequence[_Scan]) -> None:
        """Find what explains some scans, what is to be said of the targets, and the names."""
        selections = select_each([scan.fitter for scan in scans], self._selection_rules)
        for scan, selection in zip(scans, selections, strict=True):
            scan.selection, scan.fit = selection, selection.fit
        self._weigh_targets(scans)
        named = self._namer.name(
            [Fitted(scan.fitter, scan.fit, scan.selection.runner_up, scan.quality.snr) for scan in scans]
        )
        for scan, (parts, candidates) in zip(scans, named, strict=True):
            scan.parts, scan.candidates = _with_odds_of(parts, scan.targets), candidates

    def _concluded(self, scan: _Scan, traces: bool, health: str) -> Identification:
        """Return what is concluded from a scan that was explained."""
        fitter, fit, parts, targets, found = scan.fitter, scan.fit, scan.parts, scan.targets, scan.found
        quality, candidates = scan.quality, scan.candidates
        records = self.references.records
        fit_explains = bool(fit.rows) and fit.similarity >= self.policy.explained_by(
            [records[row] for row in fit.rows], fit.amplitudes
        )
        components, kept = self._named(fitter, fit, parts, found)
        wrapping = tuple(part for part in parts if part.reference.is_packaging)
        explained = bool(kept.rows) and kept.similarity >= self.policy.explained_by(
            [records[row] for row in kept.rows], kept.amplitudes
        )
        unexplained = unexplained_bands(kept, self.index.step_cm)
        if not explained:
            components = tuple(part for part in components if part.reference.family in found)
        candidates = with_odds_of_named(candidates, (*components, *wrapping))
        hazards = {part.reference.family for part in parts if part.reference.hazard is not Hazard.NONE}
        evidence = Evidence(
            components=components,
            packaging=wrapping,
            targets=targets,
            similarity=fit.similarity,
            explained=explained,
            quality=quality,
            axis_offset_cm=self._axis_error(fitter, fit, explained),
            health=health,
            unwatched=self._unwatched,
            unresolved=tuple(sorted(hazards - found)) if fit_explains else (),
            unexplained=unexplained,
            nearest=candidates,
            exposure=useful_exposure(fitter.query, quality),
            packaging_share=_share_of_packaging(fit, self.index),
            few_lines=rests_on_few_lines((*components, *wrapping), fit.axis.offset_cm),
        )
        ruling = rule(evidence, self.policy)
        if ruling.reason in UNKNOWN and not explained:
            artefact = self._artefact(fitter, scan.query, scan.baseline, scan.spectrum.excitation_nm)
            if artefact is not None:
                ruling = rule(replace(evidence, artefact=artefact), self.policy)
        if ruling.reason == "limit-of-detection" and not self._limits_are_noise(scan.query, fit, targets):
            evidence = replace(evidence, exposure=1.0)
            ruling = rule(evidence, self.policy)
        return Identification(
            verdict=ruling.verdict,
            reason=ruling.reason,
            summary=ruling.summary,
            facts=ruling.facts,
            next_step=ruling.next_step,
            components=components,
            packaging=wrapping,
            candidates=candidates,
            targets=targets,
            quality=quality,
            similarity=fit.similarity,
            unexplained=unexplained,
            exposure=evidence.exposure,
            axis_offset_cm=fit.axis.offset_cm,
            axis_stretch=fit.axis.stretch,
            broadening_cm=fit.axis.broadening_cm,
            library={
                "name": self.references.name,
                "version": self.references.version,
                "sha256": self.references.sha256,
            },
            engine=self._engine,
            policy={"name": self.policy.name, "sha256": self.policy.sha256},
            notes=_notes(scan.spectrum),
            technique=self.technique,
            traces=self._traces(fit, scan.query, scan.baseline) if traces else None,
        )

    def _named(
        self, fitter: Fitter, fit: Fit, parts: Sequence[Component], found: frozenset[str]
    ) -> tuple[tuple[Component, ...], Fit]:
        """Return the components that may be named, and the fit by them and packaging."""
        contents = [part for part in parts if not part.reference.is_packaging]
        named = tuple(part for part in contents if may_be_named(part, parts, found, fit, self.policy))
        kept = self._without(fitter, fit, contents, named)
        if kept is fit:
            return named, fit
        # what is not named explains nothing: the others' bands must stand without it
        shown = {self.references.records[row].id: sight(fitter, kept, i) for i, row in enumerate(kept.rows)}
        named = tuple(replace(part, sighting=shown[part.reference.id]) for part in named)
        still = tuple(part for part in named if part.reference.family in found or not is_missing(part))
        return still, self._without(fitter, kept, named, still)

    def _artefact(
        self, fitter: Fitter, query: Resampled, baseline: FloatArray, excitation_nm: float | None
    ) -> Artefact | None:
        """Return what disturbed the scan, where that is seen."""
        seen = fitter.query
        above = np.where(query.measured, query.intensity - baseline, 0.0)
        return find_artefact(
            seen.derivative, seen.compressed, seen.valid, above, self.references.shift, excitation_nm
        )

    def _without(
        self, fitter: Fitter, fit: Fit, contents: Sequence[Component], named: Sequence[Component]
    ) -> Fit:
        """Return the fit without what may not be named."""
        dropped = {part.reference.id for part in contents} - {part.reference.id for part in named}
        if not dropped:
            return fit
        records = self.references.records
        return fitter.fit(tuple(row for row in fit.rows if records[row].id not in dropped), fit.axis)

    @staticmethod
    def _axis_error(fitter: Fitter, fit: Fit, explained: bool) -> float:
        """Return by how much the axis is further off than an instrument's may be, where that is shown; or 0.

        Something must be explained by it: a fit that explains the scan at the end of the tolerance, or a
        plastic that is seen far off.
        """
        if explained:
            return fit.axis.offset_cm if abs(fit.axis.offset_cm) > AXIS_TOLERANCE_CM else 0.0
        far = find_far_axis(fitter)
        return far.offset_cm if far is not None else 0.0

    def _weigh_targets(self, scans: Sequence[_Scan]) -> None:
        """Weigh every watched target in some scans; one that is found joins the fit."""
        alike: dict[tuple[TargetRows, ...], list[_Scan]] = {}
        for scan in scans:
            alike.setdefault(self._targets + self._other_hazards(scan.fit), []).append(scan)
        for known, group in alike.items():
            asked = [Asked(scan.fitter, scan.fit, self._rejected(scan), scan.quality.snr) for scan in group]
            for scan, weighed in zip(group, weigh_targets(self.policy, known, asked), strict=True):
                self._keep(scan, weighed)

    def _rejected(self, scan: _Scan) -> float | None:
        """Return the log gain of the best harmless addition that was not necessary, where one was tried."""
        rejected = scan.selection.rejected
        return None if rejected is None or self.index.hazardous[rejected[0]] else rejected[1]

    def _keep(self, scan: _Scan, weighed: Sequence[Weighed]) -> None:
        """Keep what is to be said of the targets in a scan; what was found joins its fit."""
        kept, found = [], set()
        for each in weighed:
            if each.evidence.found or each.known in self._targets:
                kept.append(each.evidence)
            if each.evidence.found:
                found.add(each.evidence.reference.family)
                if set(scan.fit.rows).isdisjoint(each.known.rows):
                    scan.fit = scan.fitter.fit((*scan.fit.rows, each.row), scan.fit.axis)
        scan.targets, scan.found = tuple(kept), frozenset(found)

    def _limits_are_noise(self, query: Resampled, fit: Fit, targets: Sequence[TargetEvidence]) -> bool:
        """Say whether the limits would be within the policy if the scan had no noise."""
        if any(name for name in self._unwatched):
            return False
        quiet = Fitter(self.index, query, noise=0.0)
        model = quiet.fit(fit.rows, fit.axis)
        names = {target.name for target in targets if not target.found}
        known = [rows for rows in self._targets if rows.target.required and rows.target.name in names]
        return all(
            is_within(each.evidence, self.policy)
            for each in weigh_targets(self.policy, known, [Asked(quiet, model, 0.0)])[0]
            if each.known.covered
        )

    def _other_hazards(self, fit: Fit) -> tuple[TargetRows, ...]:
        """Return the hazards in a fit that nobody watches for: they need no less evidence."""
        rows = [row for row in fit.rows if self.index.hazardous[row] and row not in self._watched]
        if not rows:
            return ()
        families = dict.fromkeys(self.references.records[row].family for row in rows)
        return target_rows(self.references, self.policy, [Target(family, (family,)) for family in families])

    def _traces(self, fit: Fit, query: Resampled, baseline: FloatArray) -> Traces:
        """Return the curves of the fit in the query's own intensity."""
        shown = np.where(query.measured, query.intensity, np.nan)
        parts = {}
        left = shown - baseline
        shift = self.references.shift
        # the library's axis where the query's, as it came, says `shift`
        corrected = corrected_shift(shift, fit.axis.offset_cm, fit.axis.stretch)
        for row, amplitude in zip(fit.rows, fit.amplitudes, strict=True):
            values = np.nan_to_num(self.references.spectra[row].astype(np.float64))
            values = np.interp(corrected, shift, blurred(values, fit.axis.broadening_cm, self.index.step_cm))
            norm = self.index.derivative_norm(row)
            curve = values * (amplitude * fit.query.norm / norm if norm > 0.0 else 0.0)
            parts[self.references.records[row].id] = curve
            left = left - curve
        noise = max(noise_level(query), 1e-9 * float(np.abs(query.intensity).max()))
        return Traces(self.references.shift, shown, baseline, parts, left / noise)


def _groups_of(spectra: Iterable[Spectrum]) -> Iterator[list[Spectrum]]:
    """Yield the spectra of a batch that go through each step together."""
    left = iter(spectra)
    while group := list(islice(left, TOGETHER)):
        yield group


def _with_odds_of(parts: tuple[Component, ...], targets: Sequence[TargetEvidence]) -> tuple[Component, ...]:
    """Give hazards the probability that they are raised by, so that it and the verdict are one."""
    known = {target.reference.family: target.probability for target in targets if target.found}
    return tuple(
        replace(part, probability=known[part.reference.family]) if part.reference.family in known else part
        for part in parts
    )


def _share_of_packaging(fit: Fit, index: ContrastIndex) -> float:
    """Return the share of packaging in the area under a fit."""
    areas = [a * index.area_per_norm(row) for a, row in zip(fit.amplitudes.tolist(), fit.rows, strict=True)]
    wrapped = sum(area for area, row in zip(areas, fit.rows, strict=True) if index.packaging[row])
    return wrapped / sum(areas) if wrapped > 0.0 else 0.0


def _notes(spectrum: Spectrum) -> tuple[str, ...]:
    """Say what was done to the spectrum, and of what kind the evidence is where it is not a measurement."""
    done = {"without_dead": "Stretches of one value left out", "remove_spikes": "Cosmic rays taken out"}
    notes = [
        f"{done[name]}: {step}." for step in spectrum.history[-2:] if (name := step.partition("(")[0]) in done
    ]
    if spectrum.metadata.get("axis_assumed"):
        notes.append(AXIS_ASSUMED)
    origin = str(spectrum.metadata.get("origin", "measured"))
    if origin in SYNTHETIC:
        notes.append(f"{origin.capitalize()} scan, not a measurement.")
    if spectrum.metadata.get("perturbation") == "none":
        notes.append("Unperturbed: found in its own rendering, which proves nothing.")
    return tuple(notes)
