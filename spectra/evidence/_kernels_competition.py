"""Kernels of what targets compete with: models without their members or rivals, and the best others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.evidence._kernels_targets import Members
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import Library, Model, View, likeliest, outside
from spectriage.spectra.fitting._kernels_rows import is_among
from spectriage.spectra.fitting._kernels_trials import add, fit, losses_of_each


class Seen(NamedTuple):
    """A scan in which targets are sought: a factor on every amount, for noise; and that of the derivative."""

    at_axis: View
    scatter: float
    noise: float


@kernel()
def _groups_at(values: IndexArray, ends: IndexArray, own: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return some groups of values that stand one after the other, and where each ends."""
    some, stops = np.empty(values.size, np.intp), np.empty(own.size, np.intp)
    count = 0
    for c in range(own.size):
        for i in range(ends[own[c] - 1] if own[c] > 0 else 0, ends[own[c]]):
            some[count] = values[i]
            count += 1
        stops[c] = count
    return some[:count], stops


@kernel()
def members_of(members: Members, own: IndexArray) -> Members:
    """Return the members of some targets."""
    rows, ends = _groups_at(members.rows, members.ends, own)
    carrying, carrying_ends = _groups_at(members.carrying, members.carrying_ends, own)
    return Members(rows, ends, carrying, carrying_ends)


@kernel()
def _parted(values: IndexArray, chosen: BoolArray) -> tuple[IndexArray, IndexArray]:
    """Return the values that are chosen, and the others."""
    those, others = np.empty(values.size, np.intp), np.empty(values.size, np.intp)
    count = 0
    for i in range(values.size):
        those[count], others[i - count] = values[i], values[i]
        count += chosen[i]
    return those[:count], others[: values.size - count]


@kernel()
def is_any(values: BoolArray) -> bool:
    """Say whether one of some is true."""
    for value in values:
        if value:
            return True
    return False


@kernel()
def held_by(members: Members, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return the numbers of the targets that a model has members of, and those of the others."""
    every, holds = np.empty(members.ends.size, np.intp), np.empty(members.ends.size, np.bool_)
    start = 0
    for c in range(every.size):
        every[c], holds[c] = c, False
        for i in range(start, members.ends[c]):
            holds[c] |= is_among(members.rows[i], rows)
        start = members.ends[c]
    return _parted(every, holds)


@kernel()
def best_other(
    library: Library, memory: Memory, view: View, base: Model, excluded: IndexArray, looks: int
) -> float:
    """Return the log gain of the best harmless addition to a model that is of none of some families."""
    may = outside(library, ~library.hazardous, base.rows)
    rows = likeliest(library, view, base, outside(library, may, excluded), looks)
    best = 0.0
    for gain in add(library, memory, view, base, rows).gains:
        best = max(best, gain)
    return best


@kernel()
def find_needless(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    rows: IndexArray,
    similarity: FloatArray,
    required: FloatArray,
    out: BoolArray,
) -> None:
    """Write which references of a model, but for its first, each of some additions makes needless.

    How similar the scan is to the model with each is known, shape (c,).
    """
    k = base.rows.size
    if k > 1:
        losses = losses_of_each(library, memory, view, base.rows, rows, similarity, 1, k)
        for c in range(rows.size):
            for i in range(1, k):
                out[c, i] = losses[c, i] < required[base.rows[i]]


@kernel()
def without_members(
    library: Library, memory: Memory, scan: Seen, base: Model, members: Members, own: IndexArray, looks: int
) -> tuple[Model, float]:
    """Return a model without the members of a target, and the log gain of the best other addition to it."""
    apart()
    rows = members_of(members, own).rows
    held = np.empty(base.rows.size, np.bool_)
    for i in range(held.size):
        held[i] = is_among(base.rows[i], rows)
    smaller = fit(library, memory, scan.at_axis, _parted(base.rows, held)[1])
    return smaller, best_other(library, memory, scan.at_axis, smaller, rows, looks)


@kernel()
def without_rivals(
    library: Library, memory: Memory, scan: Seen, base: Model, needless: BoolArray
) -> tuple[Model, float]:
    """Return a model without what a target makes needless, of one or more, and the greatest log gain of that.

    It stood in for the target, which competes with it and does not precede it.
    """
    apart()
    rivals, others = _parted(base.rows, needless)
    smaller = fit(library, memory, scan.at_axis, others)
    best = -np.inf
    for gain in add(library, memory, scan.at_axis, smaller, rivals).gains:
        best = max(best, gain)
    return smaller, best
