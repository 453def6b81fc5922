"""Kernel that weighs targets on models: each one's best member, what competes with it, and what it shows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Probes
from spectriage.spectra.evidence._kernels_amounts import Limits, Scattering, share_of_signal, write_limits
from spectriage.spectra.evidence._kernels_competition import (
    Seen,
    best_other,
    find_needless,
    held_by,
    is_any,
    members_of,
    without_members,
    without_rivals,
)
from spectriage.spectra.evidence._kernels_limits import LimitRules, Sought
from spectriage.spectra.evidence._kernels_sighting import SightTable
from spectriage.spectra.evidence._kernels_sighting_parts import sight_part
from spectriage.spectra.evidence._kernels_targets import Members, best_looks, looked_at
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import (
    Library,
    Model,
    Models,
    Views,
    model_of,
    named,
    rest_of,
    view_of,
)
from spectriage.spectra.fitting._kernels_rows import once_each, taken
from spectriage.spectra.fitting._kernels_support import count_support, support_of
from spectriage.spectra.fitting._kernels_trials import Added, add, added_to


class WeighingRules(NamedTuple):
    """How targets are tried.

    Parameters
    ----------
    required
        The log gain that each reference must bring, shape (n,).
    looks
        So many members of a target are looked at closely.
    look_gain, carry_gain
        The log gain from which it is looked what a member shows, and from which one carries its target.
    carrying_rank
        Members of a tier of a greater rank do not carry it.
    """

    required: FloatArray
    looks: int
    look_gain: float
    carry_gain: float
    carrying_rank: int


class Watched(NamedTuple):
    """The targets, and how they are tried, with names."""

    members: Members
    limits: Limits
    rules: WeighingRules
    sighting: SightTable


class Weights(NamedTuple):
    """What was found of c targets in each of s scans, with r references whose limits are sought.

    Parameters
    ----------
    rows
        The best member of each, shape (s, c).
    numbers
        Shape (s, c, 9): of the best member its log gain; the greatest of those that carry the target; by how
        much the first exceeds that of the best other addition; the limit; by mass low, middle, high; the
        share of the signal that the best member has in the model with it, packaging not counted; and 1 where
        all that the limit by mass rests on was measured.
    shown
        Of the best member V of the model with it, how many independent bands need it, and what
        `sight_reference` says, shape (s, c, 7); only where it gains enough to be looked at.
    carriers
        Of the members that carry a target which another shows better, shape (s, c, l, 8): the log gain, −inf
        where it was not looked at, and what is shown.
    known
        Whether the areas of all members were known: else the shares are no numbers. Shape (s,).
    shares
        The limit of each reference, shape (s, r).
    """

    rows: IndexArray
    numbers: FloatArray
    shown: FloatArray
    carriers: FloatArray
    known: BoolArray
    shares: FloatArray


@kernel()
def _show(
    library: Library,
    scan: Seen,
    base: Model,
    row: int,
    tried: Added,
    place: int,
    rules: SightTable,
    out: FloatArray,
) -> None:
    """Write what an addition shows of its bands, in the model with it: V, how many need it, the sighting."""
    apart()
    whole = added_to(library, scan.at_axis, base, row, tried, place)
    last = base.rows.size
    _, supports = count_support(library, support_of(library, scan.at_axis, whole, last, base))
    out[0], out[1] = whole.similarity, supports
    sight_part(library, scan.at_axis, whole, last, scan.noise, rules, out[2:])


@kernel()
def _show_carriers(
    library: Library,
    scan: Seen,
    base: Model,
    watched: Watched,
    carrying: IndexArray,
    looks: IndexArray,
    tried: Added,
    which: IndexArray,
    out: FloatArray,
) -> None:
    """Write what those that carry a target show, where they gain enough; they are among its looks.

    The looks are those `which` are among what was tried.
    """
    for place in range(carrying.size):
        row, found = carrying[place], -1
        for i in range(looks.size):
            found = which[i] if looks[i] == row else found
        gain = tried.gains[found] if found >= 0 else -np.inf
        if gain >= watched.rules.carry_gain and library.ranks[row] <= watched.rules.carrying_rank:
            out[place, 0] = gain
            _show(library, scan, base, row, tried, found, watched.sighting, out[place, 1:])


@kernel()
def _weigh(
    library: Library,
    memory: Memory,
    scan: Seen,
    base: Model,
    watched: Watched,
    own: IndexArray,
    other: float,
    compete: bool,
    needless: BoolArray,
    place: int,
    out: Weights,
) -> None:
    """Weigh some targets, by their numbers, on one model that has none of their members.

    Where they `compete`, it is written which of the model's references each of them makes `needless`, shape
    (c, k), and no more is said of one that does.
    """
    apart()
    view, rules, members = scan.at_axis, watched.rules, members_of(watched.members, own)
    count, k = own.size, base.rows.size
    looks = np.empty(count * rules.looks + members.carrying.size, np.intp)
    likely, ends, best = np.empty(count, np.intp), np.empty(count, np.intp), np.empty(count, np.intp)
    carrying = np.empty(count)
    pooled = rest_of(view, base, library.coarse.shape[1])
    total = looked_at(library.coarse, pooled, packed(members), rules.looks, looks, likely, ends)
    # targets share members: each is tried once
    distinct, which = once_each(looks[:total])
    tried = add(library, memory, view, base, distinct)
    best_looks(taken(tried.gains, which), looks, likely, ends, packed(members), best, carrying)
    rows, bests = taken(looks, best), taken(which, best)
    if compete:
        similarity = taken(tried.similarity, bests)
        find_needless(library, memory, view, base, rows, similarity, rules.required, needless)
    alone, kept = np.empty(count, np.intp), np.empty(count, np.intp)
    amplitudes = np.empty(count)
    some = 0
    for c in range(count):
        fitted, number = tried.amplitudes[bests[c]], out.numbers[place, own[c]]
        out.rows[place, own[c]] = rows[c]
        gain = tried.gains[bests[c]]
        number[0], number[1], number[2] = gain, carrying[c], gain - other
        number[7], number[8] = share_of_signal(library, base, rows[c], fitted), 0.0
        alone[some], kept[some], amplitudes[some] = c, own[c], fitted[k]
        some += 1 if not compete else not is_any(needless[c])
    alone = alone[:some]
    if watched.limits.sought.places.size > 0:
        numbers, shares = out.numbers[place], out.shares[place]
        write_limits(
            library,
            memory,
            view,
            base,
            watched.limits,
            scan.scatter,
            kept[:some],
            taken(rows, alone),
            amplitudes[:some],
            numbers,
            shares,
        )
    for i in range(some):
        c = alone[i]
        # what is weighed on a smaller model is written over, its member too; by the share, since another
        # thread may have taken the area after it was made
        out.known[place] &= not np.isnan(out.numbers[place, own[c], 7])
        gain = tried.gains[bests[c]]
        if gain >= rules.look_gain:
            shown = out.shown[place, own[c]]
            _show(library, scan, base, rows[c], tried, bests[c], watched.sighting, shown)
        if gain >= rules.carry_gain and library.ranks[rows[c]] > rules.carrying_rank:
            first = ends[c - 1] if c > 0 else 0
            _show_carriers(
                library,
                scan,
                base,
                watched,
                members.carrying[members.carrying_ends[c - 1] if c > 0 else 0 : members.carrying_ends[c]],
                looks[first : ends[c]],
                tried,
                which[first : ends[c]],
                out.carriers[place, own[c]],
            )


@kernel()
def _weigh_in_turn(
    library: Library,
    memory: Memory,
    scan: Seen,
    whole: Model,
    other: float,
    watched: Watched,
    place: int,
    out: Weights,
) -> None:
    """Weigh all targets in one scan.

    First those that its model has no members of, together; then each of the others, on the model without its
    members. Of either, what makes something of the model needless is weighed once more, without that.
    """
    apart()
    looks = watched.rules.looks
    held, free = held_by(watched.members, whole.rows)
    if free.size > 0 and np.isnan(other):
        other = best_other(library, memory, scan.at_axis, whole, whole.rows[:0], looks)
    for turn in range(0 if free.size > 0 else 1, 1 + held.size):
        group, base, gain = free, whole, other
        if turn > 0:
            group = held[turn - 1 : turn]
            base, gain = without_members(library, memory, scan, whole, watched.members, group, looks)
        needless = np.zeros((group.size, base.rows.size), np.bool_)
        # in one loop, since every place that calls it compiles into as much again
        for again in range(1 + group.size):
            own, model, best = group, base, gain
            if again > 0:
                if not is_any(needless[again - 1]):
                    continue
                own = group[again - 1 : again]
                model, best = without_rivals(library, memory, scan, base, needless[again - 1])
            _weigh(library, memory, scan, model, watched, own, best, again == 0, needless, place, out)


@kernel()
def _write_nothing(out: Weights, place: int) -> None:
    """Write that nothing is known of a scan yet, so that no limit is a number."""
    out.known[place] = True
    for r in range(out.shares.shape[1]):
        out.shares[place, r] = np.inf
    for c in range(out.rows.shape[1]):
        for column in range(out.numbers.shape[2]):
            out.numbers[place, c, column] = np.inf
        for look in range(out.carriers.shape[2]):
            for column in range(out.carriers.shape[3]):
                out.carriers[place, c, look, column] = -np.inf


@kernel()
def weigh_scans(
    packed_library: Library,
    views: Views,
    models: Models,
    places: IndexArray,
    members: Members,
    sought: Sought,
    probes: Probes,
    settings: FitSettings,
    rules: LimitRules,
    scattering: Scattering,
    weighing: WeighingRules,
    sighting: SightTable,
    scatters: FloatArray,
    noise: FloatArray,
    others: FloatArray,
    memory: Memory,
    packed_out: Weights,
) -> None:
    """Weigh targets in several scans, each on the best model of it without the target.

    Parameters
    ----------
    views, models
        Scans and their best models.
    places
        Where those stand that are weighed in, shape (s,); their references have one resolution.
    members
        Of the targets.
    sought, probes, settings, rules, scattering
        Of `Limits`; the amplitudes of what is sought are not used.
    weighing
        How targets are tried.
    sighting
        How bands are weighed.
    scatters
        A factor on every amount, for noise, shape (s,).
    noise
        Of the derivatives of all scans.
    others
        The log gain of the best addition to each model which is not necessary, shape (s,); not a number where
        it is not known: then it is that of the best harmless one.
    packed_out
        Written.
    """
    apart()
    library, memory = named(packed_library), Memory(*memory)
    views, models, out = Views(*views), Models(*models), Weights(*packed_out)
    limits = Limits(
        Sought(*sought), Probes(*probes), FitSettings(*settings), LimitRules(*rules), Scattering(*scattering)
    )
    watched = Watched(Members(*members), limits, WeighingRules(*weighing), SightTable(*sighting))
    for i in range(places.size):
        place = places[i]
        _write_nothing(out, i)
        scan = Seen(view_of(views, place), scatters[i], noise[place])
        _weigh_in_turn(library, memory, scan, model_of(models, place), others[i], watched, i, out)
