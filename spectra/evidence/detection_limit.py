"""The limit of detection: how little of a target this scan would still have shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.evidence._kernels_limits import LimitRules, Sought, limits_each
from spectriage.spectra.fitting.band_support import band_rules
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import SETTINGS, Fitter
from spectriage.spectra.fitting.memory import memory_of
from spectriage.spectra.policy.policy import Policy

LIMIT_SETTINGS = packed(SETTINGS._replace(iterations=2))
RESERVE = 2.0
"""By how much the gain at the limit of detection exceeds what is required."""
COVERAGE = np.array([1.6, 1.6, 1.6, 1.8, 1.8, 1.8, 1.6, 1.6, 1.6, 1.6, 1.2])
"""Factors on the amount so found, by the number of bands that are in range; the last for more. Conformal, in
groups (Vovk 2003; Mondrian) of 1 to 2, 3 to 5, 6 to 9 and more bands: with these, measured materials were
found at the limit in 98, 96, 94 and 92 of 100 sums of measured spectra, each with a library of the other
instrument, with and without noise (295, 250, 345 and 238 pairs of materials, from many bands to few).
`spectriage bench limits` says what is found now."""
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
RECALLED_WORTH = 1.5
"""Factor on amounts of references whose table was recalled. Of six tables that better evidence has since
replaced, the limits held for one, with this factor for two, and with none up to 6 for more (mean share found
0.32, 0.40 [0.07, 0.74], 0.46): where such a table is wrong no factor mends it. Provisional, n = 6;
`spectriage bench limits --recalled`."""


class Limits(NamedTuple):
    """Limits of detection, as shares of the signal; infinite where no amount would do.

    Parameters
    ----------
    targets
        Of each target: that of its reference that is hardest to see.
    references
        Of every reference that was sought.
    heaviest
        Of each target the reference, by its place among these, of which most is needed by mass; negative for
        a target without references.
    """

    targets: list[float]
    references: list[float]
    heaviest: list[int]


def limits_of_detection(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    sought: Sought,
    held: Sequence[int],
    watched: tuple[int, ...],
    *,
    snr: float = math.inf,
) -> Limits:
    """Return the spectral fraction of each target that this scan would have shown 95 % of the time.

    What the scan may hold of a target is taken out, and each of its references, perturbed to the mismatch
    between instruments, put in by growing amounts until adding it to the model brings what is required, with
    a reserve. The limit is that of the reference that is hardest to see; above 1 when no amount would do, or
    too few of its bands are in range.

    Parameters
    ----------
    base
        The model: the best one, without the targets.
    sought
        The targets, and the references of each that must be visible, by their places in `watched`; packed.
    held
        The reference that the scan may hold of each target.
    watched
        References that are prepared together, those of the targets among them.
    snr
        Signal-to-noise ratio of the scan.
    """
    count = sought[0].size
    limits, shares = np.empty(len(held)), np.empty(count)
    heaviest = np.empty(len(held), np.intp)
    if not count:
        return Limits([math.inf] * len(held), [], [-1] * len(held))
    index = fitter.index
    broadening_cm = base.axis.broadening_cm
    limits_each(
        packed(index.rows.gather((*base.rows, *held), broadening_cm)),
        base.amplitudes,
        base.query.packed,
        packed(index.probes(watched, broadening_cm)),
        sought,
        index.families[list(base.rows)],
        band_rules(index),
        LIMIT_SETTINGS,
        limit_rules(policy.hazard_gain, policy.margin),
        1.0 + NOISY_SNR / max(snr, 1.0),
        _present_area(fitter, base) if base.rows else -1.0,
        memory_of(len(base.rows) + 1, index.rows.points),
        np.empty(len(watched), np.intp),
        limits,
        shares,
        heaviest,
    )
    return Limits(limits.tolist(), shares.tolist(), heaviest.tolist())


@lru_cache(maxsize=16)
def limit_rules(hazard_gain: float, margin: float) -> LimitRules:
    """Return what says that a target is found, packed for kernels."""
    wanted = np.outer([RESERVE, LITTLE_RESERVE], [hazard_gain, margin])
    factors = np.stack([COVERAGE, np.full(COVERAGE.size, WIDE_COVERAGE)])
    return packed(LimitRules(wanted, factors, FEW_BANDS, AMOUNTS, IMITATORS, MOST_SHARE))


def _present_area(fitter: Fitter, base: Fit) -> float:
    """Return the area under the contents of a model; where it has only packaging, under all it has."""
    index = fitter.index
    contents = whole = 0.0
    for amplitude, row in zip(base.amplitudes.tolist(), base.rows, strict=True):
        area = amplitude * index.area_per_norm(row)
        whole += area
        contents += 0.0 if index.packaging[row] else area
    # what the model does not explain is signal too: its area is taken in proportion
    return (contents or whole) / max(math.sqrt(float(np.dot(base.fitted, base.fitted))), 0.1)
