"""Which bands of a component made the decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_compress import compress
from spectriage.spectra.mixture import Fit, Fitter
from spectriage.spectra.spectrum import FloatArray

BAND_HEIGHT = 0.08
"""A band of a reference counts when its curvature is at least this share of its strongest band's."""
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
    for centre in _peaks(curvature):
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


def usable_bands(curvature: FloatArray, valid: NDArray[np.bool_], shift: FloatArray) -> int:
    """Count the pieces of evidence that a reference could give where a query is valid.

    Parameters
    ----------
    curvature
        Minus the reference's derivative, shape (m,).
    valid
        Where the query holds, shape (m,).
    shift
        The grid in cm⁻¹, shape (m,).
    """
    half = max(1, round(BAND_WINDOW_CM / float(shift[1] - shift[0])))
    seen = [c for c in _peaks(curvature) if valid[max(0, c - half) : c + half + 1].all()]
    shared = [any(a <= shift[c] <= b for a, b in SHARED_PHENYL_CM) for c in seen]
    return len(seen) - sum(shared) + any(shared)


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


def _peaks(curvature: FloatArray) -> list[int]:
    """Return the local maxima of a curvature that are bands."""
    top = float(curvature.max(initial=0.0))
    if top <= 0.0:
        return []
    inner = curvature[1:-1]
    peak = (inner >= curvature[:-2]) & (inner > curvature[2:]) & (inner >= BAND_HEIGHT * top)
    return [int(i) + 1 for i in np.flatnonzero(peak)]
