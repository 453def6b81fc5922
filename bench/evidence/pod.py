"""Probability of detection of a target against its signal fraction, blanks, analogues and confusers.

All of it is simulated, from band models whose bands, intensities, widths and baseline are perturbed to the
mismatch measured between real instruments, and says nothing of substances whose band models are wrong. The
thresholds are the policy's, the same for samples and blanks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spectriage.bench.evidence.pod_plot import DrawnCurve
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Proportion, detection_curve
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.simulation import Sample, SimulatedAnswer, as_details, ask_one
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.policy import DEFAULT_TARGETS
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Hazard, ReferenceSet, Tier

if TYPE_CHECKING:
    from spectriage.library.catalogue import CatalogueEntry

TARGET = "fentanyl HCl"
FRACTIONS = (0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.40)
MATRICES = (
    *("caffeine", "mannitol", "lactose", "acetaminophen"),
    *("sucrose", "starch", "talc", "metamizole"),
)
CONFUSERS = ("methamphetamine", "methadone", "tramadol", "phencyclidine", "cocaine", "polystyrene")
SEEDS = 500
BLANKS = 299
ANALOGUE_SEEDS = 20
CONFUSER_SEEDS = 60
HANDHELD_SEEDS = 100
BLANK_BAGS = ("ldpe", "hdpe", "pp", "pet", "ps", "pvc", "pc", "nylon", "cellophane", "glass", "none")
SEED = 20_260_341


class PodBench:
    """The simulated tables of one library.

    Parameters
    ----------
    references
        The library.
    report
        Where the tables go.
    target
        A substance of the catalogue, as a ``sim:`` URI names it.
    preset
        The simulated instrument.
    jobs, progress
        As in `runner.run`.

    Raises
    ------
    ParameterError
        When the target is of no watched family.
    """

    def __init__(
        self,
        references: ReferenceSet,
        report: Report,
        *,
        target: str = TARGET,
        preset: str = "785-ccd",
        jobs: Jobs = 1,
        progress: Progress | None = None,
    ) -> None:
        from spectriage.library.catalogue import find_entry

        self.references, self.report = references, report
        self.target, self.preset = target, preset
        self.family = find_entry(target).family
        self.watched = next((t.name for t in DEFAULT_TARGETS if self.family in t.families), "")
        if not self.watched:
            watched = ", ".join(t.name for t in DEFAULT_TARGETS)
            raise ParameterError(f"{target} is not watched for", remedy=f"targets: {watched}")
        self._jobs, self._progress = jobs, progress
        self._engine = Identifier(references)

    def _run(
        self, samples: Sequence[Sample], title: str, engine: Identifier | None = None
    ) -> list[SimulatedAnswer]:
        context = (engine or self._engine, self.watched)
        answers = run(ask_one, context, samples, jobs=self._jobs, title=title, progress=self._progress)
        self._keep(title, answers)
        return answers

    def _keep(self, title: str, answers: Sequence[SimulatedAnswer]) -> None:
        self.report.detail(Origin.SIMULATED, f"{title} ({self.preset})", as_details(answers))

    def detection(self, seeds: int = SEEDS, fractions: Sequence[float] = FRACTIONS) -> DrawnCurve:
        """Add the tables of the POD by fraction and by matrix: the seeds go round the matrices."""
        found: dict[tuple[float, str], list[SimulatedAnswer]] = {}
        for fraction in fractions:
            samples = [
                Sample(
                    f"{self.target}:{fraction:g}+{matrix}",
                    1_000_003 + seed,
                    preset=self.preset,
                    label=matrix,
                )
                for seed, matrix in ((s, MATRICES[s % len(MATRICES)]) for s in range(seeds))
            ]
            for answer in self._run(samples, f"{self.target} at {100 * fraction:g} %"):
                found.setdefault((fraction, answer.label), []).append(answer)
        self.report.add(self._by_fraction(found, fractions, seeds), self._by_matrix(found, fractions))
        detected = [
            [a.names_family(self.family) for (f, _), part in found.items() if f == fraction for a in part]
            for fraction in fractions
        ]
        for fraction, hits in zip(fractions, detected, strict=True):
            name = f"pod: {self.target} at {100 * fraction:g} %, {self.preset}"
            self.report.figure(Origin.SIMULATED, name, Proportion(sum(hits), len(hits), "exact"))
        points = tuple(Proportion(sum(hits), len(hits), "exact") for hits in detected)
        return DrawnCurve(f"{self.target}, {self.preset}", tuple(fractions), points)

    def _by_fraction(
        self,
        found: dict[tuple[float, str], list[SimulatedAnswer]],
        fractions: Sequence[float],
        seeds: int,
    ) -> Table:
        rows: list[list[Any]] = []
        hits, tried = [], []
        for fraction in fractions:
            mine = [answer for (f, _), part in found.items() if f == fraction for answer in part]
            named = sum(answer.names_family(self.family) for answer in mine)
            alarms = sum(a.names_family(self.family) and a.verdict == "ALARM" for a in mine)
            quiet = sum(answer.verdict == "NO_ALARM" for answer in mine)
            stated = [1.0 if a.lod is None else min(a.lod, 1.0) for a in mine]
            rows.append(
                [
                    f"{100 * fraction:g} %",
                    Proportion(named, len(mine), "exact"),
                    Proportion(alarms, len(mine), "exact"),
                    Proportion(quiet, len(mine), "exact"),
                    float(np.median(stated)),
                    _kept_promises(mine, stated, fraction, self.family),
                ]
            )
            hits.append(named)
            tried.append(len(mine))
        curve = detection_curve(fractions, hits, tried)
        fitted = "no curve: detections do not overlap" if curve is None else str(curve.amount)
        return Table(
            f"pod: {self.target}, {self.preset}",
            f"Detection of {self.target} by signal fraction, {len(MATRICES)} matrices through polyethylene, "
            f"{self.preset}, {seeds} seeds a fraction",
            (
                "fraction",
                f"POD of {self.family}",
                "of them ALARM",
                "NO_ALARM",
                "median stated LOD",
                "POD where LOD ≤ fraction",
            ),
            rows,
            Origin.SIMULATED,
            (
                "Detected: ALARM or WARNING that reports the family. Clopper–Pearson intervals.",
                "POD where LOD ≤ fraction: a scan that states such a limit promises 0.95.",
                f"fraction for a POD of 0.95 by a logistic fit: {fitted}",
            ),
        )

    def _by_matrix(
        self, found: dict[tuple[float, str], list[SimulatedAnswer]], fractions: Sequence[float]
    ) -> Table:
        rows: list[list[Any]] = []
        for matrix in MATRICES:
            cells = []
            for fraction in fractions:
                mine = found.get((fraction, matrix), [])
                cells.append(Proportion(sum(a.names_family(self.family) for a in mine), len(mine), "exact"))
            rows.append([matrix, *(f"{c.successes}/{c.trials}" for c in cells)])
        return Table(
            f"pod by matrix: {self.target}, {self.preset}",
            f"Detection of {self.target} by matrix, {self.preset}",
            ("matrix", *(f"{100 * fraction:g} %" for fraction in fractions)),
            rows,
            Origin.SIMULATED,
        )

    def blanks(self, count: int = BLANKS) -> None:
        """Add the table of blanks: one to three harmless materials, in bags and vials of all kinds."""
        answers = self._run(blank_samples(count, self.preset), "blanks")
        raised = Proportion(sum(answer.raised for answer in answers), len(answers), "exact")
        self.report.figure(Origin.SIMULATED, f"blanks: raised, {self.preset}", raised)
        verdicts: dict[str, int] = {}
        for answer in answers:
            verdicts[answer.verdict] = verdicts.get(answer.verdict, 0) + 1
        rows: list[list[Any]] = [
            [a.label, a.verdict, a.reason, ", ".join(a.claims)] for a in answers if a.raised
        ]
        self.report.add(
            Table(
                f"blanks: {self.preset}",
                f"Blanks that raised an alarm or a warning, {self.preset}",
                ("sample", "verdict", "reason", "components"),
                rows,
                Origin.SIMULATED,
                (
                    f"alarm or warning: {raised}, one-sided 95 % upper bound {raised.upper_bound:.4f}",
                    ", ".join(f"{name} {n}" for name, n in sorted(verdicts.items())),
                ),
            )
        )

    def analogues(self, seeds: int = ANALOGUE_SEEDS) -> None:
        """Add the table of analogues, each left out of the library in turn."""
        records = self.references.records
        members = [r for r in records if r.family == self.family and r.tier is Tier.ESTIMATED]
        parent = self.target.split()[0].casefold()
        rows: list[list[Any]] = []
        totals = {"pure": [0, 0, 0], "30 % in lactose": [0, 0, 0]}
        for record in members:
            rest = self.references.subset(np.array([r.substance != record.substance for r in records]))
            engine = Identifier(rest)
            row: list[Any] = [record.substance]
            for label, mixture in (("pure", record.id), ("30 % in lactose", f"{record.id}:0.3+lactose")):
                samples = [
                    Sample(mixture, 2_000_003 + s, preset=self.preset, label=record.id) for s in range(seeds)
                ]
                answers = self._run(samples, f"left out: {record.id}, {label}", engine)
                named = sum(a.names_family(self.family) for a in answers)
                called = sum(parent in (c.casefold() for c in a.claims) for a in answers)
                row += [f"{named}/{seeds}", f"{called}/{seeds}"]
                totals[label] = [x + y for x, y in zip(totals[label], (named, called, seeds), strict=True)]
            rows.append(row)
        sums = [
            Proportion(count, trials, "exact")
            for named, called, trials in totals.values()
            for count in (named, called)
        ]
        self.report.add(
            Table(
                f"analogues: {self.preset}",
                f"Each estimated analogue of the {self.family} left out of the library, {self.preset}",
                (
                    "analogue",
                    "family, pure",
                    f'called "{parent}"',
                    "family, 30 % in lactose",
                    f'called "{parent}" in it',
                ),
                [*rows, ["all", *sums]],
                Origin.SIMULATED,
                ("Analogues are estimates: a test of the code, not of chemistry.",),
            )
        )

    def confusers(self, seeds: int = CONFUSER_SEEDS) -> None:
        """Add the table of materials that share lines with the target, and must not raise its family."""
        rows: list[list[Any]] = []
        for name in CONFUSERS:
            samples = [
                Sample(
                    name, 3_000_017 + s, packaging="ldpe" if s % 2 else "none", preset=self.preset, label=name
                )
                for s in range(seeds)
            ]
            rows.append(self._confuser_row(name, self._run(samples, f"confuser: {name}")))
        self.report.add(
            Table(
                f"confusers: {self.preset}",
                f"Materials that share lines with the {self.family}, pure, half of them in polyethylene, "
                f"{self.preset}",
                ("material", f"raised {self.family}", "reported otherwise", "verdicts"),
                rows,
                Origin.SIMULATED,
            )
        )

    def _confuser_row(self, name: str, answers: Sequence[SimulatedAnswer]) -> list[Any]:
        wrong = Proportion(sum(a.names_family(self.family) for a in answers), len(answers), "exact")
        seen: dict[str, int] = {}
        verdicts: dict[str, int] = {}
        for answer in answers:
            verdicts[answer.verdict] = verdicts.get(answer.verdict, 0) + 1
            for family in answer.families:
                seen[family] = seen.get(family, 0) + 1
        return [name, wrong, _counted(seen), _counted(verdicts)]

    def handheld(self, seeds: int = HANDHELD_SEEDS) -> None:
        """Add the table of scans like a handheld's: coarse, axis high, the bag as bright as the drug."""
        cases: list[tuple[str, str, Callable[[SimulatedAnswer], bool]]] = [
            (f"{self.target}", self.target, lambda a: a.names_family(self.family)),
            (
                f"{self.target} 50 % in lactose",
                f"{self.target}:0.5+lactose",
                lambda a: a.names_family(self.family),
            ),
            ("heroin HCl", "heroin hcl", lambda a: a.names_family("heroin")),
            ("cocaine HCl", "cocaine", lambda a: a.names_family("cocaine")),
            ("methamphetamine HCl", "methamphetamine", lambda a: a.names_family("amphetamine-type")),
            ("ammonium nitrate", "ammonium nitrate", lambda a: a.raised),
            ("salt in a bag (bag alone)", "sodium chloride", lambda a: not a.raised),
            ("mineral oil (wax) in a bag", "mineral oil", lambda a: not a.raised),
            ("lactose", "lactose", lambda a: not a.raised),
        ]
        rows: list[list[Any]] = []
        for label, mixture, right in cases:
            answers = self._run(handheld_samples(mixture, seeds, self.preset, label), f"handheld: {label}")
            hits = Proportion(sum(right(answer) for answer in answers), len(answers), "exact")
            seen: dict[str, int] = {}
            for answer in answers:
                seen[answer.reason] = seen.get(answer.reason, 0) + 1
            rows.append([label, hits, _counted(seen)])
        self.report.add(
            Table(
                f"handheld: {self.preset}",
                "Scans like a handheld's: resolution 12–16 cm⁻¹, axis 4–7 cm⁻¹ high, polyethylene as bright "
                "as the sample",
                ("sample", "as it should be", "reasons"),
                rows,
                Origin.SIMULATED,
                ("Should be: the family (or a warning) raised; nothing raised for the last three.",),
            )
        )


def _kept_promises(
    answers: Sequence[SimulatedAnswer], stated: Sequence[float], fraction: float, family: str
) -> Proportion:
    """Count detections among the scans whose stated limit of detection is at or below what was there."""
    promised = [a.names_family(family) for a, lod in zip(answers, stated, strict=True) if lod <= fraction]
    return Proportion(sum(promised), len(promised), "exact")


def blank_samples(count: int, preset: str) -> list[Sample]:
    """Return blanks: one to three harmless materials of the catalogue in a random bag, from fixed seeds."""
    entries = harmless_entries()
    samples = []
    for number in range(count):
        rng = np.random.default_rng([SEED, number])
        parts = int(rng.integers(1, 4))
        chosen = [entries[i].id for i in rng.choice(len(entries), size=parts, replace=False).tolist()]
        shares = rng.dirichlet(np.full(parts, 2.0)).clip(0.05)
        shares = shares / shares.sum()
        given = [f"{name}:{share:.3f}" for name, share in zip(chosen[1:], shares[1:].tolist(), strict=True)]
        mixture = "+".join([chosen[0], *given])
        bag = BLANK_BAGS[number % len(BLANK_BAGS)]
        label = f"{mixture} in {bag}, seed {number}"
        samples.append(Sample(mixture, 4_000_037 + number, bag, preset, label=label))
    return samples


def harmless_entries() -> list[CatalogueEntry]:
    """Return one entry for each harmless substance that is known by measured bands and is no packaging."""
    from spectriage.library.catalogue import load_catalogue

    best: dict[str, CatalogueEntry] = {}
    excluded = {"packaging", "background", "calibration"}
    for entry in load_catalogue():
        usable = entry.hazard is Hazard.NONE and entry.tier is Tier.BANDS and len(entry.bands) > 0
        if usable and entry.material_class not in excluded:
            best.setdefault(entry.substance, entry)
    return [best[substance] for substance in sorted(best)]


def handheld_samples(mixture: str, seeds: int, preset: str, label: str) -> list[Sample]:
    """Return scans of a mixture as a handheld with a coarse, badly calibrated axis sees it in a bag."""
    samples = []
    for seed in range(seeds):
        rng = np.random.default_rng([SEED, 7, seed])
        samples.append(
            Sample(
                mixture,
                5_000_011 + seed,
                "ldpe:1",
                preset,
                offset_cm=float(rng.uniform(4.0, 7.0)),
                resolution_cm=float(rng.uniform(12.0, 16.0)),
                label=label,
            )
        )
    return samples


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
