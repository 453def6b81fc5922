"""A library as kernels of a whole search take it."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import packed_as
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting._kernels_model import Library
from spectriage.spectra.fitting.band_support import band_rules
from spectriage.spectra.fitting.fitter import PACKED_SETTINGS


def library_of(index: ContrastIndex, room: int) -> Library:
    """Return a library packed for a kernel, which `index.rows.check` is to follow.

    Parameters
    ----------
    room
        So many references, at most, the kernel asks for together.
    """
    return packed_as(Library, (index.rows.shelf(room), *index.once("library", lambda: _arrays(index))))


def _arrays(index: ContrastIndex) -> tuple[object, ...]:
    """Return all of it but the references themselves."""
    return (
        index.coarse,
        index.families,
        index.packaging,
        index.hazardous,
        index.ranks,
        areas_of(index),
        index.grid,
        PACKED_SETTINGS,
        band_rules(index),
    )


def areas_of(index: ContrastIndex) -> FloatArray:
    """Return the areas of a library's references, shape (n,); not a number until one is asked for."""
    return index.once("areas", lambda: np.full(len(index), np.nan))


def largest_family(index: ContrastIndex) -> int:
    """Return how many references the largest family of a library has."""
    return index.once("largest family", lambda: int(np.bincount(index.families).max(initial=0)))
