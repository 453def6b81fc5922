"""The watched targets: the evidence for each, and what this scan could not have seen of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_lod import least_visible_each
from spectriage.spectra.bands import band_support, independent_supports, usable_bands
from spectriage.spectra.mixture import RELATIVE_ERROR, UNMEASURED_WEIGHT, Fit, Fitter
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import Float32Array, ReferenceSet, Tier
from spectriage.spectra.result import TargetEvidence
from spectriage.spectra.spectrum import FloatArray

LOD_STEP_CM = 4.0
"""Points so far apart suffice for a limit: a derivative over 42 cm⁻¹ has nothing finer."""
LOD_REWEIGHTINGS = 2
LOD_RESERVE = 2.6
"""By how much the gain at the limit of detection exceeds what is required: 95 % of samples reach that."""
AMOUNTS = (5e-3, 4.0)
"""Between which amounts the limit is sought, in units of the scan's derivative norm."""
IMITATORS = 2
BEST_LOOKS = 4


@dataclass(frozen=True, eq=False)
class TargetRows:
    """The members of one target in a library.

    Parameters
    ----------
    target, rows
        What is watched for, and its members.
    carrying, tier
        The members of the strongest tier there is, and that tier.
    foremost
        The best-known member of each of its families: each must be visible.
    """

    target: Target
    rows: tuple[int, ...]
    carrying: tuple[int, ...]
    tier: Tier
    foremost: tuple[int, ...]

    @property
    def best_known(self) -> int:
        """The row that the target is known best by."""
        return self.carrying[0]


def target_rows(references: ReferenceSet, targets: Sequence[Target]) -> tuple[TargetRows, ...]:
    """Return the targets that the library has members of."""
    records = references.records
    families: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        families.setdefault(record.family, []).append(row)
    found = []
    for target in targets:
        rows = tuple(sorted(row for family in target.families for row in families.get(family, ())))
        if rows:
            tier = min((records[row].tier for row in rows), key=lambda tier: tier.rank)
            carrying = tuple(row for row in rows if records[row].tier is tier)[:BEST_LOOKS]
            members = (families[family] for family in target.families if family in families)
            foremost = tuple(min(group, key=lambda row: (records[row].tier.rank, row)) for group in members)
            found.append(TargetRows(target, rows, carrying, tier, foremost))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Weighed:
    """The evidence for a target, and the member that shows it best."""

    known: TargetRows
    evidence: TargetEvidence
    row: int


@dataclass(frozen=True, eq=False)
class _Tried:
    """A target added to a model: its best member, the gains of its members, and the model with the best.

    `amplitudes` and `losses` are those of the model's references and, last, of the member.
    """

    known: TargetRows
    row: int
    gains: dict[int, float]
    similarity: float
    amplitudes: FloatArray
    losses: FloatArray


def weigh_targets(
    fitter: Fitter, policy: Policy, targets: Sequence[TargetRows], fit: Fit, other_gain: float
) -> list[Weighed]:
    """Weigh the evidence for each of several targets beyond the best model without it.

    Parameters
    ----------
    targets
        Their members.
    fit
        The best model; a target's members are taken out of it first.
    other_gain
        Log gain of the best addition to the best model which is not necessary.

    Returns
    -------
    list
        In the order of `targets`.
    """
    inside = set(fit.rows)
    outside = [known for known in targets if inside.isdisjoint(known.rows)]
    weighed = iter(_weigh_on(fitter, policy, outside, fit, other_gain))
    results = []
    for known in targets:
        if inside.isdisjoint(known.rows):
            results.append(next(weighed))
        else:
            base = _without(fitter, fit, known.rows)
            results += _weigh_on(fitter, policy, [known], base, best_other_gain(fitter, base, known.rows))
    return results


def _weigh_on(
    fitter: Fitter,
    policy: Policy,
    targets: Sequence[TargetRows],
    base: Fit,
    other_gain: float,
    *,
    rivals_compete: bool = True,
) -> list[Weighed]:
    """Weigh targets on one model that has none of their members."""
    tried = _try_each(fitter, base, targets)
    rivals = [_rivals(fitter, policy, base, each) if rivals_compete else () for each in tried]
    plain = [each for each, rival in zip(tried, rivals, strict=True) if not rival]
    limits = iter(limits_of_detection(fitter, policy, base, plain))
    weighed: list[Weighed] = []
    for each, rival in zip(tried, rivals, strict=True):
        if rival:
            # what the target makes needless stood in for it: it competes with the target, and does not
            # precede it
            smaller = _without(fitter, base, rival)
            other = float(fitter.gains(smaller, rival).max())
            weighed += _weigh_on(fitter, policy, [each.known], smaller, other, rivals_compete=False)
        else:
            evidence = _evidence(fitter, policy, base, each, other_gain, next(limits))
            weighed.append(Weighed(each.known, evidence, each.row))
    return weighed


def _try_each(fitter: Fitter, base: Fit, targets: Sequence[TargetRows]) -> list[_Tried]:
    """Add each target's likeliest and best-known members to a model.

    The best is sought among the likeliest: the best-known are there to say what carries the target.
    """
    looks = [_looks(fitter, base, known.rows) for known in targets]
    members = [
        own + [row for row in known.carrying if row not in own]
        for own, known in zip(looks, targets, strict=True)
    ]
    flat = [row for own in members for row in own]
    every = iter(fitter.gains(base, flat).tolist())
    gains = [dict(zip(own, every, strict=False)) for own in members]
    best = [max(own, key=lambda row, of=of: of[row]) for own, of in zip(looks, gains, strict=True)]  # type: ignore[misc]
    joined = fitter.joined(base, best)
    parts = zip(joined.similarity.tolist(), joined.amplitudes, joined.losses, strict=True)
    return [
        _Tried(known, row, of, *part)
        for known, row, of, part in zip(targets, best, gains, parts, strict=True)
    ]


def _evidence(
    fitter: Fitter, policy: Policy, base: Fit, tried: _Tried, other_gain: float, lod: float
) -> TargetEvidence:
    records = fitter.index.references.records
    known, row = tried.known, tried.row
    gain = tried.gains[row]
    margin = gain - other_gain
    explained = tried.similarity >= policy.explained_by(
        [records[other] for other in (*base.rows, row)], tried.amplitudes
    )
    supports = 0
    if gain >= 0.5 * policy.hazard_gain:
        larger = fitter.with_row(base, row)
        supports = independent_supports(band_support(fitter, larger, len(larger.rows) - 1))
    return TargetEvidence(
        name=known.target.name,
        found=gain >= policy.hazard_gain
        and margin >= policy.required_margin(explained)
        and supports >= policy.supports_needed(records[row], gain),
        gain=gain,
        carrying_gain=max(tried.gains[other] for other in known.carrying),
        margin=margin,
        supports=supports,
        lod=lod,
        reference=records[row],
        tier=known.tier,
        hazard=records[known.best_known].hazard,
    )


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    return fitter.fit(tuple(row for row in fit.rows if row not in rows), fit.axis)


def _rivals(fitter: Fitter, policy: Policy, base: Fit, tried: _Tried) -> tuple[int, ...]:
    """Return the components of a model, but for its first, that a target makes needless."""
    records = fitter.index.references.records
    return tuple(
        row
        for row, loss in list(zip(base.rows, tried.losses.tolist(), strict=False))[1:]
        if loss < policy.required_gain(records[row])
    )


def best_other_gain(fitter: Fitter, base: Fit, excluded: tuple[int, ...]) -> float:
    """Return the log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.looks(base, allowed, BEST_LOOKS)).max(initial=0.0))


def _looks(fitter: Fitter, base: Fit, rows: tuple[int, ...]) -> list[int]:
    """Return the few members of a target that look most like what a fit leaves."""
    if len(rows) <= BEST_LOOKS:
        return list(rows)
    return fitter.looks_among(base, rows, BEST_LOOKS) or list(rows[:BEST_LOOKS])


def limits_of_detection(fitter: Fitter, policy: Policy, base: Fit, targets: Sequence[_Tried]) -> list[float]:
    """Return the spectral fraction of each target that this scan would have shown 95 % of the time.

    What the scan may hold of the target (its best member) is taken out, and the best-known reference of each
    of its families, perturbed to the mismatch between instruments, put in by growing amounts until adding it
    to the model brings what is required, with a reserve. The limit is that of the worst family; above 1 when
    no amount would do, or too few of its bands are in range.
    """
    index, records = fitter.index, fitter.index.references.records
    asked = [
        (place, row, each)
        for place, each in enumerate(targets)
        for row in each.known.foremost
        if usable_bands(fitter, base, row) >= max(1, policy.supports_needed(records[row], math.inf))
    ]
    amounts = _least_visible(fitter, policy, base, [row for _, row, _ in asked], [each for *_, each in asked])
    present = _present_area(fitter, base)
    worst = [-math.inf] * len(targets)
    counted = [0] * len(targets)
    for (place, row, _), amount in zip(asked, amounts.tolist(), strict=True):
        area = index.area_per_norm(row)
        # beside nothing, in the whole of the scan
        beside = present if base.rows else area
        fraction = amount * area / (amount * area + beside) if math.isfinite(amount) else math.inf
        worst[place] = max(worst[place], fraction)
        counted[place] += 1
    return [
        limit if count == len(each.known.foremost) else math.inf
        for limit, count, each in zip(worst, counted, targets, strict=True)
    ]


def _least_visible(
    fitter: Fitter, policy: Policy, base: Fit, rows: Sequence[int], tried: Sequence[_Tried]
) -> FloatArray:
    """Return the least visible amount of each of several references, in units of the scan's norm."""
    index, broadening_cm = fitter.index, base.axis.broadening_cm
    found = np.empty(len(rows))
    if not rows:
        return found
    imitators, counts = _imitators(fitter, base, rows)
    least_visible_each(
        index.stack(base.rows, broadening_cm),
        base.amplitudes,
        base.query.derivative,
        fitter.weights(base.rows, base.axis),
        index.stack(rows, broadening_cm),
        index.holds(rows),
        UNMEASURED_WEIGHT,
        index.stack([each.row for each in tried], broadening_cm),
        np.array([each.amplitudes[-1] for each in tried]),
        np.stack([index.unlike(row, broadening_cm) for row in rows]),
        imitators,
        counts,
        base.query.threshold,
        RELATIVE_ERROR,
        LOD_REWEIGHTINGS,
        LOD_RESERVE * np.array([policy.hazard_gain, policy.margin]),
        np.array(AMOUNTS),
        max(1, int(LOD_STEP_CM // index.step_cm)),
        found,
    )
    return found


def _imitators(fitter: Fitter, base: Fit, rows: Sequence[int]) -> tuple[Float32Array, NDArray[np.intp]]:
    """Return the harmless references that look most like each target and could be taken for it.

    Shape (c, 2, m), and how many there are of each, shape (c,).
    """
    index = fitter.index
    taken = set(index.families[list(base.rows)].tolist())
    imitators = np.empty((len(rows), IMITATORS, base.query.derivative.size), np.float32)
    counts = np.zeros(len(rows), np.intp)
    for place, row in enumerate(rows):
        others = (other for other, family in index.imitators(row) if family not in taken)
        for count, other in enumerate(islice(others, IMITATORS)):
            imitators[place, count] = index.row(other, base.axis.broadening_cm)
            counts[place] = count + 1
    return imitators, counts


def _present_area(fitter: Fitter, base: Fit) -> float:
    """Return the area under the contents of a model; where it has only packaging, under all it has."""
    index = fitter.index
    areas = [
        amplitude * index.area_per_norm(row)
        for amplitude, row in zip(base.amplitudes.tolist(), base.rows, strict=True)
    ]
    contents = sum(area for area, row in zip(areas, base.rows, strict=True) if not index.packaging[row])
    # what the model does not explain is signal too: its area is taken in proportion
    return float(contents or sum(areas)) / max(float(np.linalg.norm(base.fitted)), 0.1)
