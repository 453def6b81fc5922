"""The limit of detection: how little of a target this scan would still have shown."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.index import Probes
from spectriage.spectra.evidence._kernels_detection_limit import Targets, least_visible_each, limits_from
from spectriage.spectra.fitting.band_support import usable_bands
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import SETTINGS, Fitter
from spectriage.spectra.policy.policy import Policy

PACKED_SETTINGS = packed(SETTINGS._replace(iterations=2))
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


class Sought(NamedTuple):
    """The c targets whose limits are asked for, and r references of them, each of which must be visible.

    Parameters
    ----------
    places, needed, numbers
        Of every reference: its place among what is watched, how many of its bands must be in range, and the
        number of its target, shape (r,).
    held, amplitudes
        Of every target: the reference that the scan may hold of it, and how much: it is taken out first,
        shape (c,).
    """

    places: IndexArray
    needed: IndexArray
    numbers: IndexArray
    held: IndexArray
    amplitudes: FloatArray


def limits_of_detection(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    sought: Sought,
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
    if not sought.places.size:
        return [math.inf] * sought.held.size
    probes = fitter.index.probes(watched, base.axis.broadening_cm)
    bands = usable_bands(fitter, base, probes)[sought.places]
    asked = np.flatnonzero(bands >= sought.needed)
    amounts = np.full(bands.size, math.inf)
    if asked.size:
        found = _least_visible(fitter, policy, base, probes, sought, asked, RESERVE)
        amounts[asked] = found * COVERAGE[np.minimum(bands[asked], COVERAGE.size - 1)]
        again = asked[(found == math.inf) & (bands[asked] <= FEW_BANDS)]
        if again.size:
            found = _least_visible(fitter, policy, base, probes, sought, again, LITTLE_RESERVE)
            amounts[again] = WIDE_COVERAGE * found
    amounts *= 1.0 + NOISY_SNR / max(snr, 1.0)
    limits = np.empty(sought.held.size)
    present = _present_area(fitter, base) if base.rows else -1.0
    limits_from(amounts, probes.areas, sought.places, sought.numbers, present, MOST_SHARE, limits)
    fractions: list[float] = limits.tolist()
    return fractions


def _least_visible(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    probes: Probes,
    sought: Sought,
    asked: IndexArray,
    reserve: float,
) -> FloatArray:
    """Return the least visible amount of some references, in units of the scan's derivative norm.

    Those are `asked` for, of the references sought; at it the gain exceeds what is required by a reserve.
    """
    found = np.empty(asked.size)
    numbers = sought.numbers[asked]
    held = (*base.rows, *sought.held[numbers].tolist())
    wanted = reserve * np.array([policy.hazard_gain, policy.margin])
    least_visible_each(
        packed(fitter.index.rows.gather(held, base.axis.broadening_cm)),
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
        (sought.places[asked], sought.amplitudes[numbers]),
        fitter.index.families[list(base.rows)],
        PACKED_SETTINGS,
        (wanted, AMOUNTS, IMITATORS),
        found,
    )
    return found


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
