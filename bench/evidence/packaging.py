"""Packaging: how far a wrapping may drown its contents, and what happens when there is only the wrapping.

Contents and wrapping are measured; they are added in many proportions, and white noise is added to the sum.
The library is the catalogue without the entries that were extracted from either spectrum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.report.statistics import clustered
from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import catalogue_without, keys_of
from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum
from spectriage.bench.sets.sums import Part, add_parts, make_part
from spectriage.spectra.errors import CatalogueError, SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.progress import Progress
from spectriage.spectra.verdict import RAISED

CONTENTS = ("acetaminophen", "caffeine")
FRACTIONS = (1.0, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03)
SIGNAL_TO_NOISE = (300.0, 100.0, 30.0)
NOISE_SEEDS = 10
KEPT_RATE = 0.95
SEED = 20_260_331


@dataclass(frozen=True)
class WrappedScan:
    """One sum and what the engine said of it."""

    fraction: float
    snr: float
    seed: int
    kept: bool
    raised: bool
    verdict: str
    said: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Wrapped:
    content: Part
    wrapping: Part
    engine: Identifier
    names: Names


def is_packaging(substance: str) -> bool:
    """Whether the catalogue knows a substance as packaging."""
    from spectriage.library.catalogue import load_catalogue

    return any(
        entry.material_class == "packaging" and entry.substance.casefold() == substance
        for entry in load_catalogue()
    )


def split_packaging(labelled: LabelledSet) -> tuple[list[LabelledSpectrum], list[LabelledSpectrum]]:
    """Return one spectrum of each trial: of contents, and of packaging."""
    contents: list[LabelledSpectrum] = []
    wrappings: list[LabelledSpectrum] = []
    for trial in labelled.trials():
        item = trial.repeats[0]
        (wrappings if is_packaging(trial.substance) else contents).append(item)
    return contents, wrappings


def packaging(
    labelled: LabelledSet,
    report: Report,
    *,
    contents: Sequence[str] = CONTENTS,
    seeds: int = NOISE_SEEDS,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> None:
    """Add the tables of contents through packaging and of packaging alone.

    Raises
    ------
    CatalogueError
        When none of the contents, or no packaging, is in the set.
    """
    inside, wrappings = split_packaging(labelled)
    wanted = {labelled.names.key(name) for name in contents}
    chosen = [item for item in inside if labelled.names.key(item.substance) in wanted]
    if not wrappings or not chosen:
        missing = "packaging" if not wrappings else " or ".join(contents)
        raise CatalogueError(f"no {missing} is in the set", where=labelled.name)
    origin = chosen[0].origin
    rows: list[list[Any]] = []
    for item in chosen:
        for wrapping in wrappings:
            row, scans = _pair(labelled, item, wrapping, seeds, jobs, progress)
            rows.append(row)
            report.detail(
                origin, f"packaging: {item.source} in {wrapping.source}", [asdict(scan) for scan in scans]
            )
    columns = ("contents", "wrapping", "own entry", "S/N", *(f"{100 * f:g} %" for f in FRACTIONS))
    report.add(
        Table(
            "packaging: contents",
            f"Contents through packaging: share that keeps the name, by signal fraction ({seeds} seeds)",
            (*columns, "kept down to", "raised"),
            [cells for row in rows for cells in row],
            origin,
            (
                "Sums of measured spectra with white noise: adding and noise are computed; S/N is the sum's "
                "highest point over the noise.",
                "Own entry: the catalogue knows the material only from this very spectrum; not a transfer.",
                f"Kept down to: at this fraction and each larger one at least {100 * KEPT_RATE:g} % keep it.",
            ),
        )
    )
    _alone(wrappings, report)


def _pair(
    labelled: LabelledSet,
    item: LabelledSpectrum,
    wrapping: LabelledSpectrum,
    seeds: int,
    jobs: Jobs,
    progress: Progress | None,
) -> tuple[list[Any], list[WrappedScan]]:
    names = labelled.names
    references = catalogue_without({item.source, wrapping.source})
    key = names.key(item.substance)
    own = key not in keys_of(references, names)
    if own:
        references = catalogue_without({wrapping.source})
    content = make_part(item.spectrum, key, item.instrument)
    film = make_part(wrapping.spectrum, names.key(wrapping.substance), wrapping.instrument)
    if content is None or film is None:
        raise SpectriageError("a spectrum is empty after its baseline", where=item.source)
    context = _Wrapped(content, film, Identifier(references), names)
    tasks = [(f, snr, seed) for snr in SIGNAL_TO_NOISE for f in FRACTIONS for seed in range(seeds)]
    title = f"{item.substance} in {wrapping.substance}"
    scans = run(_one_wrapped, context, tasks, jobs=jobs, title=title, progress=progress)
    rows = []
    for snr in SIGNAL_TO_NOISE:
        mine = [scan for scan in scans if scan.snr == snr]
        rates = [float(np.mean([scan.kept for scan in mine if scan.fraction == f])) for f in FRACTIONS]
        rows.append(
            [
                f"{item.substance} ({item.instrument})",
                f"{wrapping.substance} ({wrapping.instrument})",
                own,
                f"{snr:g}",
                *(f"{rate:.2f}" for rate in rates),
                _kept_down_to(rates),
                sum(scan.raised for scan in mine),
            ]
        )
    return rows, scans


def _kept_down_to(rates: Sequence[float]) -> str:
    """Return the smallest of the falling fractions down to which the name is kept without a gap."""
    last = ""
    for fraction, rate in zip(FRACTIONS, rates, strict=True):
        if rate < KEPT_RATE:
            break
        last = f"{100 * fraction:g} %"
    return last or "never"


def _one_wrapped(context: _Wrapped, task: tuple[float, float, int]) -> WrappedScan:
    fraction, snr, seed = task
    spectrum = add_parts((context.content, context.wrapping), (fraction, 1.0 - fraction))
    rng = np.random.default_rng([SEED, seed])
    noise = float(spectrum.intensity.max()) / snr * rng.normal(size=len(spectrum))
    result = context.engine.identify(replace(spectrum, intensity=spectrum.intensity + noise))
    said = tuple(part.reference.substance for part in result.components)
    kept = context.content.key in {context.names.key(name) for name in said}
    return WrappedScan(fraction, snr, seed, kept, result.verdict in RAISED, str(result.verdict), said)


def _alone(wrappings: Sequence[LabelledSpectrum], report: Report) -> None:
    rows: list[list[Any]] = []
    raised: dict[Any, list[bool]] = {}
    for item in wrappings:
        result = Identifier(catalogue_without({item.source.partition("/")[0]})).identify(item.spectrum)
        happened = result.verdict in RAISED
        raised.setdefault((item.substance, item.instrument), []).append(happened)
        seen = ", ".join(part.reference.substance for part in result.packaging)
        said = ", ".join(part.reference.substance for part in result.components)
        rows.append(
            [
                item.substance,
                item.instrument,
                str(result.verdict),
                result.reason,
                seen,
                said,
                result.similarity,
            ]
        )
    bound = clustered(raised)
    report.add(
        Table(
            "packaging: alone",
            "Packaging alone, by the catalogue without the entries of its set",
            ("material", "instrument", "verdict", "reason", "packaging", "components", "agreement"),
            rows,
            wrappings[0].origin,
            (f"alarm or warning: {bound}, one-sided 95 % upper bound {bound.upper_bound:.3f}",),
        )
    )
