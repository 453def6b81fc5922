"""`spectriage bench match`: several methods on one labelled set, in one table.

Only materials that the library has are asked for, each once an instrument (a trial). Every query gives one
genuine score, that of its own substance, and one impostor score for every other substance in the library:
from these the area under the ROC curve, and the share of genuine matches accepted at a threshold that so few
impostors pass (TAR at a fixed FAR). Intervals come from resampling whole materials.

A peer is a class derived from `spectriage.bench.methods.methods.Method`: put it into `METHODS`, or name it as
``package.module:Class``.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.options import JsonOption
from spectriage.spectra.progress import Progress

if TYPE_CHECKING:
    from spectriage.bench.methods.methods import Method
    from spectriage.bench.report.statistics import Interval
    from spectriage.bench.report.tables import Report
    from spectriage.bench.sets.names import Names
    from spectriage.bench.sets.pairing import Pairing
    from spectriage.bench.sets.sets import LabelledSet, Trial
    from spectriage.spectra.reference import ReferenceSet

TOPS = (1, 3, 5)
FALSE_ACCEPT_RATES = (0.01, 0.001)
RESAMPLINGS = 300
UNRANKED = float("-inf")
"""The score of a substance that a method does not rank: below every other."""


@dataclass(frozen=True)
class Matched:
    """What one method made of one query.

    Parameters
    ----------
    material, instrument, spectrum
        The query.
    rank
        Place of its substance; None when not ranked.
    best
        The best match.
    genuine
        Score of its own substance.
    impostors
        Scores of all others in the library.
    elapsed_ms
        Time of ranking.
    error
        Why there is no answer; it counts as not ranked.
    """

    material: str
    instrument: str
    spectrum: str
    rank: int | None
    best: str
    genuine: float
    impostors: tuple[float, ...]
    elapsed_ms: float
    error: str = ""


def compare_methods(
    queries: LabelledSet,
    references: ReferenceSet | None = None,
    methods: Sequence[str] | None = None,
    *,
    names: Names | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare methods on a labelled set.

    Parameters
    ----------
    queries
        The labelled set; all measured, or all simulated.
    references
        The library; the shipped catalogue, without what was extracted from the set, by default.
    methods
        Names of `spectriage.bench.METHODS`, or ``package.module:Class``; all known ones by default.
    names
        How labels are compared; the set's by default.

    Returns
    -------
    Report
        One table, and each query's answer in the details.

    Raises
    ------
    ParameterError
        When a method is unknown, or the library has none of the set's materials.
    """
    from spectriage.bench.report.tables import Report, Table
    from spectriage.bench.sets.pairing import Pairing, known_trials
    from spectriage.bench.sets.references import catalogue_without

    library = catalogue_without(queries.sources) if references is None else references
    pairing = Pairing(queries.name, queries, library, names or queries.names)
    trials = known_trials(pairing)
    if not trials:
        raise ParameterError("the library has none of the set's materials", where=queries.name)
    report = Report(
        "match",
        {
            "set": queries.name,
            "left_out": list(queries.left_out),
            "library": {"name": library.name, "sha256": library.sha256, "references": len(library)},
            "trials": len(trials),
            "false_accept_rates": list(FALSE_ACCEPT_RATES),
        },
    )
    rows = []
    for method in prepared(library, methods):
        matched = _all_queries(method, pairing, trials, progress)
        rows.append(_row(method.name, matched))
        report.detail(pairing.origin, method.name, [_detail(item) for item in matched])
    title = f"{queries.name}: {len(trials)} queries in {library.name} ({len(library)} references)"
    columns = ("method", *(f"top-{k}" for k in TOPS), "AUC [95 %]")
    columns += tuple(f"TAR at FAR {rate:g} [95 %]" for rate in FALSE_ACCEPT_RATES)
    columns += ("median ms", "no answer")
    notes = (
        "Top-k: Wilson intervals. AUC and TAR: genuine against impostor scores, bootstrap over materials.",
        "A substance that a method does not rank scores below all others; the engine ranks few.",
    )
    report.add(Table(f"match: {queries.name}", title, columns, rows, pairing.origin, notes))
    unasked = _left_out(queries, trials)
    if unasked:
        said = f"{queries.name}: {len(unasked)} left out"
        report.add(Table("left out", said, ("file or material", "why"), unasked, pairing.origin, ()))
    return report


def _left_out(queries: LabelledSet, trials: Sequence[Trial]) -> list[list[Any]]:
    """Return what was not asked for, each with its reason: unread files, materials that the library lacks."""
    rows: list[list[Any]] = []
    for text in queries.left_out:
        name, _, reason = text.partition(": ")
        rows.append([name, reason or "not used"])
    asked = {(trial.substance, trial.instrument) for trial in trials}
    for trial in queries.trials():
        if (trial.substance, trial.instrument) not in asked:
            files = ", ".join(item.source for item in trial.repeats[:3])
            rows.append([f"{trial.substance} ({files})", "the library has no such material"])
    return rows


def prepared(references: ReferenceSet, names: Sequence[str] | None) -> list[Method]:
    """Return methods, prepared for a library; those given as ``package.module:Class`` are imported.

    Raises
    ------
    ParameterError
        When one cannot be found.
    """
    from spectriage.bench.methods.methods import METHODS, Method, make_methods

    made: list[Method] = []
    for name in list(METHODS) if names is None else names:
        module, colon, attribute = name.partition(":")
        if not colon:
            made += make_methods(references, [name])
            continue
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ParameterError(f"cannot be imported: {error}", where=f"method {name}") from None
        if not (isinstance(found, type) and issubclass(found, Method)):
            raise ParameterError(
                "is not derived from spectriage.bench.methods.methods.Method", where=f"method {name}"
            )
        made.append(found(references))
    return made


def _all_queries(
    method: Method, pairing: Pairing, trials: Sequence[Trial], progress: Progress | None
) -> list[Matched]:
    keys = {pairing.key(record.substance) for record in pairing.references.records}
    with suppress(SpectriageError):
        # Whatever is compiled or loaded is not timed; a copy, since a method may keep its last answer.
        method.rank(trials[0].repeats[0].spectrum.with_step("copied"))
    matched = []
    for trial in trials:
        matched.append(_one_query(method, pairing, trial, keys))
        if progress is not None:
            progress(method.name, len(matched), len(trials))
    return matched


def _one_query(method: Method, pairing: Pairing, trial: Trial, keys: set[str]) -> Matched:
    item = trial.repeats[0]
    mine = pairing.key(trial.substance)
    others = len(keys - {mine})
    start = time.perf_counter()
    try:
        ranked = method.rank(item.spectrum)
    except SpectriageError as error:
        missing = (UNRANKED,) * others
        return Matched(mine, trial.instrument, item.name, None, "", UNRANKED, missing, 0.0, str(error))
    elapsed_ms = (time.perf_counter() - start) * 1e3
    best: dict[str, float] = {}
    for match in ranked:
        best.setdefault(pairing.key(match.substance), match.score)
    order = list(best)
    impostors = [score for key, score in best.items() if key != mine]
    impostors += [UNRANKED] * (others - len(impostors))
    rank = order.index(mine) + 1 if mine in best else None
    top = order[0] if order else ""
    return Matched(
        mine, trial.instrument, item.name, rank, top, best.get(mine, UNRANKED), tuple(impostors), elapsed_ms
    )


def _row(name: str, matched: Sequence[Matched]) -> list[Any]:
    from spectriage.bench.report.statistics import Proportion

    tops = [Proportion(sum(m.rank is not None and m.rank <= k for m in matched), len(matched)) for k in TOPS]
    return [
        name,
        *tops,
        _over_materials(matched, area),
        *(_over_materials(matched, partial(accepted, false_accept_rate=r)) for r in FALSE_ACCEPT_RATES),
        float(np.median([m.elapsed_ms for m in matched])),
        sum(bool(m.error) for m in matched),
    ]


def _over_materials(matched: Sequence[Matched], statistic: Callable[[Sequence[Matched]], float]) -> Interval:
    from spectriage.bench.report.statistics import cluster_bootstrap

    clusters: dict[str, list[Matched]] = {}
    for item in matched:
        clusters.setdefault(item.material, []).append(item)
    return cluster_bootstrap(
        list(clusters.values()),
        lambda drawn: statistic([item for cluster in drawn for item in cluster]),
        resamplings=RESAMPLINGS,
    )


def _scores(matched: Sequence[Matched]) -> tuple[Any, Any]:
    genuine = np.array([item.genuine for item in matched])
    impostors = np.concatenate([np.array(item.impostors) for item in matched])
    return genuine, impostors


def area(matched: Sequence[Matched]) -> float:
    """Return the area under the ROC curve of genuine against impostor scores."""
    from spectriage.bench.report.statistics import area_under_curve

    genuine, impostors = _scores(matched)
    return area_under_curve(genuine, impostors)


def accepted(matched: Sequence[Matched], false_accept_rate: float) -> float:
    """Return the share of genuine scores above the threshold that at most this share of impostors pass."""
    genuine, impostors = _scores(matched)
    if impostors.size == 0:
        return float("nan")
    passing = int(np.floor(false_accept_rate * impostors.size))
    threshold = np.sort(impostors)[::-1][min(passing, impostors.size - 1)]
    return float(np.mean(genuine > threshold))


def _detail(item: Matched) -> dict[str, Any]:
    return {
        "material": item.material,
        "instrument": item.instrument,
        "spectrum": item.spectrum,
        "rank": item.rank,
        "best": item.best,
        "score": None if item.genuine == UNRANKED else round(item.genuine, 6),
        "error": item.error,
    }


def match_command(
    labelled: Annotated[
        str, typer.Argument(metavar="SET", help="Folder, manifest, ramanbiolib:FOLDER or openspecy[:FOLDER].")
    ],
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            help="Of `spectriage bench methods`, comma-separated; package.module:Class adds a peer.",
            show_default="all",
        ),
    ] = None,
    library: Annotated[
        str | None,
        typer.Option(
            "--library", "-l", help="Library file or labelled set.", show_default="the shipped catalogue"
        ),
    ] = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write everything to this JSON file too.")
    ] = None,
) -> None:
    """Compare methods on a labelled set: top-k, AUC, TAR at fixed FAR, time; what was left out, and why."""
    from spectriage.bench.report.output import check_folder, give_out
    from spectriage.bench.sets.public import load_set
    from spectriage.library.service import progress_bar

    check_folder(out)
    with progress_bar() as progress:
        queries = load_set(labelled, progress=progress)
        references, names = _library(library, queries)
        wanted = None if methods is None else [name.strip() for name in methods.split(",") if name.strip()]
        report = compare_methods(queries, references, wanted, names=names, progress=progress)
    give_out(report, as_json, out)


def _library(name: str | None, queries: LabelledSet) -> tuple[ReferenceSet | None, Names]:
    """Open a library file, or make a labelled set into a library."""
    from spectriage.bench.sets.pairing import joined
    from spectriage.bench.sets.public import load_set
    from spectriage.bench.sets.references import library_of
    from spectriage.library.building import open_library

    if name is None:
        return None, queries.names
    if Path(name).is_file() and Path(name).suffix.lower() in (".h5", ".hdf5"):
        return open_library(Path(name)), queries.names
    searched = load_set(name)
    return library_of(searched, leave_out=queries.sources), joined(queries, searched)
