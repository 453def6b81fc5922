"""Whether a reference is seen: each band that this scan would have to show, and whether it does.

For every band of the reference the height that the fit expects is compared with what the scan has there
beside the other components. Two hypotheses are weighed. If the reference is there, the band has the
expected height, within the uncertainty of its tier. If it is not, the scan shows nothing there, or by
chance a band of something else: that chance is the share of the axis that bands of such a height cover in
this very scan, so that a scan full of bands which nothing explains proves little. What hides a band (noise,
the mismatch of a strong neighbour) makes both equally likely, and says nothing. The bands' log likelihood
ratios are added up; the lines that all mono-substituted benzene rings share count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence._kernels_sighting import SightRules, SightTable, sight_reference
from spectriage.spectra.fitting.band_support import points_of, shared_points
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.reference import Tier

LEAST_HEIGHT = 0.04
"""Bands of less than this share of the highest are not asked for."""
MISMATCH = 0.2
"""Bands of one material differ by this share of their height between two instruments."""
CROWD_CM = 10.0
VISIBLE = 0.5
"""A band whose expected height is at least twice its uncertainty would have to show."""
SPEAKS = 0.5
"""A log likelihood ratio from which a band speaks for or against."""


class _Uncertainty(NamedTuple):
    """How well a tier knows its bands: scatter of heights, share that is wrong altogether, places in cm⁻¹.

    Heights differ by a quarter between instruments, more with orientation and salt form. Of recalled tables
    too few have been compared with measurements to say: they are taken to have heights right within a
    factor of two, and one band in eight not at all; estimated ones worse.
    """

    spread: float
    missing: float
    within_cm: float


UNCERTAINTY = {
    Tier.MEASURED: _Uncertainty(0.35, 0.02, 4.0),
    Tier.BANDS: _Uncertainty(0.40, 0.03, 4.0),
    Tier.RECALLED: _Uncertainty(0.60, 0.12, 6.0),
    Tier.ESTIMATED: _Uncertainty(0.80, 0.20, 6.0),
    Tier.COMPUTED: _Uncertainty(1.00, 0.30, 10.0),
}


class Sighting(NamedTuple):
    """What a scan shows of a reference.

    Parameters
    ----------
    log_ratio
        ln of the likelihood of what its bands show if it is there, over that if it is not.
    supported, contradicted
        Shares, by height, of the bands that the scan would have to show which speak for it, and against.
    expected
        How many bands the scan would have to show.
    seen
        How many bands speak for it.
    """

    log_ratio: float
    supported: float
    contradicted: float
    expected: int
    seen: int


NOTHING = Sighting(0.0, 0.0, 0.0, 0, 0)
"""Nothing was looked for."""


def sight(fitter: Fitter, whole: Fit, position: int) -> Sighting:
    """Weigh whether one component of a fit is seen."""
    row, query, index = whole.rows[position], whole.query, fitter.index
    amplitude = float(whole.amplitudes[position])
    if amplitude <= 0.0:
        return NOTHING
    return sighting_of(
        sight_reference(
            index.rows.row(row, whole.axis.broadening_cm),
            amplitude,
            query.packed,
            whole.fitted,
            query.noise,
            sight_rules(index, index.references.records[row].tier),
        )
    )


def sighting_of(values: Sequence[float]) -> Sighting:
    """Return what `sight_reference` returns, with names."""
    log_ratio, supported, contradicted, expected, seen = values
    return Sighting(log_ratio, supported, contradicted, int(expected), int(seen))


def sight_rules(index: ContrastIndex, tier: Tier) -> SightRules:
    """Return how the bands of references of a tier are weighed, packed for kernels."""
    return index.once(("sighting", tier), lambda: packed(_rules(index, UNCERTAINTY[tier])))


def sight_table(index: ContrastIndex) -> SightTable:
    """Return how the bands of references of every tier are weighed, packed for kernels."""
    return index.once("sightings", lambda: packed(_table(index)))


def _table(index: ContrastIndex) -> SightTable:
    rules = [_rules(index, UNCERTAINTY[tier]) for tier in Tier]
    tiers = np.array([(own.spread, own.missing, own.tolerance) for own in rules])
    one = rules[0]
    return SightTable(one.least_height, one.mismatch, tiers, one.near, one.visible, one.speaks, one.shared)


def _rules(index: ContrastIndex, known: _Uncertainty) -> SightRules:
    return SightRules(
        LEAST_HEIGHT,
        MISMATCH,
        known.spread,
        known.missing,
        points_of(known.within_cm, index.step_cm),
        points_of(CROWD_CM, index.step_cm),
        VISIBLE,
        SPEAKS,
        shared_points(index),
    )
