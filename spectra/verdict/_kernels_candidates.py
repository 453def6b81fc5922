"""Kernel that ranks what a whole scan resembles, and says what each match is worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel

_ALIKE = 1e9
"""Scores that are equal to nine digits are: more differ between platforms."""
_MOST = 700.0


class FirstOdds(NamedTuple):
    """The null of a first component at l levels of the signal-to-noise ratio: see `Null`.

    Parameters
    ----------
    wrong
        Λ of the wrong ones, ascending, shape (l, c); none without a null.
    lines
        Intercept and slope of the log likelihood ratio over Λ, shape (l, 2).
    least
        A disagreement counts as this at least.
    """

    wrong: FloatArray
    lines: FloatArray
    least: float


@kernel()
def _below(values: FloatArray, value: float) -> int:
    """Return how many of ascending values are less than one."""
    low, high = 0, values.size
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@kernel()
def rank_candidates(
    rows: IndexArray,
    scores: FloatArray,
    id_ranks: NDArray[np.int32],
    null: FirstOdds,
    level: int,
    ranked: IndexArray,
    odds: FloatArray,
) -> int:
    """Write the best of some matches, best first; of equal ones in the order of ids. Return how many.

    Parameters
    ----------
    rows, scores
        Of the library, and V of each, shape (c,).
    ranked
        Written: the rows; as many as there is room for, (r,).
    odds
        Written, shape (r, 4): the score, its p-value, the log likelihood ratio and the likelihood ratio; the
        last three only where there is a null.
    """
    apart()
    places, count = np.empty(ranked.size, np.intp), 0
    for i in range(rows.size):
        key, rank = np.rint(_ALIKE * scores[i]), id_ranks[rows[i]]
        at = count
        while at > 0:
            other = places[at - 1]
            before = np.rint(_ALIKE * scores[other])
            if before > key or (before == key and id_ranks[rows[other]] < rank):
                break
            if at < places.size:
                places[at] = other
            at -= 1
        if at < places.size:
            places[at] = i
            count = min(count + 1, places.size)
    for at in range(count):
        score = max(scores[places[at]], 0.0)
        ranked[at], odds[at, 0] = rows[places[at]], score
        if null.wrong.size > 0:
            known, line = null.wrong[level], null.lines[level]
            value = -np.log(max(1.0 - score, null.least))
            log_ratio = line[0] + line[1] * value
            odds[at, 1] = (1.0 + known.size - _below(known, value)) / (known.size + 1.0)
            odds[at, 2], odds[at, 3] = log_ratio, np.exp(min(log_ratio, _MOST))
    return count
