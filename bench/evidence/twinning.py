"""Twinning: what a transfer fitted to a few standards gains on materials that it was not fitted to.

Two units, the materials that both measured. Some are drawn as standards, the others are transferred from the
first unit to the second and compared with what that one measured, in the two ways in which the engine looks
at spectra: the cosine of their second derivatives, and of those compressed. Standards are never judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectriage.bench.report.tables import Report, Table
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.sets import LabelledSet
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.transfer import fit_transfer
from spectriage.spectra.transfer.likeness import likeness

STANDARDS = (3, 4, 6, 8)
DRAWS = 40
SEED = 18134

Pairs = list[tuple[str, Spectrum, Spectrum]]


@dataclass(frozen=True)
class Gain:
    """Likeness before and after for one number of standards, shape (k,) each: derivative, compressed."""

    standards: int
    before: FloatArray
    after: FloatArray
    materials: int


def twinning(
    first: LabelledSet,
    second: LabelledSet,
    report: Report,
    *,
    standards: Sequence[int] = STANDARDS,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> list[Gain]:
    """Measure the gain on two sets, and tell it in a report.

    Raises
    ------
    ParameterError
        When the two have too few materials in common.
    """
    pairs = common_materials(first, second)
    if len(pairs) < min(standards) + 2:
        raise ParameterError(f"the sets have {len(pairs)} materials in common, too few")
    gains = []
    rows = []
    for count in standards:
        if count > len(pairs) - 2:
            continue
        gain = _gain(pairs, count, draws, progress)
        gains.append(gain)
        before, after = gain.before.mean(axis=0), gain.after.mean(axis=0)
        changed = gain.after[:, 1] != gain.before[:, 1]
        better = float((gain.after[changed, 1] > gain.before[changed, 1]).mean()) if changed.any() else 0.0
        numbers = (before[0], after[0], before[1], after[1])
        shares = (f"{changed.mean():.2f}", f"{better:.2f}")
        rows.append((str(count), *(f"{each:.3f}" for each in numbers), *shares, str(len(gain.after))))
    headings = ("standards", "derivative", "transferred", "compressed", "transferred ", "of them moved")
    table = Table(
        "twinning",
        "Likeness of one unit's spectra to the other's, of materials that are no standards",
        (*headings, "and then more alike", "trials"),
        tuple(rows),
        Origin.MEASURED,
        (f"{len(pairs)} materials on both; mean cosine, the standards drawn {draws} times.",),
    )
    report.add(table)
    return gains


def common_materials(first: LabelledSet, second: LabelledSet) -> Pairs:
    """Return the materials that both sets measured under one name, one spectrum of each."""
    ours, theirs = (_by_substance(each) for each in (first, second))
    return [(name, ours[name], theirs[name]) for name in sorted(ours.keys() & theirs.keys())]


def _by_substance(read: LabelledSet) -> dict[str, Spectrum]:
    names = Names(groups=())
    found: dict[str, Spectrum] = {}
    for item in read.items:
        found.setdefault(names.key(item.substance), item.spectrum)
    return found


def _gain(pairs: Pairs, count: int, draws: int, progress: Progress | None) -> Gain:
    rng = np.random.default_rng(SEED)
    before, after = [], []
    for draw in range(draws):
        order = rng.permutation(len(pairs))
        chosen = [pairs[i] for i in order[:count]]
        try:
            transfer = fit_transfer(chosen)
        except SpectriageError:
            # too few bands in common: a laboratory would measure one more standard
            continue
        for i in order[count:]:
            _, source, target = pairs[i]
            before.append(likeness(source, target))
            after.append(likeness(transfer.apply(source), target))
        if progress is not None:
            progress(f"{count} standards", draw + 1, draws)
    return Gain(count, np.array(before), np.array(after), len(pairs) - count)
