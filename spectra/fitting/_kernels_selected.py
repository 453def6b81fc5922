"""What the kernel of the forward selection is told, and what it finds."""

from __future__ import annotations

from typing import NamedTuple

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray, Int8Array
from spectriage.spectra.fitting._kernels_axes import AxisSearch


class SelectionRules(NamedTuple):
    """What a reference must bring to be selected.

    Parameters
    ----------
    allowed, required, supports
        Which references may be used, the log gain that each must bring, and which of `needed` holds for it,
        shape (n,).
    needed
        How many independent bands must need it, for what gains less than each of `gains` and for more: shape
        (s, g + 1) and (g,).
    most, most_packagings
        Most components, packaging not counted, and most of packaging.
    seen_share
        The share of an addition's bands, by height, that must need it.
    equal_gain
        Members of a family within this log gain of each other fit equally well.
    likeliest, seconds
        So many additions are tried that are most like what is left, and so many of those that explain most
        alone.
    known_rank
        A harmless reference of a tier of a greater rank may be exchanged for one of a better tier.
    offset_penalty, stretch_penalty
        What the square of an offset and of a stretch take off the similarity.
    coarse_penalties
        What a move by −reach to reach points takes off it in the coarse search.
    one_axis, both
        How the axis is sought: by an offset, and by a stretch too.
    """

    allowed: BoolArray
    required: FloatArray
    supports: Int8Array
    needed: IndexArray
    gains: FloatArray
    most: int
    most_packagings: int
    seen_share: float
    equal_gain: float
    likeliest: int
    seconds: int
    known_rank: int
    offset_penalty: float
    stretch_penalty: float
    coarse_penalties: Float32Array
    one_axis: AxisSearch
    both: AxisSearch


class Singles(NamedTuple):
    """The references that explain most alone, best first: their rows, similarities and axes (c, 3)."""

    rows: IndexArray
    similarity: FloatArray
    axes: FloatArray


class Selected(NamedTuple):
    """What was selected for each of s scans on m points: at most k references of c singles.

    Parameters
    ----------
    counts, rows, amplitudes
        How many references each needs, their rows and amplitudes, strongest first: shape (s,) and (s, k).
    similarity, axes
        Shape (s,), and (s, 3): the axis as an offset, a stretch and the number of the resolution.
    rejected, gains
        The best addition that was not necessary, −1 for none, and its log gain, shape (s,).
    fitted; derivative, compressed, valid
        The fits, and the scans at their axes, shape (s, m).
    single_counts, single_rows, singles
        The references that explain most alone, best first: how many, (s,); their rows, (s, c); and similarity
        and axis of each, (s, c, 4).
    """

    counts: IndexArray
    rows: IndexArray
    amplitudes: FloatArray
    similarity: FloatArray
    axes: FloatArray
    rejected: IndexArray
    gains: FloatArray
    fitted: Float32Array
    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    single_counts: IndexArray
    single_rows: IndexArray
    singles: FloatArray
