"""How wrong a recalled table makes a limit: tables that a measurement has since replaced, as they stood.

Each substance of a file of frozen tables is one trial. Its frozen table takes the place of what the catalogue
now has, and is watched for. Measured scans of other materials state limits for it; what is then put in is not
the table but the substance: its measured spectrum where the given sets hold one (measured), else a simulated
scan of the entry that replaced the table, perturbed as all simulated scans are (simulated). What is found at
1 to 6 times the limit says by how much limits of such references must grow; with so few substances the result
is provisional.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectriage.bench.evidence.limits import LimitTrial, limit_trial, outcomes, parts_of, watching
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import Interval, cluster_bootstrap
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import catalogue_without
from spectriage.bench.sets.sets import LabelledSet
from spectriage.bench.sets.simulation import Sample
from spectriage.bench.sets.sums import Aligner, Part, make_part
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet

if TYPE_CHECKING:
    from spectriage.library.catalogue import CatalogueEntry

FACTORS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
PROMISED = 0.95
SEED = 20_261_128


@dataclass(frozen=True)
class RecalledTrial:
    """One substance: what its frozen table promised and what was found.

    Parameters
    ----------
    trials
        Its sums, one for each main.
    origin
        Measured, or simulated where no measured spectrum of it was given.
    """

    substance: str
    origin: Origin
    trials: tuple[LimitTrial, ...]

    def found(self, factor: float) -> float:
        """Return the share found at a multiple of the limit; NaN without sums."""
        held = [held.found for _, held in outcomes(self.trials, factor)]
        return sum(held) / len(held) if held else float("nan")

    @property
    def needed(self) -> float | None:
        """The smallest multiple from which on 95 % are found; None when no multiple that was tried does."""
        tried = [factor for factor in FACTORS if not np.isnan(self.found(factor))]
        good = [f for f in tried if all(self.found(g) >= PROMISED for g in tried if g >= f)]
        return good[0] if good else None


@dataclass(frozen=True, eq=False)
class _Context:
    sets: Sequence[LabelledSet]
    sources: frozenset[str]


def recalled(
    file: Path,
    sets: Sequence[LabelledSet],
    report: Report,
    *,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[RecalledTrial]:
    """Add the tables of frozen recalled tables; return the trials.

    Parameters
    ----------
    file
        Frozen tables, in the catalogue's own form.
    sets
        Measured scans that state the limits, and that may hold the substances themselves.

    Raises
    ------
    ParameterError
        When no table in the file has been replaced by better evidence.
    """
    from spectriage.library.catalogue import load_catalogue

    frozen = load_catalogue([file])
    present = {entry.id: entry for entry in load_catalogue()}
    replaced = [e for e in frozen if e.id in present and _says(present[e.id]) != _says(e)]
    if not replaced:
        raise ParameterError("none of its tables has been replaced in the catalogue", where=str(file))
    sources = frozenset().union(*(labelled.sources for labelled in sets))
    context = _Context(sets, sources)
    title = "recalled tables"
    found = run(_one, context, replaced, jobs=jobs, title=title, progress=progress)
    for origin in Origin:
        mine = [trial for trial in found if trial.origin is origin]
        if mine:
            report.add(_table(mine, origin), _multiples(mine, origin))
            report.figure(origin, "recalled: found at the limit", _over_substances(mine, 1.0))
            report.figure(origin, "recalled: substances", len(mine))
    return found


def _says(entry: CatalogueEntry) -> list[tuple[float, float]]:
    """Return what a table says of its bands: where they are and how high, not how they were fitted."""
    return [(band.shift_cm, band.height) for band in entry.bands]


def with_table(references: ReferenceSet, entry: CatalogueEntry, names: Names) -> ReferenceSet:
    """Return a library in which one substance is known by this table alone."""
    from spectriage.library.building.build import RESOLUTION_CM
    from spectriage.library.building.render import render_entry

    key = names.key(entry.substance)
    keep = np.array([names.key(record.substance) != key for record in references.records])
    rest = references.subset(keep)
    row = render_entry(entry, rest.shift, RESOLUTION_CM).astype(np.float32)
    return replace(
        rest,
        records=(*rest.records, entry.reference),
        spectra=np.vstack([rest.spectra, row[None, :]]),
        indexes={},
    )


def _one(context: _Context, entry: CatalogueEntry) -> RecalledTrial:
    names = context.sets[0].names
    shipped = catalogue_without(context.sources)
    key = names.key(entry.substance)
    part, origin = _truth(context, entry, key, Aligner(shipped, names))
    references, policy = watching(with_table(shipped, entry, names), names, key)
    engine = Identifier(references, policy)
    trials: list[LimitTrial] = []
    mains = [main for labelled in context.sets for main in parts_of(labelled, shipped, names)]
    for number, main in enumerate(mains):
        if main.key == key:
            continue
        seed = (SEED, number)
        trial = limit_trial("recalled", engine, part, main, 0.0, seed, factors=FACTORS)
        if trial is not None:
            trials.append(trial)
    return RecalledTrial(entry.substance, origin, tuple(trials))


def _truth(context: _Context, entry: CatalogueEntry, key: str, aligner: Aligner) -> tuple[Part, Origin]:
    """Return what is put in: a measured spectrum, else a simulated scan of what replaced the table."""
    for labelled in context.sets:
        for trial in labelled.trials():
            if labelled.names.key(trial.substance) == key:
                item = trial.repeats[0]
                offset = aligner.offset(item.spectrum, key)
                part = make_part(item.spectrum, key, trial.instrument, "area", offset_cm=offset)
                if part is not None:
                    return part, item.origin
    spectrum = Sample(entry.id, SEED, packaging="none").scan()
    part = make_part(spectrum, key, "simulated", "area")
    if part is None:
        raise ParameterError(f"a simulated scan of {entry.id} shows nothing")
    return part, Origin.SIMULATED


def _over_substances(trials: Sequence[RecalledTrial], factor: float) -> Interval | None:
    """Return the mean over substances of the share found, each substance one trial."""
    shares = [share for trial in trials if not np.isnan(share := trial.found(factor))]
    if not shares:
        return None
    return cluster_bootstrap(shares, lambda drawn: float(np.mean(drawn)))


def _table(trials: Sequence[RecalledTrial], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for trial in trials:
        stated = [one.limit for one in trial.trials if one.limit is not None]
        rows.append(
            [
                trial.substance,
                f"{len(stated)} of {len(trial.trials)}",
                float(np.median(stated)) if stated else None,
                *(trial.found(factor) for factor in FACTORS),
                f"{trial.needed:g} ×" if trial.needed is not None else "none tried",
            ]
        )
    return Table(
        "recalled",
        "Recalled tables as they stood: what is found at multiples of the limit that they state",
        (
            "substance",
            "limits stated",
            "median limit",
            *(f"at {factor:g} ×" for factor in FACTORS),
            f"{PROMISED:.0%} found from",
        ),
        rows,
        origin,
        (
            "Measured mains; put in: "
            + (
                "measured spectra of the substances."
                if origin is Origin.MEASURED
                else "simulated scans, perturbed, of the entries that replaced the tables."
            ),
        ),
    )


def _multiples(trials: Sequence[RecalledTrial], origin: Origin) -> Table:
    rows: list[list[Any]] = []
    for factor in FACTORS:
        holding = [trial for trial in trials if not np.isnan(trial.found(factor))]
        kept = sum(trial.found(factor) >= PROMISED for trial in holding)
        rows.append(
            [f"{factor:g} ×", len(holding), _over_substances(trials, factor), f"{kept} of {len(holding)}"]
        )
    return Table(
        "recalled: multiples",
        f"The same over substances, each one trial: provisional, n = {len(trials)}",
        ("multiple of the limit", "substances", "mean share found [95 %]", f"with {PROMISED:.0%} or more"),
        rows,
        origin,
        ("Bootstrap over substances. So few say that a limit is too low, hardly how high it should be.",),
    )
