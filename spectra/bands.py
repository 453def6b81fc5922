"""Which bands of a component made the decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.spectra._kernels_compress import compress
from spectriage.spectra.mixture import Fit, Fitter
from spectriage.spectra.spectrum import FloatArray

BAND_WINDOW_CM = 12.0
SUPPORT = 0.6
"""A band supports a component when the disagreement around it falls at least to this share."""
CROWD_CM = 14.0
CROWD_SHARE = 0.3
"""Bands of one material differ by this share between instruments: less is not another band."""
SHARED_PHENYL_CM = ((614.0, 626.0), (994.0, 1010.0), (1023.0, 1037.0), (1150.0, 1162.0), (1580.0, 1610.0))
"""Where every mono-substituted benzene ring has lines (Varsanyi's modes 6b, 12, 18a, 9b, 8a and 8b), be it
polystyrene, toluene, methamphetamine, cocaine or fentanyl. All of them together are one piece of evidence."""


@dataclass(frozen=True)
class BandSupport:
    """One band of a component.

    Parameters
    ----------
    shift_cm
        Where the reference has it.
    height
        Its curvature, as a share of the reference's strongest.
    remaining
        The disagreement around it with the component, as a share of that without: 0 explains it, 1 no help.
    shared_phenyl
        Whether it is one of the lines that all mono-substituted benzene rings share.
    crowded
        Whether a band of another component is so near and so strong that its mismatch could look like it.
    """

    shift_cm: float
    height: float
    remaining: float
    shared_phenyl: bool
    crowded: bool = False

    @property
    def supports(self) -> bool:
        """Whether the component is needed here."""
        return self.remaining <= SUPPORT and not self.crowded


def band_support(fitter: Fitter, whole: Fit, position: int) -> tuple[BandSupport, ...]:
    """Say of every band of one component whether it is needed there, strongest band first."""
    row = whole.rows[position]
    rest = whole.rows[:position] + whole.rows[position + 1 :]
    without = fitter.fit(rest, whole.axis, query=whole.query)
    shift = fitter.index.references.shift
    curvature = -fitter.index.row(row, whole.axis.broadening_cm)
    after, before = _disagreement(whole), _disagreement(without)
    own = whole.amplitudes[position] * curvature
    others = -(whole.fitted + own)
    half = max(1, round(BAND_WINDOW_CM / fitter.index.step_cm))
    crowd = max(1, round(CROWD_CM / fitter.index.step_cm))
    bands = []
    for centre in fitter.index.bands(row, whole.axis.broadening_cm).tolist():
        low, high = max(0, centre - half), min(shift.size, centre + half + 1)
        if not whole.query.valid[low:high].all():
            continue
        remaining = min(_ratio(a[low:high], b[low:high]) for a, b in zip(after, before, strict=True))
        position_cm = float(shift[centre])
        shared = any(a <= position_cm <= b for a, b in SHARED_PHENYL_CM)
        near = others[max(0, centre - crowd) : centre + crowd + 1]
        crowded = CROWD_SHARE * float(near.max()) > float(own[centre])
        height = float(curvature[centre] / curvature.max())
        bands.append(BandSupport(position_cm, height, remaining, shared, crowded))
    return tuple(sorted(bands, key=lambda band: -band.height))


def usable_bands(fitter: Fitter, fit: Fit, row: int) -> int:
    """Count the pieces of evidence that a reference could give where the query of a fit is valid."""
    shift = fitter.index.references.shift
    half = max(1, round(BAND_WINDOW_CM / fitter.index.step_cm))
    centres = fitter.index.bands(row, fit.axis.broadening_cm)
    holes = np.concatenate([[0], np.cumsum(~fit.query.valid)])
    low, high = np.maximum(centres - half, 0), np.minimum(centres + half + 1, shift.size)
    seen = shift[centres[holes[high] == holes[low]]]
    shared = np.zeros(seen.size, dtype=bool)
    for a, b in SHARED_PHENYL_CM:
        shared |= (a <= seen) & (seen <= b)
    return int(np.count_nonzero(~shared)) + bool(shared.any())


def independent_supports(bands: tuple[BandSupport, ...]) -> int:
    """Count the pieces of evidence among bands: the shared phenyl lines are one."""
    alone = sum(band.supports for band in bands if not band.shared_phenyl)
    return alone + any(band.supports for band in bands if band.shared_phenyl)


def supported_share(bands: tuple[BandSupport, ...]) -> float:
    """Return the share of a component's bands, by height, that need it; 0 for no bands."""
    total = sum(band.height for band in bands)
    return sum(band.height for band in bands if band.supports) / total if total > 0.0 else 0.0


def _disagreement(fit: Fit) -> tuple[FloatArray, FloatArray]:
    """Squared difference of query and fit, point by point: compressed, and as it is.

    A weak band shows in the first, a strong one on the flank of another's in the second.
    """
    compressed = np.empty_like(fit.fitted)
    compress(fit.fitted, fit.query.threshold, compressed)
    energy = float(compressed @ compressed)
    scale = float(compressed @ fit.query.compressed) / energy if energy > 0.0 else 0.0
    return (
        np.square(np.where(fit.query.valid, fit.query.compressed - scale * compressed, 0.0)),
        np.square(np.where(fit.query.valid, fit.query.derivative - fit.fitted, 0.0)),
    )


def _ratio(after: FloatArray, before: FloatArray) -> float:
    total = float(before.sum())
    return float(after.sum()) / total if total > 0.0 else 1.0
