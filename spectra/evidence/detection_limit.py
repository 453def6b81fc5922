"""The limit of detection: how little of a target this scan would still have shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.index import Probes
from spectriage.spectra.evidence._kernels_detection_limit import (
    Asked,
    LimitSearch,
    Targets,
    least_visible_each,
)
from spectriage.spectra.fitting.band_support import usable_bands
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import SETTINGS, Fitter
from spectriage.spectra.policy.policy import Policy

PACKED_SETTINGS = packed(SETTINGS._replace(iterations=2))
RESERVE = 2.0
"""By how much the gain at the limit of detection exceeds what is required."""
COVERAGE = ((10, 1.2), (6, 1.6), (3, 1.8), (1, 1.6))
"""Factors on the amount so found, by the number of bands that are in range: from so many on. Conformal, in
groups (Vovk 2003; Mondrian): with these, measured materials were found at the limit in 98, 96, 94 and 92 of
100 sums of measured spectra, each with a library of the other instrument, with and without noise (295, 250,
345 and 238 pairs of materials). `spectriage bench limits` says what is found now."""
LITTLE_RESERVE, WIDE_COVERAGE = 1.3, 2.5
"""Where one line among many cannot bring so much, less is wanted, and the factor is greater."""
NOISY_SNR = 80.0
"""Signal-to-noise ratio at which noise, which differs between scans, makes twice the amount needed."""
MOST_SHARE = 0.8
"""Of limits above this share of the signal one in five was not kept: none is stated."""
FEW_BANDS = 5
AMOUNTS = np.array([5e-3, 4.0])
"""Between which amounts the limit is sought, in units of the scan's derivative norm."""
IMITATORS = 2


class Sought(NamedTuple):
    """A target whose limit is asked for.

    Parameters
    ----------
    rows, needed
        References of it, each of which must be visible, and how many bands of each must be in range.
    held, amplitude
        The reference that the scan may hold of it, and how much: it is taken out first.
    """

    rows: tuple[int, ...]
    needed: tuple[int, ...]
    held: int
    amplitude: float


def limits_of_detection(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    targets: Sequence[Sought],
    watched: tuple[int, ...],
    *,
    snr: float = math.inf,
) -> list[float]:
    """Return the spectral fraction of each target that this scan would have shown 95 % of the time.

    What the scan may hold of a target is taken out, and each of its references, perturbed to the mismatch
    between instruments, put in by growing amounts until adding it to the model brings what is required, with
    a reserve. The limit is that of the reference that is hardest to see; above 1 when no amount would do, or
    too few of its bands are in range.

    Parameters
    ----------
    base
        The model: the best one, without the targets.
    watched
        References that are prepared together, those of the targets among them.
    snr
        Signal-to-noise ratio of the scan.
    """
    if not any(target.rows for target in targets):
        return [math.inf] * len(targets)
    probes = fitter.index.probes(watched, base.axis.broadening_cm)
    usable = usable_bands(fitter, base, probes).tolist()
    asked = {
        (number, row): (probes.place_of[row], target.held, target.amplitude)
        for number, target in enumerate(targets)
        for row, needed in zip(target.rows, target.needed, strict=True)
        if usable[probes.place_of[row]] >= needed
    }
    scatter = 1.0 + NOISY_SNR / max(snr, 1.0)
    covered = _covered(fitter, policy, base, probes, asked, usable)
    amounts = {key: scatter * amount for key, amount in covered.items()}
    present = _present_area(fitter, base) if base.rows else None
    return [
        max(
            (
                _fraction(amounts.get((number, row), math.inf), probes.areas[probes.place_of[row]], present)
                for row in target.rows
            ),
            default=math.inf,
        )
        for number, target in enumerate(targets)
    ]


def _covered(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    probes: Probes,
    asked: dict[tuple[int, int], tuple[int, int, float]],
    usable: Sequence[int],
) -> dict[tuple[int, int], float]:
    """Return the amount of each that is asked for at which 95 of 100 are found, by the key it is asked by."""
    if not asked:
        return {}
    found = _least_visible(fitter, policy, base, probes, list(asked.values()), RESERVE)
    amounts = {}
    again = []
    for (key, (place, _, _)), amount in zip(asked.items(), found, strict=True):
        bands = usable[place]
        amounts[key] = amount * next(factor for least, factor in COVERAGE if bands >= least or least == 1)
        if not amount < math.inf and bands <= FEW_BANDS:
            again.append(key)
    if again:
        fewer = [asked[key] for key in again]
        found = _least_visible(fitter, policy, base, probes, fewer, LITTLE_RESERVE)
        amounts.update({key: WIDE_COVERAGE * amount for key, amount in zip(again, found, strict=True)})
    return amounts


def _least_visible(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    probes: Probes,
    asked: Sequence[tuple[int, int, float]],
    reserve: float,
) -> list[float]:
    """Return the least visible amount of each probe asked for, in units of the scan's derivative norm.

    Asked for by its place, with the reference that the scan may hold of its target, and how much of that; at
    it the gain exceeds what is required by a reserve.
    """
    places, held, amplitudes = zip(*asked, strict=True)
    found = np.empty(len(asked))
    wanted = reserve * np.array([policy.hazard_gain, policy.margin])
    least_visible_each(
        packed(fitter.index.rows.gather((*base.rows, *held), base.axis.broadening_cm)),
        base.amplitudes,
        base.query.packed,
        packed(
            Targets(
                probes.thin,
                probes.derivatives,
                probes.holds,
                probes.perturbed,
                probes.imitators,
                probes.imitator_families,
            )
        ),
        packed(Asked(np.array(places), np.array(amplitudes))),
        fitter.index.families[list(base.rows)],
        PACKED_SETTINGS,
        packed(LimitSearch(wanted, AMOUNTS, IMITATORS)),
        found,
    )
    amounts: list[float] = found.tolist()
    return amounts


def _fraction(amount: float, area: float, present: float | None) -> float:
    """Return the spectral fraction of an amount of a reference beside what is present; None for nothing.

    Infinite where the amount is, and where the reference has no area.
    """
    if not amount < math.inf or area <= 0.0:
        return math.inf
    # beside nothing, in the whole of the scan
    share = amount * area / (amount * area + (area if present is None else present))
    return share if share <= MOST_SHARE else math.inf


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
