"""`Derived`: what is made of a library's references once, when it is built, and kept with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spectriage.spectra.arrays import Float32Array, FloatArray, HalfArray, Int8Array


@dataclass(frozen=True, eq=False)
class NullScores:
    """Scores of wrong and of right references, from which the null distribution is taken.

    Parameters
    ----------
    levels
        Signal-to-noise ratios, descending, shape (s,).
    wrong, right
        Λ = −ln(1 − V) of the best wrong and of the right reference, shape (s, n).
    added_wrong, added_right
        Log gain of the best wrong and of the right second component, shape (s, n).
    method
        The name of the way in which they were made: scores of another way do not hold.
    seed
        Of the simulation.
    """

    levels: FloatArray
    wrong: FloatArray
    right: FloatArray
    added_wrong: FloatArray
    added_right: FloatArray
    method: str
    seed: int


@dataclass(frozen=True, eq=False)
class Coarse:
    """The matrix of the coarse search.

    Parameters
    ----------
    rows
        The references compressed, pooled over four points and of unit norm, shape (n, ⌈m / 4⌉): upper halves
        of float32 numbers.
    method
        The name of the way in which they were made.
    """

    rows: HalfArray
    method: str


@dataclass(frozen=True, eq=False)
class Projection:
    """The rows of an (n, m) matrix in d principal coordinates, coded on two levels.

    Parameters
    ----------
    basis
        Orthonormal directions, leading ones first, float64, shape (d, m).
    first, second
        Codes of the first f and of the further coordinates, int8, shapes (n, f) and (n, d − f).
    scales
        What one code step of each level is worth, float32, shape (2, n).
    tails
        Norm of what the coordinates up to each level leave out, float32, shape (2, n).
    """

    basis: FloatArray
    first: Int8Array
    second: Int8Array
    scales: Float32Array
    tails: Float32Array

    def __len__(self) -> int:
        return len(self.first)

    @property
    def first_bytes(self) -> int:
        """What a first pass reads."""
        return int(self.first.nbytes + self.scales[0].nbytes + self.tails[0].nbytes)


@dataclass(frozen=True, eq=False)
class Derived:
    """What is derived from the references of a library; each part is None, or empty, where it was not made.

    Parameters
    ----------
    null
        How well wrong references fit, and right ones; of those for normal scans.
    coarse
        The matrix of the coarse search.
    projections
        Of search matrices, by the key of the matrix.
    sers_null
        The null of the references for SERS.
    """

    null: NullScores | None = None
    coarse: Coarse | None = None
    projections: Mapping[str, Projection] = field(default_factory=dict)
    sers_null: NullScores | None = None
