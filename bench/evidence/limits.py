"""Limits of detection: whether what is stated is found, in sums of measured spectra.

Each measured material of a library in turn is the watched target (hazardous, the only one). Library and scans
are of different instruments. A measured scan of another material that the library knows states its limit for
the target; then a measured scan of the target is added at 0.5, 1, 1.5 and 2 times that limit, as a share of
the Raman area (400–1800 cm⁻¹), both axes aligned to the library's. Noise is added at several levels, another
draw for the scan that states the limit and for each that holds the target. Packaging is neither target nor
main: limits are shares of what is inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spectriage.bench.evidence.raised import is_raised, stated_limit
from spectriage.bench.report.runner import Jobs, run
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.pairing import Pairing
from spectriage.bench.sets.references import keys_of, with_null
from spectriage.bench.sets.sets import LabelledSet
from spectriage.bench.sets.states import is_solid
from spectriage.bench.sets.sums import Aligner, Part, add_parts, band_count, highest, make_part
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Hazard, ReferenceSet, Tier
from spectriage.spectra.verdict import Verdict

FACTORS = (0.5, 1.0, 1.5, 2.0)
NOISE = (None, 100.0, 30.0)
"""Signal-to-noise ratios that are added to: as measured, and the highest point over the noise."""
SEED = 20_261_114
WATCHED = "watched"
SOLID_BANDS = 6


@dataclass(frozen=True)
class Held:
    """One sum that holds the target.

    Parameters
    ----------
    factor, share
        Times the stated limit, and the share of the area that this is.
    found
        Whether the target was found and raised.
    verdict
        The answer's.
    own_limit
        What the answer to this very sum states; None when nothing.
    """

    factor: float
    share: float
    found: bool
    verdict: str
    own_limit: float | None


@dataclass(frozen=True)
class LimitTrial:
    """A target in a main, at one level of noise.

    Parameters
    ----------
    direction
        Which scans by which library.
    target, main
        Keys of the materials.
    solid, bands
        Whether the target is a solid with at least six bands, and how many it has over 5 %.
    noise
        Signal-to-noise ratio that was added to; None as measured.
    snr
        What the answer says of the scan that states the limit.
    limit
        As stated; None when none was.
    blank
        The verdict on the main alone.
    held
        The sums, when a limit was stated.
    """

    direction: str
    target: str
    main: str
    solid: bool
    bands: int
    noise: float | None
    snr: float
    limit: float | None
    blank: str
    blank_found: bool
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, eq=False)
class _Context:
    direction: str
    references: ReferenceSet
    names: Names
    parts: Sequence[Part]
    noise: Sequence[float | None]


def limits(
    pairings: Sequence[Pairing],
    *,
    noise: Sequence[float | None] = NOISE,
    jobs: Jobs = 1,
    progress: Progress | None = None,
) -> list[LimitTrial]:
    """Try every limit that a library states in the scans of other instruments, as this module's text says.

    Parameters
    ----------
    pairings
        Scans, and the library that knows their materials from elsewhere.
    noise
        Levels of noise, as signal-to-noise ratios; None for the scans as they are.

    Raises
    ------
    ParameterError
        When a pairing has fewer than two materials in common.
    """
    trials: list[LimitTrial] = []
    for pairing in pairings:
        references = pairing.references
        if references.derived.null is None:
            references = with_null(references)
        parts = parts_of(pairing.queries, references, pairing.names)
        if len({part.key for part in parts}) < 2:
            raise ParameterError("the library knows fewer than two of the materials", where=pairing.label)
        context = _Context(pairing.label, references, pairing.names, parts, noise)
        tasks = list(range(len(parts)))
        title = f"limits, {pairing.label}"
        found = run(_one_target, context, tasks, jobs=jobs, title=title, progress=progress)
        trials += [trial for part in found for trial in part]
    return trials


def by_library(pairings: Sequence[Pairing]) -> dict[str, list[Pairing]]:
    """Return pairings by the kind of their library, measured or band tables, under the names of tables."""
    kinds: dict[str, list[Pairing]] = {}
    for pairing in pairings:
        measured = any(record.tier is Tier.MEASURED for record in pairing.references.records)
        kinds.setdefault("limits" if measured else "limits of the catalogue", []).append(pairing)
    return kinds


def parts_of(scans: LabelledSet, references: ReferenceSet, names: Names) -> list[Part]:
    """Return one scan of each material that the library knows, but for packaging."""
    packaging = {names.key(r.substance) for r in references.records if r.is_packaging}
    known = keys_of(references, names) - packaging
    aligner = Aligner(references, names)
    parts: dict[str, Part] = {}
    for trial in scans.trials():
        key = names.key(trial.substance)
        if key not in known or key in parts:
            continue
        item = trial.repeats[0]
        offset = aligner.offset(item.spectrum, key)
        part = make_part(item.spectrum, key, trial.instrument, "area", name=trial.substance, offset_cm=offset)
        if part is not None:
            parts[key] = part
    return list(parts.values())


def watching(references: ReferenceSet, names: Names, key: str) -> tuple[ReferenceSet, Policy]:
    """Return a library in which one material is hazardous, everything else harmless, and a policy for it.

    The material's references, and whatever is of their families, are one family of its own.
    """
    records = references.records
    families = {record.family for record in records if record.family and names.key(record.substance) == key}
    changed = tuple(
        replace(record, family=WATCHED, hazard=Hazard.CONTROLLED)
        if names.key(record.substance) == key or record.family in families
        else replace(record, hazard=Hazard.NONE)
        for record in records
    )
    policy = replace(Policy(), targets=(Target(WATCHED, (WATCHED,)),))
    return replace(references, records=changed), policy


def _one_target(context: _Context, place: int) -> list[LimitTrial]:
    target = context.parts[place]
    references, policy = watching(context.references, context.names, target.key)
    own = {context.names.key(record.substance) for record in references.records if record.family == WATCHED}
    engine = Identifier(references, policy)
    bands = band_count(target)
    solid = is_solid(target.name) and bands >= SOLID_BANDS
    trials: list[LimitTrial] = []
    for number, main in enumerate(context.parts):
        if main.key in own:
            continue
        for level, ratio in enumerate(context.noise):
            sigma = 0.0 if ratio is None else highest(main) / ratio
            seed = (SEED, place, number, level)
            trial = limit_trial(context.direction, engine, target, main, sigma, seed)
            if trial is not None:
                trials.append(replace(trial, solid=solid, bands=bands, noise=ratio))
    return trials


def limit_trial(
    direction: str,
    engine: Identifier,
    target: Part,
    main: Part,
    sigma: float,
    seed: tuple[int, ...],
    *,
    factors: Sequence[float] = FACTORS,
) -> LimitTrial | None:
    """State the limit on the main alone, then put the target in; None when they share too little range.

    Parameters
    ----------
    direction
        Which scans by which library.
    engine
        Watches for the target alone, under the name `WATCHED`.
    target, main
        What is put in, and into what.
    sigma, seed
        Standard deviation of the noise that is added, in units of the main, and its seed.
    factors
        Multiples of the stated limit.
    """
    policy = engine.policy
    try:
        # over the same range as the sums: a limit counts where the target is put in
        blank = engine.identify(add_parts((main, target), (1.0, 0.0), noise=sigma, seed=(*seed, 0)))
    except SpectriageError:
        return None
    limit = stated_limit(blank, policy, (WATCHED,))
    held: list[Held] = []
    for number, factor in enumerate(factors if limit is not None else (), 1):
        share = factor * (limit or 0.0)
        if share >= 1.0:
            continue
        spectrum = add_parts((main, target), (1.0 - share, share), noise=sigma, seed=(*seed, number))
        answer = engine.identify(spectrum)
        found = is_raised(answer) and any(t.found for t in answer.targets if t.name == WATCHED)
        own_limit = stated_limit(answer, policy, (WATCHED,))
        held.append(Held(factor, share, found, str(answer.verdict), own_limit))
    return LimitTrial(
        direction=direction,
        target=target.key,
        main=main.key,
        solid=False,
        bands=0,
        noise=None,
        snr=float(blank.quality.snr),
        limit=limit,
        blank=str(blank.verdict),
        blank_found=any(t.found for t in blank.targets if t.name == WATCHED),
        held=tuple(held),
    )


def outcomes(trials: Sequence[LimitTrial], factor: float) -> list[tuple[LimitTrial, Held]]:
    """Return the sums that hold the target at one multiple of the stated limit, with their trials."""
    return [(trial, held) for trial in trials for held in trial.held if held.factor == factor]


def cleared(held: Held) -> bool:
    """Whether the answer to a sum that holds the target is NO_ALARM."""
    return held.verdict == Verdict.NO_ALARM


def values(trials: Sequence[LimitTrial]) -> FloatArray:
    """Return the limits that are stated, shape (n,)."""
    import numpy as np

    return np.array([trial.limit for trial in trials if trial.limit is not None], dtype=np.float64)
