"""Kernels that ask of a component of a fit how many of its bands need it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import Float32Array, FloatArray, IndexArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_shelf import find_places
from spectriage.spectra.fitting._kernels_bands import BandsOfComponent, weigh_bands
from spectriage.spectra.fitting._kernels_model import Library, Model, View
from spectriage.spectra.fitting._kernels_tops import depth_of, find_tops


class Support(NamedTuple):
    """The bands of a component, highest first, and what `weigh_bands` says of each; shape (b,) each."""

    centres: IndexArray
    heights: Float32Array
    remaining: FloatArray
    beside: FloatArray


@kernel()
def row_at(library: Library, view: View, row: int) -> Float32Array:
    """Return a reference's derivative at the resolution of a view, shape (m,)."""
    one, place = np.empty(1, np.intp), np.empty(1, np.intp)
    one[0] = row
    find_places(library.shelf, one, place)
    values: Float32Array = library.shelf.rows[np.intp(view.axis[2]), place[0]]
    return values


@kernel()
def find_bands(row: Float32Array, least_height: float) -> IndexArray:
    """Return where a reference's bands are, the highest first; of equal ones the first place comes first."""
    apart()
    curvature, centres = np.empty(row.size, np.float32), np.empty(row.size, np.intp)
    for p in range(row.size):
        curvature[p] = -row[p]
    count = find_tops(curvature, least_height * depth_of(row), centres)
    for i in range(count):
        centre, at = centres[i], i
        while at > 0 and curvature[centres[at - 1]] < curvature[centre]:
            centres[at] = centres[at - 1]
            at -= 1
        centres[at] = centre
    return centres[:count]


@kernel()
def support_of(library: Library, view: View, whole: Model, position: int, rest: Model) -> Support:
    """Compare a fit with one without a component, `rest`, around each of the component's bands."""
    apart()
    row = row_at(library, view, whole.rows[position])
    centres = find_bands(row, library.bands.least_height)
    heights = np.empty(centres.size, np.float32)
    for b in range(centres.size):
        heights[b] = -row[centres[b]]
    remaining, beside = np.empty(centres.size), np.empty(centres.size)
    bands = library.bands
    weigh_bands(
        whole.fitted,
        rest.fitted,
        packed(view.query),
        packed(BandsOfComponent(row, whole.amplitudes[position], centres, heights)),
        bands.window,
        bands.crowd,
        remaining,
        beside,
    )
    return Support(centres, heights, remaining, beside)


@kernel()
def count_support(library: Library, support: Support) -> tuple[float, int]:
    """Return the share of a component's bands, by height, that need it, and how many independent ones do.

    Bands around which the query does not hold are not counted; those that materials share are one.
    """
    apart()
    total = needing = 0.0
    alone, together = 0, 0
    for b in range(support.centres.size):
        if support.remaining[b] >= 0.0:
            share = np.float64(support.heights[b] / support.heights[0])
            total += share
            crowded = library.bands.crowd_share * support.beside[b] > 1.0
            if support.remaining[b] <= library.bands.support and not crowded:
                needing += share
                if library.bands.shared[support.centres[b]]:
                    together = 1
                else:
                    alone += 1
    return needing / total if total > 0.0 else 0.0, alone + together
