"""The limit of detection: how little of a target this scan would still have shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra._kernels_lod import least_visible_each
from spectriage.spectra.bands import usable_bands
from spectriage.spectra.contrast_index import Probes
from spectriage.spectra.fit import MIN_DISAGREEMENT, Fit
from spectriage.spectra.mixture import RELATIVE_ERROR, UNMEASURED_WEIGHT, Fitter
from spectriage.spectra.policy import Policy
from spectriage.spectra.reference import Float32Array
from spectriage.spectra.spectrum import FloatArray

REWEIGHTINGS = 2
RESERVE = 2.6
"""By how much the gain at the limit of detection exceeds what is required, so that 95 % of samples reach it;
`spectriage bench pod` says how many simulated ones do."""
AMOUNTS = (5e-3, 4.0)
"""Between which amounts the limit is sought, in units of the scan's derivative norm."""
IMITATORS = 2


@dataclass(frozen=True)
class Sought:
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


def limits_of_detection(fitter: Fitter, policy: Policy, base: Fit, targets: Sequence[Sought]) -> list[float]:
    """Return the spectral fraction of each target that this scan would have shown 95 % of the time.

    What the scan may hold of a target is taken out, and each of its references, perturbed to the mismatch
    between instruments, put in by growing amounts until adding it to the model brings what is required, with
    a reserve. The limit is that of the reference that is hardest to see; above 1 when no amount would do, or
    too few of its bands are in range.

    Parameters
    ----------
    base
        The model: the best one, without the targets.
    """
    index = fitter.index
    rows = tuple(row for target in targets for row in target.rows)
    if not rows:
        return []
    probes = index.probes(rows, base.axis.broadening_cm)
    needed = [number for target in targets for number in target.needed]
    visible = np.flatnonzero(usable_bands(fitter, base, probes) >= needed)
    held = [(target.held, target.amplitude) for target in targets for _ in target.rows]
    amounts = np.full(len(rows), np.inf)
    if visible.size:
        amounts[visible] = _least_visible(fitter, policy, base, probes, visible, held)
    fractions = iter(_fractions(fitter, base, rows, amounts.tolist()))
    return [max(next(fractions) for _ in target.rows) for target in targets]


def _least_visible(
    fitter: Fitter,
    policy: Policy,
    base: Fit,
    probes: Probes,
    asked: NDArray[np.intp],
    held: Sequence[tuple[int, float]],
) -> FloatArray:
    """Return the least visible amount of each probe asked for, in units of the scan's derivative norm."""
    index, broadening_cm, thin = fitter.index, base.axis.broadening_cm, probes.thin
    found = np.empty(asked.size)
    least_visible_each(
        _thinned(fitter.stack(base.rows, broadening_cm), thin),
        base.amplitudes,
        _thinned(base.query.derivative, thin),
        _thinned(fitter.weights(base.rows, base.axis), thin),
        asked,
        probes.derivatives,
        probes.holds,
        UNMEASURED_WEIGHT,
        _thinned(index.stack([row for row, _ in held], broadening_cm), thin),
        np.array([amplitude for _, amplitude in held]),
        probes.unlike,
        probes.imitators,
        probes.imitator_families,
        index.families[list(base.rows)],
        IMITATORS,
        base.query.threshold,
        RELATIVE_ERROR,
        REWEIGHTINGS,
        MIN_DISAGREEMENT,
        RESERVE * np.array([policy.hazard_gain, policy.margin]),
        np.array(AMOUNTS),
        found,
    )
    return found


def _thinned(values: Float32Array, thin: int) -> Float32Array:
    """Return every so many-th point along the last axis."""
    return np.ascontiguousarray(values[..., ::thin])


def _fractions(fitter: Fitter, base: Fit, rows: Sequence[int], amounts: Sequence[float]) -> Iterator[float]:
    """Yield the spectral fraction that an amount of each of several references would have beside a model."""
    present = _present_area(fitter, base)
    for row, amount in zip(rows, amounts, strict=True):
        area = fitter.index.area_per_norm(row)
        if not math.isfinite(amount) or area <= 0.0:
            yield math.inf
            continue
        # beside nothing, in the whole of the scan
        beside = present if base.rows else area
        yield amount * area / (amount * area + beside)


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
