"""All rows of the floors together, on one folder of measured sets: what a change of the decision does.

The folder holds ``field`` (see `spectriage.bench.sets.rules`), two or more labelled sets of different 785 nm
instruments, and a set of packaging. The parts are those of the single commands, with fewer repetitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from spectriage.bench.evidence.field import field, shipped_rules
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, cluster_bootstrap
from spectriage.bench.report.tables import Report
from spectriage.bench.sets.names import Names, read_corrections
from spectriage.bench.sets.pairing import Pairing, make_pairings
from spectriage.bench.sets.rules import FieldSpectrum, Rule, read_field, read_rules
from spectriage.bench.sets.sets import LabelledSet, read_set
from spectriage.spectra.errors import FormatError, ParameterError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet

FIELD = "field"
SETS = ("wasatch-785-2024", "wasatch-785xs-2026")
WRAPPING = "openspecy-hdpe"
OPENSET_SPLITS = 4
MIXTURES = 60
TIMED = 100


def shipped_corrections() -> Path:
    """Return the labels of openly licensed sets that their spectra contradict."""
    return Path(str(resources.files("spectriage.bench.evidence"))) / "corrections.csv"


@dataclass(eq=False)
class Decide:
    """The parts of `spectriage bench decide`, each a method that adds its tables and figures.

    Parameters
    ----------
    folder
        Holds the sets.
    references
        The library that is judged.
    report
        Where the tables go.
    rules
        What may be raised in the field spectra; the shipped ones if None.
    sets
        Folders of two labelled sets of different instruments.
    jobs, progress
        As in `runner.run`.

    Raises
    ------
    FormatError
        When a folder is missing.
    """

    folder: Path
    references: ReferenceSet
    report: Report
    rules: tuple[Rule, ...] | None = None
    sets: Sequence[str] = SETS
    jobs: Jobs = 1
    progress: Progress | None = None

    def __post_init__(self) -> None:
        for name in (FIELD, *self.sets, WRAPPING):
            if not (self.folder / name).is_dir():
                raise FormatError(f"there is no folder {name} in it", where=str(self.folder))
        if len(self.sets) != 2:
            raise ParameterError(f"{len(self.sets)} sets are not two of different instruments")
        if self.rules is None:
            self.rules = read_rules(shipped_rules())
        self.engine = Identifier(self.references)
        corrections = read_corrections(shipped_corrections())
        self._read: list[LabelledSet] = [
            read_set(self.folder / name, names=Names(), corrections=corrections, progress=self.progress)
            for name in self.sets
        ]
        self._field: list[FieldSpectrum] | None = None
        self._left_out: list[str] = []

    def run(self, parts: Sequence[str] = ()) -> None:
        """Run the named parts, all if none is named, and note how long each took.

        Raises
        ------
        ParameterError
            Lists the parts there are.
        """
        unknown = [name for name in parts if name not in PARTS]
        if unknown:
            raise ParameterError(f"there is no part {unknown[0]!r}", remedy=f"use {', '.join(PARTS)}")
        seconds: dict[str, float] = {}
        for name in parts or PARTS:
            start = time.perf_counter()
            PARTS[name](self)
            seconds[name] = round(time.perf_counter() - start, 1)
        self.report.settings = {**self.report.settings, "seconds": seconds}

    def field_spectra(self) -> list[FieldSpectrum]:
        """Return the field spectra, read once."""
        if self._field is None:
            self._field, self._left_out = read_field(
                self.folder / FIELD, self.rules or (), progress=self.progress
            )
        return self._field

    def pairings(self) -> list[Pairing]:
        """Return each set by the other."""
        return make_pairings(self._read[0], self._read[1], catalogue=False)

    def field(self) -> None:
        """Count false alarms on field spectra."""
        spectra = self.field_spectra()
        field(
            spectra, self.engine, self.report, left_out=self._left_out, jobs=self.jobs, progress=self.progress
        )

    def answers(self) -> None:
        """Count answers on harmless materials."""
        from spectriage.bench.evidence.answers import answers, neat_samples, powder_samples, wrapped_samples

        wrapping = read_set(self.folder / WRAPPING, names=Names())
        samples = neat_samples(self._read) + powder_samples(self.field_spectra())
        samples += wrapped_samples(self._read, [wrapping])
        answers(samples, self.engine, self.report, jobs=self.jobs, progress=self.progress)

    def limits(self) -> None:
        """Try whether stated limits hold."""
        from spectriage.bench.evidence.limits import limits
        from spectriage.bench.evidence.limits_tables import limits_tables

        trials = limits(self.pairings(), jobs=self.jobs, progress=self.progress)
        limits_tables(trials, self.report)

    def hazards(self) -> None:
        """Add real hazards to real harmless materials."""
        from spectriage.bench.evidence.hazards import gather, hazards

        sets = [self.folder / name for name in self.sets]
        found, mains = gather(
            [self.folder / FIELD, *sets], sets, self.rules or (), self.references, progress=self.progress
        )
        hazards(found, mains, self.engine, self.report, jobs=self.jobs, progress=self.progress)

    def mixtures(self) -> None:
        """Add measured spectra: precision and recall."""
        from spectriage.bench.evidence.mixtures import mixtures

        mixtures(
            self.pairings(),
            self.report,
            cases=MIXTURES,
            methods=["spectriage"],
            jobs=self.jobs,
            progress=self.progress,
        )

    def openset(self) -> None:
        """Tell unknown materials from known ones."""
        from spectriage.bench.evidence.openset import openset

        openset(
            self.pairings(),
            self.report,
            splits=OPENSET_SPLITS,
            methods=["spectriage"],
            jobs=self.jobs,
            progress=self.progress,
        )

    def speed(self) -> None:
        """Time one identification, on one thread of this machine."""
        spectra = self.field_spectra()[:: max(1, len(self.field_spectra()) // TIMED)]
        # twice: the first pass compiles and fills what is kept
        times = [run(_timed, self.engine, spectra, title="timing", progress=self.progress) for _ in range(2)]
        self.report.figure(Origin.MEASURED, "identification: median ms", _median(times[-1]))

    def pod(self) -> None:
        """Simulate a target at a tenth of the signal, and blanks."""
        from spectriage.bench.evidence.pod import BLANKS, SEEDS, PodBench

        bench = PodBench(self.references, self.report, jobs=self.jobs, progress=self.progress)
        bench.detection(SEEDS, (0.10,))
        bench.blanks(BLANKS)

    def garbage(self) -> None:
        """Identify made-up spectra."""
        from spectriage.bench.evidence.garbage import garbage

        garbage(self.engine, self.report, jobs=self.jobs, progress=self.progress)

    def trigger(self) -> None:
        """Time verdicts from the trigger on."""
        from spectriage.bench.evidence.trigger import trigger

        trigger(self.engine, self.report, jobs=self.jobs, progress=self.progress)


PARTS: dict[str, Callable[[Decide], None]] = {
    "field": Decide.field,
    "answers": Decide.answers,
    "limits": Decide.limits,
    "hazards": Decide.hazards,
    "mixtures": Decide.mixtures,
    "openset": Decide.openset,
    "speed": Decide.speed,
    "pod": Decide.pod,
    "garbage": Decide.garbage,
    "trigger": Decide.trigger,
}
"""The parts by name, in the order of running."""


def _timed(engine: Identifier, item: FieldSpectrum) -> float:
    from spectriage.spectra.errors import SpectriageError

    # processor time: what else the machine does is not the engine's
    start = time.thread_time()
    try:
        engine.identify(item.spectrum)
    except SpectriageError:
        return float("nan")
    return 1e3 * (time.thread_time() - start)


def _median(milliseconds: Sequence[float]) -> Interval:
    return cluster_bootstrap(milliseconds, lambda drawn: float(np.nanmedian(drawn)))
