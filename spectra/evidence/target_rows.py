"""The members that a library has of what is watched for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.evidence._kernels_limits import Sought
from spectriage.spectra.evidence._kernels_targets import Members
from spectriage.spectra.evidence.detection_limit import RECALLED_WORTH
from spectriage.spectra.evidence.mass import response_row
from spectriage.spectra.evidence.target_list import Told, WatchedTarget, WatchedTargets
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.target import Target
from spectriage.spectra.reference import CARRYING, Hazard, Reference, ReferenceSet, Tier

BEST_LOOKS = 4
"""So many members of a target are looked at closely."""
KEPT_TABLES = 256


@dataclass(frozen=True, eq=False)
class TargetRows:
    """The members of one target in a library.

    Parameters
    ----------
    target, rows
        What is watched for, and its members.
    carrying, tier
        The members of the strongest tier there is, and that tier.
    foremost, needed
        The best-known member of each of its families that more than a guess is known of: each must be
        visible, in so many bands.
    families, guessed
        Its families, and those of them that only estimated or computed references are known of: no limit can
        be stated for these.
    hazards
        What each of its families means: as the member that it is known best by.
    responses
        How strongly each of its foremost members scatters: `response_row`.
    worth
        Of each of its foremost members: the factor on its limit for what its table is uncertain by.
    told
        What is said of it in every scan that a member shows it best in, by the row of that, once asked for.
    """

    target: Target
    rows: tuple[int, ...]
    carrying: tuple[int, ...]
    tier: Tier
    foremost: tuple[int, ...]
    needed: tuple[int, ...]
    families: tuple[str, ...]
    guessed: tuple[str, ...]
    hazards: Mapping[str, Hazard]
    responses: tuple[tuple[float, float, float], ...]
    worth: tuple[float, ...]
    told: dict[int, Told] = field(default_factory=dict, repr=False)

    @property
    def covered(self) -> bool:
        """Whether a limit can be stated at all."""
        return bool(self.foremost)

    @cached_property
    def provisional(self) -> bool:
        """Whether its limit rests on a recalled table, too few of which were ever compared."""
        return any(worth > 1.0 for worth in self.worth)

    @cached_property
    def watched(self) -> WatchedTarget:
        """What is the same of it in every scan."""
        return WatchedTarget(
            self.target.name, self.tier, self.target, self.families, self.guessed, self.provisional
        )

    def told_by(self, row: int, record: Reference) -> Told:
        """Return what is said of it in every scan that this member shows it best in, and remember it."""
        told = self.told[row] = Told(self.watched, record, record.tier, self.hazards[record.family])
        return told


@lru_cache(maxsize=KEPT_TABLES)
def watched_targets(targets: tuple[TargetRows, ...]) -> WatchedTargets:
    """Return what of some targets is the same in every scan."""
    return WatchedTargets([known.watched for known in targets])


class TargetTable(NamedTuple):
    """Several targets, as kernels take them.

    Parameters
    ----------
    watched
        The foremost members of all, each once.
    members
        Their members, and those that carry them.
    most_looks
        So many members are looked at closely, at most.
    sought
        Their foremost members, packed, by their places among what is watched; without amplitudes.
    scattering
        How strongly each of these scatters: `response_row`, shape (r, 3).
    """

    watched: tuple[int, ...]
    members: Members
    most_looks: int
    sought: Sought
    scattering: FloatArray


def watched_rows(targets: tuple[TargetRows, ...]) -> tuple[int, ...]:
    """Return the foremost members of some targets, each once."""
    return tuple(dict.fromkeys([row for known in targets for row in known.foremost]))


@lru_cache(maxsize=KEPT_TABLES)
def table_of(targets: tuple[TargetRows, ...]) -> TargetTable:
    """Return some targets as kernels take them."""
    watched = watched_rows(targets)
    places = {row: place for place, row in enumerate(watched)}
    rows, carrying = [known.rows for known in targets], [known.carrying for known in targets]
    flat = [
        (places[row], needed, number)
        for number, known in enumerate(targets)
        for row, needed in zip(known.foremost, known.needed, strict=True)
    ]
    scattering = np.array([row for known in targets for row in known.responses], np.float64).reshape(-1, 3)
    foremost, needed, numbers = np.array(flat, np.intp).reshape(-1, 3).T.copy()
    return TargetTable(
        watched,
        packed(Members(*_joined(rows), *_joined(carrying))),
        sum(min(len(own), BEST_LOOKS) + len(few) for own, few in zip(rows, carrying, strict=True)),
        packed_as(
            Sought,
            (
                foremost,
                needed,
                numbers,
                np.array([worth for known in targets for worth in known.worth], np.float64),
                scattering[:, 0].copy(),
                np.empty(0),
            ),
        ),
        scattering,
    )


def _joined(groups: Sequence[tuple[int, ...]]) -> tuple[IndexArray, IndexArray]:
    """Return the numbers of some groups, one group after the other, and where each ends."""
    ends = np.cumsum([len(group) for group in groups], dtype=np.intp)
    return np.array([number for group in groups for number in group], np.intp), ends


def target_rows(
    references: ReferenceSet, policy: Policy, targets: Sequence[Target]
) -> tuple[TargetRows, ...]:
    """Return the targets that the library has members of.

    A family belongs to the first target that names it, else to the first that its class counts for, else to
    the first that its hazard does.
    """
    members: dict[str, list[int]] = {}
    meant: dict[str, tuple[set[str], set[str]]] = {}
    rows = _rows_that_may_count(references, targets)
    columns = [references.column(name)[rows].tolist() for name in ("family", "hazard", "material_class")]
    for row, family, hazard, material_class in zip(rows.tolist(), *columns, strict=True):
        name = family.decode("utf-8")
        members.setdefault(name, []).append(row)
        hazards, classes = meant.setdefault(name, (set(), set()))
        if hazard.decode("utf-8") != Hazard.NONE:
            hazards.add(hazard.decode("utf-8"))
            classes.add(material_class.decode("utf-8"))
    owned: dict[str, list[str]] = {target.name: [] for target in targets}
    for family, (hazards, classes) in meant.items():
        owner = next((target for target in targets if family in target.families), None)
        owner = owner or next((target for target in targets if classes & set(target.classes)), None)
        owner = owner or next((target for target in targets if hazards & set(target.hazards)), None)
        if owner is not None:
            owned[owner.name].append(family)
    found = (_rows_of(references, policy, target, owned[target.name], members) for target in targets)
    return tuple(known for known in found if known is not None)


def _rows_that_may_count(references: ReferenceSet, targets: Sequence[Target]) -> IndexArray:
    """Return the rows of families that a target names or that have a hazard: few, of a large library."""
    families = references.column("family")
    hazardous = families[references.column("hazard") != Hazard.NONE.encode()]
    named = {family for target in targets for family in target.families}
    named |= {family.decode("utf-8") for family in hazardous.tolist()}
    return np.flatnonzero(references.among("family", named))


def _rows_of(
    references: ReferenceSet,
    policy: Policy,
    target: Target,
    families: list[str],
    members: dict[str, list[int]],
) -> TargetRows | None:
    records = references.records
    rows = tuple(sorted(row for family in families for row in members[family]))
    if not rows:
        return None
    tier = min((records[row].tier for row in rows), key=lambda tier: tier.rank)
    best = {
        family: min(members[family], key=lambda row: (records[row].tier.rank, row)) for family in families
    }
    foremost = tuple(row for row in best.values() if records[row].tier in CARRYING)
    carrying = tuple(row for row in rows if records[row].tier is tier)[:BEST_LOOKS]
    return TargetRows(
        target,
        rows,
        carrying,
        tier,
        foremost,
        tuple(max(1, policy.supports_needed(records[row], math.inf)) for row in foremost),
        tuple(families),
        tuple(family for family, row in best.items() if records[row].tier not in CARRYING),
        {family: records[row].hazard for family, row in best.items()},
        tuple(response_row(records[row]) for row in foremost),
        tuple(RECALLED_WORTH if records[row].tier is Tier.RECALLED else 1.0 for row in foremost),
    )
