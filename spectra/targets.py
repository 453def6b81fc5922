"""The watched targets: the evidence for each, and what this scan could not have seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectriage.spectra._kernels_fit import least_visible
from spectriage.spectra.bands import band_support, independent_supports, usable_bands
from spectriage.spectra.mixture import RELATIVE_ERROR, Fit, Fitter
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import ReferenceSet, Tier
from spectriage.spectra.result import TargetEvidence

LOD_STEPS = 5
"""Bisections: the limit is known to a fifth of itself."""
LOD_REWEIGHTINGS = 2
LOD_RESERVE = 2.3
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


def weigh_target(
    fitter: Fitter, policy: Policy, known: TargetRows, fit: Fit, other_gain: float
) -> tuple[TargetEvidence, Fit]:
    """Weigh the evidence for one target beyond the best model without it.

    Parameters
    ----------
    known
        The target's members.
    fit
        The best model; the target's members are taken out of it first.
    other_gain
        Log gain of the best addition to the best model which is not necessary.

    Returns
    -------
    evidence
        With the limit of detection.
    with_target
        The fit with the target's best member.
    """
    base = _without(fitter, fit, known.rows)
    if base is not fit:
        other_gain = best_other_gain(fitter, base, known.rows)
    gains, larger = _best_member(fitter, base, known)
    rivals = _rivals(fitter, policy, larger)
    if rivals:
        # what the target makes needless stood in for it: it competes with the target, and does not precede it
        base = _without(fitter, base, rivals)
        gains, larger = _best_member(fitter, base, known)
        other_gain = float(fitter.gains(base, rivals).max())
    records = fitter.index.references.records
    gain = gains[larger.rows[-1]]
    margin = gain - other_gain
    explained = larger.similarity >= policy.explained_by(
        [records[row] for row in larger.rows], larger.amplitudes
    )
    supports = 0
    if gain >= 0.5 * policy.hazard_gain:
        supports = independent_supports(band_support(fitter, larger, len(larger.rows) - 1))
    evidence = TargetEvidence(
        name=known.target.name,
        found=gain >= policy.hazard_gain
        and margin >= policy.required_margin(explained)
        and supports >= policy.supports_needed(records[larger.rows[-1]], gain),
        gain=gain,
        carrying_gain=max(gains[row] for row in known.carrying),
        margin=margin,
        supports=supports,
        lod=max(limit_of_detection(fitter, base, larger, row, policy) for row in known.foremost),
        reference=records[larger.rows[-1]],
        tier=known.tier,
        hazard=records[known.best_known].hazard,
    )
    return evidence, larger


def _without(fitter: Fitter, fit: Fit, rows: tuple[int, ...]) -> Fit:
    kept = tuple(row for row in fit.rows if row not in rows)
    return fit if len(kept) == len(fit.rows) else fitter.fit(kept, fit.axis, query=fit.query)


def _best_member(fitter: Fitter, base: Fit, known: TargetRows) -> tuple[dict[int, float], Fit]:
    """Return the gains of a target's likeliest and best-known members, and the fit with the best one last.

    The best is sought among the likeliest: the best-known are there to say what carries the target.
    """
    looks = _looks(fitter, base, known.rows)
    rows = looks + [row for row in known.carrying if row not in looks]
    gains = dict(zip(rows, fitter.gains(base, rows).tolist(), strict=True))
    return gains, fitter.with_row(base, max(looks, key=lambda row: gains[row]))


def _rivals(fitter: Fitter, policy: Policy, larger: Fit) -> tuple[int, ...]:
    """Return the components that the last one of a fit makes needless."""
    records = fitter.index.references.records
    return tuple(
        row
        for position, row in enumerate(larger.rows[:-1])
        if position > 0 and fitter.loss(larger, position) < policy.required_gain(records[row])
    )


def best_other_gain(fitter: Fitter, base: Fit, excluded: tuple[int, ...]) -> float:
    """Return the log gain of the best harmless addition to a model."""
    allowed = fitter.index.outside_families_of((*base.rows, *excluded)) & ~fitter.index.hazardous
    return float(fitter.gains(base, fitter.looks(base, allowed, BEST_LOOKS)).max(initial=0.0))


def _looks(fitter: Fitter, base: Fit, rows: tuple[int, ...]) -> list[int]:
    """Return the few members of a target that look most like what a fit leaves."""
    if len(rows) <= BEST_LOOKS:
        return list(rows)
    allowed = np.zeros(len(fitter.index), dtype=bool)
    allowed[list(rows)] = True
    looks = fitter.looks(base, allowed, BEST_LOOKS)
    return looks or list(rows[:BEST_LOOKS])


def _imitators(fitter: Fitter, base: Fit, row: int) -> list[int]:
    """Return the harmless references that look most like a target and could be taken for it."""
    index = fitter.index
    harmless = index.outside_families_of((*base.rows, row)) & ~index.hazardous
    return [other for other in index.likest(row) if harmless[other]][:IMITATORS]


def limit_of_detection(fitter: Fitter, base: Fit, larger: Fit, row: int, policy: Policy) -> float:
    """Return the spectral fraction of a reference that this scan would have shown 95 % of the time.

    What the scan may hold of the target (`larger`, its last component) is taken out, and the reference,
    perturbed to the mismatch between instruments, put in by growing amounts until adding it to the model
    brings what is required, with a reserve. Above 1 when no amount would do, or too few of its bands are in
    range.
    """
    index = fitter.index
    unlike = index.unlike(row, base.axis.broadening_cm)
    needed = policy.supports_needed(index.references.records[row], np.inf)
    if not np.any(unlike) or usable_bands(fitter, base, row) < needed:
        return np.inf
    held = larger.amplitudes[-1] * index.row(larger.rows[-1], base.axis.broadening_cm)

    rows = (*base.rows, row)
    amount = least_visible(
        fitter.stack(rows, base.axis),
        fitter.stack(_imitators(fitter, base, row), base.axis),
        base.query.derivative - held,
        unlike,
        fitter.weights(rows, base.query),
        base.amplitudes,
        base.query.threshold,
        RELATIVE_ERROR,
        LOD_REWEIGHTINGS,
        LOD_RESERVE * np.array([policy.hazard_gain, policy.margin]),
        np.array(AMOUNTS),
        LOD_STEPS,
    )
    if not np.isfinite(amount):
        return np.inf
    added = amount * index.area_per_norm(row)
    areas = [
        (amplitude * index.area_per_norm(other), index.references.records[other].is_packaging)
        for amplitude, other in zip(base.amplitudes, base.rows, strict=True)
    ]
    # of the contents; where only packaging was seen, of all that was seen
    present = sum(area for area, packaging in areas if not packaging) or sum(area for area, _ in areas)
    explained = float(np.linalg.norm(base.fitted))
    # what the model does not explain is signal too: its area is taken in proportion
    present = present / max(explained, 0.1) if base.rows else index.area_per_norm(row)
    return added / (added + present)
