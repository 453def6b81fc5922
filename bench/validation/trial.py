"""One trial: take or read the spectrum, identify it, and hold the answer against what was there."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.bench.sets.names import Names
from spectriage.bench.validation.panels import Trial
from spectriage.bench.validation.plan import Panel, Plan
from spectriage.bench.validation.records import Material, Named, Record
from spectriage.spectra.errors import CatalogueError, ParameterError, SpectriageError

if TYPE_CHECKING:
    from spectriage.bench.sets.sets import LabelledSet
    from spectriage.library.catalogue import CatalogueEntry
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.reference import ReferenceSet
    from spectriage.spectra.spectrum import Spectrum
    from spectriage.spectra.verdict import Component, Identification

SCAN_SECONDS = 100_000.0
"""Of the simulator's own clock, which does not wait."""


@dataclass(frozen=True)
class Setup:
    """What a worker process needs: small, so that it is sent quickly; the library is opened there.

    Parameters
    ----------
    plan
        The plan.
    library
        Library file; None for the shipped catalogue.
    sets
        Labelled sets by the name the plan gives them.
    """

    plan: Plan
    library: Path | None = None
    sets: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Scanned:
    """A record, and the spectrum behind it."""

    record: Record
    spectrum: Spectrum | None


class Bench:
    """Runs trials in one process."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._sets: dict[str, LabelledSet] = {}
        self._engines: dict[tuple[str, str], Identifier] = {}
        self._names = Names()

    def labelled(self, name: str) -> LabelledSet:
        """Return a labelled set, read once."""
        from spectriage.bench.sets.public import load_set

        if name not in self._sets:
            self._sets[name] = load_set(str(self._setup.sets[name]))
        return self._sets[name]

    def engine(self, panel: Panel) -> Identifier:
        """Return the engine for a panel, prepared once."""
        from spectriage.spectra.identify import Identifier
        from spectriage.spectra.policy import Policy

        key = (panel.library_set, panel.set)
        if key not in self._engines:
            plan = self._setup.plan
            policy = Policy() if plan.lod is None else Policy().with_signal_limit(plan.lod)
            packaging = "auto" if plan.packaging == ("auto",) else list(plan.packaging)
            self._engines[key] = Identifier(self.references(panel), policy, packaging=packaging)
        return self._engines[key]

    def references(self, panel: Panel) -> ReferenceSet:
        """Return the library of a panel, without what was extracted from the set that it asks about."""
        from spectriage.bench.sets.references import catalogue_without, library_of, with_null
        from spectriage.library.building import open_library

        asked = self.labelled(panel.set).sources if panel.set else frozenset()
        if panel.library_set:
            return with_null(library_of(self.labelled(panel.library_set), leave_out=asked))
        if self._setup.library is None and asked:
            return catalogue_without(asked)
        return open_library(self._setup.library)

    def known(self, panel: Panel) -> frozenset[str]:
        """Return the keys of the substances in a panel's library."""
        from spectriage.bench.sets.references import keys_of

        return keys_of(self.engine(panel).references, self.labelled(panel.set).names)

    def run(self, trial: Trial) -> tuple[Scanned, ...]:
        """Run one trial, all its repeats."""
        panel = self._setup.plan.panel(trial.panel)
        names = self.labelled(panel.set).names if panel.set else self._names
        blank = Record(
            index=trial.index,
            repeat=0,
            panel=trial.panel,
            chapter=trial.chapter,
            factors=trial.factors,
            source=trial.uri,
            device="",
            sample=tuple(_material(name, share, names) for name, share in trial.sample),
            target=trial.target,
        )
        engine = self.engine(panel)
        scanned: list[Scanned] = []
        try:
            for spectrum, device, source in self._spectra(trial, panel):
                mine = replace(blank, repeat=len(scanned), device=device, source=source)
                scanned.append(Scanned(_judged(mine, spectrum, engine, panel, names), spectrum))
        except SpectriageError as error:
            failed = replace(blank, repeat=len(scanned), error=str(error), detected=_not_found(trial))
            scanned.append(Scanned(failed, None))
        return tuple(scanned)

    def _spectra(self, trial: Trial, panel: Panel) -> Iterator[tuple[Spectrum, str, str]]:
        """Yield spectrum, device and source of each repeat."""
        if trial.item >= 0:
            item = self.labelled(panel.set).items[trial.item]
            yield item.spectrum, item.instrument, item.source or item.name
            return
        from spectriage.bench.sets.change import Change

        resolution = trial.factors.get("resolution_cm")
        change = Change(
            float(trial.factors.get("axis_offset_cm", 0.0)), None if resolution is None else float(resolution)
        )
        for spectrum, serial in _scans(trial, self.engine(panel)):
            yield change.apply(spectrum), serial, trial.uri


def _scans(trial: Trial, engine: Identifier) -> Iterator[tuple[Spectrum, str]]:
    """Yield the calibrated spectrum of each repeat, scanned as in the field, and the unit's serial number."""
    from spectriage.device.contract import open_device
    from spectriage.device.session import ScanPlan, Session, UnitCalibration

    # what is simulated cannot ignite: its plans fix the exposure at full power
    plan = ScanPlan(timeout_s=SCAN_SECONDS, safe_power_mw=math.inf)
    with open_device(trial.uri) as device:
        known = UnitCalibration()
        if trial.attended:
            milliseconds, _, count = str(trial.factors["exposure"]).partition(" ms x ")
            plan = ScanPlan(
                timeout_s=SCAN_SECONDS, integration_ms=float(milliseconds), accumulations=int(count)
            )
            known = UnitCalibration.of(device.info, device.clock.now())
        session = Session(device, engine, known, plan)
        for _ in range(trial.repeats):
            yield session.run().spectrum, device.info.serial


def _not_found(trial: Trial) -> bool | None:
    return False if trial.target else None


@functools.lru_cache(maxsize=4096)
def entry_of(name: str) -> CatalogueEntry | None:
    """Return the catalogue's entry of a material, or None; searched once."""
    from spectriage.library.catalogue import find_entry

    try:
        return find_entry(name)
    except CatalogueError:
        return None


def _material(name: str, fraction: float, names: Names) -> Material:
    entry = entry_of(name)
    if entry is None:
        label = names.substance(name)
        return Material(label, label, "unlisted", round(fraction, 9))
    return Material(entry.substance, entry.family, entry.material_class, round(fraction, 9))


def _judged(record: Record, spectrum: Spectrum, engine: Identifier, panel: Panel, names: Names) -> Record:
    """Identify a spectrum and hold the answer against the sample."""
    record = replace(
        record,
        axis_sha256=hashlib.sha256(spectrum.shift.tobytes()).hexdigest(),
        spectrum_sha256=spectrum_sha256(spectrum),
    )
    try:
        answer = engine.identify(spectrum)
    except SpectriageError as error:
        return replace(record, error=str(error), detected=False if record.target else None)
    named = tuple(_named(part, record.sample, names) for part in answer.components)
    raised = _raised(answer)
    families = {part.family for part in record.sample}
    wrong = bool(raised - families) or (answer.verdict in ("ALARM", "WARNING") and not raised)
    sample = tuple(_looked_for(part, answer, names) for part in record.sample)
    detected = _detected(record, answer, raised, sample, panel) if record.target else None
    # What the library does not have must not be taken for something else.
    misnamed = record.factors.get("in_library") == "no" and not all(part.right for part in named)
    target_family = sample[0].family if record.target else ""
    best = answer.candidates[0] if answer.candidates else None
    return replace(
        record,
        sample=sample,
        verdict=str(answer.verdict),
        reason=answer.reason,
        summary=answer.summary,
        named=named,
        raised=tuple(sorted(raised)),
        best=best.reference.substance if best else "",
        best_probability=_rounded(best.probability) if best else None,
        best_right=best is not None and _is_strongest(best.reference.substance, record, names),
        detected=detected,
        false_alarm=wrong,
        correct=detected is not False and not wrong and not misnamed,
        amount=round(sum(part.fraction for part in named if part.family == target_family), 6),
        gains={target.name: round(target.gain, 6) for target in answer.targets},
        lods={target.name: round(target.lod, 6) if target.lod <= 1 else None for target in answer.targets},
        snr=_rounded(answer.quality.snr),
        similarity=round(answer.similarity, 6),
        result_sha256=_answer_sha256(answer),
    )


def _answer_sha256(answer: Identification) -> str:
    text = json.dumps(answer.to_json(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _raised(answer: Identification) -> frozenset[str]:
    """Return the families that an answer warns of; none where its verdict does not."""
    if answer.verdict not in ("ALARM", "WARNING"):
        return frozenset()
    found = {target.reference.family for target in answer.targets if target.found}
    for part in answer.components:
        if part.reference.hazard.alarms or part.reference.hazard.warns:
            found.add(part.reference.family)
    return frozenset(found)


def _matches(part: Component, material: Material, names: Names) -> bool:
    """Whether a component is that material, by the substance, or by the family where only that is claimed."""
    record = part.reference
    if names.same(record.substance, material.name):
        return True
    return part.claim == record.family and part.claim != record.substance and record.family == material.family


def _named(part: Component, sample: Sequence[Material], names: Names) -> Named:
    record = part.reference
    return Named(
        record.substance,
        record.family,
        record.material_class,
        part.claim,
        round(part.spectral_fraction, 6),
        _rounded(part.probability),
        any(_matches(part, material, names) for material in sample),
    )


def _looked_for(material: Material, answer: Identification, names: Names) -> Material:
    """Say whether a material of the sample was named; a polymer may be named as packaging."""
    parts = (*answer.components, *answer.packaging)
    return replace(material, found=any(_matches(part, material, names) for part in parts))


def _detected(
    record: Record, answer: Identification, raised: frozenset[str], sample: Sequence[Material], panel: Panel
) -> bool:
    if panel.detection == "named":
        return sample[0].found
    if panel.detection == "alarm" and str(answer.verdict) != "ALARM":
        return False
    return sample[0].family in raised


def _is_strongest(substance: str, record: Record, names: Names) -> bool:
    most = max(part.fraction for part in record.sample)
    return any(names.same(substance, part.name) for part in record.sample if part.fraction >= most - 1e-9)


def spectrum_sha256(spectrum: Spectrum) -> str:
    """Return the hash of a spectrum's numbers."""
    digest = hashlib.sha256()
    for values in (spectrum.shift, spectrum.intensity, spectrum.variance):
        if values is not None:
            digest.update(values.astype("<f8").tobytes())
    return digest.hexdigest()


def spectrum_csv(spectrum: Spectrum) -> str:
    """Return a spectrum as a table that `read_spectrum` reads."""
    columns: list[Any] = [spectrum.shift.tolist(), spectrum.intensity.tolist()]
    head = "wavenumber,intensity"
    if spectrum.variance is not None:
        columns.append(spectrum.variance.tolist())
        head += ",variance"
    rows = (",".join(f"{value:.7g}" for value in row) for row in zip(*columns, strict=True))
    return "\n".join((head, *rows)) + "\n"


def check_materials(plan: Plan, trials: Sequence[Trial]) -> None:
    """Refuse a plan whose simulated materials the catalogue does not have, before anything runs.

    Raises
    ------
    ParameterError
        Names the panel and the material.
    """
    checked: dict[str, bool] = {}
    for trial in trials:
        if trial.item >= 0:
            continue
        for name, _ in trial.sample:
            if name not in checked:
                checked[name] = entry_of(name) is not None
            if not checked[name]:
                raise ParameterError(
                    f"the catalogue has no {name!r}",
                    where=f"{plan.name}, panel {trial.panel}",
                    remedy="`spectriage library list` lists its materials",
                )
