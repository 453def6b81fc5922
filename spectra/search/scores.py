"""The classical library scores by name: how spectra are prepared for each, and how two are compared.

A score prepares query and reference in the same way and takes the cosine of what is left, over the range
that both measured. Every preparation is linear in the spectrum but for the baseline of ``hqi`` and
``pearson``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import BoolArray, FloatArray
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, differentiate

Prepare = Callable[[FloatArray, BoolArray, float], tuple[FloatArray, BoolArray]]


def _derivative(order: int) -> Prepare:
    def prepare(values: FloatArray, measured: BoolArray, step_cm: float) -> tuple[FloatArray, BoolArray]:
        return differentiate(values, measured, order=order, step_cm=step_cm, width_cm=DERIVATIVE_WINDOW_CM)

    return prepare


def _without_baseline(
    values: FloatArray, measured: BoolArray, step_cm: float
) -> tuple[FloatArray, BoolArray]:
    """Subtract arPLS from each spectrum, over its measured points."""
    from spectriage.spectra.baseline.methods import BASELINE_LAM, arpls

    rows = np.atleast_2d(values)
    masks = np.atleast_2d(measured)
    out = np.zeros_like(rows)
    for row, mask, target in zip(rows, masks, out, strict=True):
        if np.count_nonzero(mask) >= 8:
            part = np.ascontiguousarray(row[mask], dtype=np.float64)
            target[mask] = part - arpls(part, BASELINE_LAM)
    return out.reshape(values.shape), measured


@dataclass(frozen=True)
class Score:
    """One way to compare two spectra.

    Parameters
    ----------
    name
        Its name on the command line and in files.
    prepare
        Takes values (…, m), measured (…, m) and the grid step; returns prepared values and where they hold.
    centred
        Whether the mean over the common range is taken off first (Pearson).
    squared
        Whether the cosine is squared: HQI = 100·(s·l)²/((s·s)(l·l)).
    """

    name: str
    prepare: Prepare
    centred: bool = False
    squared: bool = False

    def key(self, step_cm: float) -> str:
        """Return the name of the prepared matrix in a library file: same key, same preparation."""
        if self.name in ("hqi", "pearson"):
            from spectriage.spectra.baseline.methods import BASELINE_LAM

            return f"arpls-{BASELINE_LAM:g}-step-{step_cm:g}"
        return f"{self.name}-{DERIVATIVE_WINDOW_CM:g}-step-{step_cm:g}"

    def finish(self, cosine: FloatArray) -> FloatArray:
        """Turn cosines into the score's own scale: 0–100 for HQI, −1–1 for the others."""
        if self.squared:
            return np.asarray(100.0 * np.square(np.maximum(cosine, 0.0)))
        return cosine


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score("hqi", _without_baseline, centred=True, squared=True),
        Score("pearson", _without_baseline, centred=True),
        Score("deriv1", _derivative(1)),
        Score("deriv2", _derivative(2)),
    )
}


def score_by_name(name: str) -> Score:
    """Return a score.

    Raises
    ------
    ParameterError
        Lists the names there are.
    """
    if name not in SCORES:
        raise ParameterError(f"there is no score {name!r}", remedy=f"use one of {', '.join(SCORES)}")
    return SCORES[name]
