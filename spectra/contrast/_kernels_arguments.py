"""What kernels take of a query and of references: a few named tuples of arrays.

They are handed over `packed`. Compiled code knows their fields, so that this file counts as one of kernels.
"""

from __future__ import annotations

from typing import NamedTuple

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray, IndexArray


class Query(NamedTuple):
    """A query in the contrast domain.

    Parameters
    ----------
    derivative
        Float32, shape (m,), of unit norm; zero where not valid.
    compressed
        asinh(derivative / threshold), float32, shape (m,).
    valid
        Where both hold, shape (m,).
    threshold
        Where the compression sets in.
    """

    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    threshold: float


class Queries(NamedTuple):
    """Several queries: as `Query`, with one dimension more, shape (s, m) and (s,)."""

    derivative: Float32Array
    compressed: Float32Array
    valid: BoolArray
    threshold: FloatArray


class References(NamedTuple):
    """Some references: rows of a matrix that may have others too.

    Parameters
    ----------
    rows
        Float32, shape (s, m), or at every resolution (b, s, m).
    ranges, numbers
        The ranges that references hold over, shape (r, m), and the number of each row's, (s,).
    places
        Where in `rows` those that were asked for are, shape (k,); or of several sets of them, (c, k).
    """

    rows: Float32Array
    ranges: BoolArray
    numbers: IndexArray
    places: IndexArray


class Probes(NamedTuple):
    """References as they are put into scans, to see whether they would show.

    Parameters
    ----------
    areas
        The area under each, over its baseline, when its derivative has unit norm, shape (c,).
    thin
        Of so many points of the grid, one is used.
    derivatives, holds
        Each reference and where it holds, thinned, shape (c, ⌈m / thin⌉).
    perturbed
        Each as an instrument that sees it badly might show it, of that shape.
    bands, band_ends
        Where their bands are, one reference after the other, and where those of each end, shape (c,).
    imitators, imitator_families
        The harmless references of other families that look most like each, best first, thinned, shape
        (c, 6, ⌈m / thin⌉); and the numbers of their families, −1 where there are no more, shape (c, 6).
    """

    areas: FloatArray
    thin: int
    derivatives: Float32Array
    holds: BoolArray
    perturbed: Float32Array
    bands: IndexArray
    band_ends: IndexArray
    imitators: Float32Array
    imitator_families: IndexArray
