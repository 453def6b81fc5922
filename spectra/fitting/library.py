"""A library as kernels of a whole search take it."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile.jit import packed_as
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.fitting._kernels_model import Library
from spectriage.spectra.fitting.band_support import band_rules
from spectriage.spectra.fitting.fitter import PACKED_SETTINGS


def library_of(index: ContrastIndex) -> Library:
    """Return a library packed for a kernel, which `index.rows.check` is to follow."""
    return packed_as(Library, (index.rows.shelf(), *index.once("library", lambda: _arrays(index))))


def _arrays(index: ContrastIndex) -> tuple[object, ...]:
    """Return all of it but the references themselves."""
    shift = index.references.shift
    return (
        index.coarse,
        index.families,
        index.packaging,
        index.hazardous,
        index.ranks,
        areas_of(index),
        np.array([shift[0], shift[1] - shift[0]]),
        PACKED_SETTINGS,
        band_rules(index),
    )


def areas_of(index: ContrastIndex) -> FloatArray:
    """Return the areas of a library's references, shape (n,), as far as `know_areas` was told of them."""
    return index.once("areas", lambda: np.full(len(index), np.nan))
