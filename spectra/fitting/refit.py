"""Fits of given references to several queries in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.contrast.block import Block
from spectriage.spectra.contrast.contrast import queries_together
from spectriage.spectra.fitting._kernels_refit import fit_scans
from spectriage.spectra.fitting.fit import Axis, Fit, FitRows, axis_numbers
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.library import library_of
from spectriage.spectra.fitting.memory import memory_of


class Given(NamedTuple):
    """References to be fitted to a query at an axis."""

    fitter: Fitter
    rows: tuple[int, ...]
    axis: Axis


def fit_each(given: Sequence[Given]) -> list[Fit]:
    """Return what `Fitter.fit` does of each; the queries are of one library.

    Raises
    ------
    LibraryError
        When a reference could not be read.
    """
    if not given:
        return []
    found = [fitter.known(rows, axis) for fitter, rows, axis in given]
    places = [place for place, fit in enumerate(found) if fit is None]
    made = iter(_fitted([given[place] for place in places]))
    return [next(made) if fit is None else fit for fit in found]


def _fitted(given: Sequence[Given]) -> list[Fit]:
    """Fit references to queries that they were not fitted to before, and keep the fits."""
    if len(given) < 2:
        return [fitter.fit(rows, axis) for fitter, rows, axis in given]
    index = given[0].fitter.index
    most, points = max([len(rows) for _, rows, _ in given]), index.rows.points
    queries = [fitter.query_at(axis) for fitter, _, axis in given]
    known = np.zeros((len(given), most), np.intp)
    for place, (_, rows, _) in enumerate(given):
        known[place, : len(rows)] = rows
    fits = FitRows(
        np.array([axis_numbers(axis) for _, _, axis in given]),
        np.array([len(rows) for _, rows, _ in given], np.intp),
        known,
        np.zeros((len(given), most)),
        np.zeros(len(given)),
        np.empty((len(given), points), np.float32),
    )
    views = fits.views(queries_together(queries))
    fit_scans(library_of(index, most), views, memory_of(most, points), fits.models)
    index.rows.check()
    block = Block(fits)
    return [
        fitter.kept(Fit(rows, amplitudes[: len(rows)], similarity, axis, query, curve, block, place))
        for place, ((fitter, rows, axis), query, amplitudes, similarity, curve) in enumerate(
            zip(given, queries, fits.amplitudes, fits.similarity.tolist(), fits.fitted, strict=True)
        )
    ]
