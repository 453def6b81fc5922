"""`ContrastRows`: references in the contrast domain, at every resolution, as the kernels take them.

A small library is held whole: a kernel is told which of its rows to take, and nothing is copied. Of a large
one those rows are brought together that a kernel asks for.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock, local
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.compile.bounded_cache import BoundedCache
from spectriage.spectra.compile.jit import packed, packed_as
from spectriage.spectra.compile.mapped import RowSource
from spectriage.spectra.contrast._kernels_arguments import References
from spectriage.spectra.contrast._kernels_shelf import Shelf
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, shrink_mask, window_points

BROADENINGS_CM = (0.0, 8.0, 12.0)
"""Widths of the Gaussians by which references are blurred, to the resolution of a coarser instrument."""
BAND_HEIGHT = 0.08
"""A band of a reference counts when its curvature is at least this share of its strongest band's."""
HELD_BYTES = 16 * 2**20
"""A library that takes no more at all resolutions is held whole: 1,365 references of 1,024 points."""
KEPT_ROWS, KEPT_BANDS = 128, 2048
BROUGHT_ROWS = 512
"""References of a large library that a thread keeps for its kernels, at least."""
_NONE = np.empty(0, np.intp)


class Bands(NamedTuple):
    """The bands of one reference, strongest first.

    Parameters
    ----------
    centres
        Points of the library's grid, shape (b,).
    heights
        Curvatures there, float32, shape (b,).
    shares
        The same, as shares of the strongest.
    """

    centres: NDArray[np.intp]
    heights: Float32Array
    shares: list[float]


class ContrastRows:
    """The derivatives of references, on the library's grid.

    Parameters
    ----------
    derivatives
        Unit-norm second derivatives on the grid, float32, shape (n, m); may be mapped.
    spectra
        What they are the derivatives of, same shape; NaN where not measured.
    step_cm
        Of the grid.
    """

    def __init__(self, derivatives: Float32Array, spectra: Float32Array, step_cm: float) -> None:
        self.step_cm = step_cm
        self.points = derivatives.shape[1]
        # a few rows at a time are read from the file: the map would bring in what lies around each
        self._derivatives = RowSource(derivatives)
        self._spectra = RowSource(spectra)
        self._bands = BoundedCache(self._make_bands, KEPT_BANDS)
        self._row = BoundedCache(self._derivatives.row, KEPT_ROWS)
        self._widths = BoundedCache(self._make_widths, KEPT_ROWS)
        # most references hold over one of a few ranges: each is kept once
        self._ranges: BoolArray = np.empty((0, self.points), dtype=bool)
        self._range_numbers: dict[bytes, int] = {}
        self._range_of = np.full(len(derivatives), -1)
        self._range_lock = Lock()
        self._shelves = local()
        self._held: Float32Array | None = None
        self._held_at: list[Float32Array] = []
        if len(BROADENINGS_CM) * derivatives.nbytes <= HELD_BYTES:
            for row in range(len(derivatives)):
                self._find_range(row)
            held = np.empty((len(BROADENINGS_CM), len(derivatives), self.points), np.float32)
            for row in range(len(derivatives)):
                held[:, row] = self._make_widths(row)
            self._held, self._held_at = held, list(held)

    def __len__(self) -> int:
        return len(self._range_of)

    def shelf(self, room: int) -> Shelf:
        """Return the references as a kernel takes them, packed; every thread has a shelf of its own.

        `check` is to be called after the kernel.

        Parameters
        ----------
        room
            So many references, at most, the kernel asks for together.
        """
        if self._held is not None:
            return packed_as(Shelf, (self._held, self._ranges, self._range_of, _NONE, _NONE, 0))
        own: _Brought | None = getattr(self._shelves, "own", None)
        if own is None or own.room < room:
            own = self._shelves.own = _Brought(self, max(room, BROUGHT_ROWS))
        return own.shelf

    def check(self) -> None:
        """Raise what went wrong when a kernel missed a reference on this thread's shelf.

        Raises
        ------
        LibraryError
            When the file could not be read.
        """
        if self._held is not None:
            return
        own: _Brought | None = getattr(self._shelves, "own", None)
        if own is not None:
            own.check()

    def gather(self, rows: Sequence[int], broadening_cm: float = 0.0) -> References:
        """Return several references' derivatives, blurred to one of `BROADENINGS_CM`."""
        width = BROADENINGS_CM.index(broadening_cm)
        if self._held is not None:
            return References(self._held_at[width], self._ranges, self._range_of, np.array(rows, np.intp))
        stack = np.empty((len(rows), self.points), np.float32)
        for own, row in zip(stack, rows, strict=True):
            own[:] = self._widths(row)[width] if width else self._row(row)
        return References(stack, *self._ranges_of(rows), np.arange(len(rows)))

    def gather_widths(self, rows: Sequence[int]) -> References:
        """Return several references' derivatives at each of `BROADENINGS_CM`."""
        if self._held is not None:
            return References(self._held, self._ranges, self._range_of, np.array(rows, np.intp))
        stack = np.empty((len(BROADENINGS_CM), len(rows), self.points), np.float32)
        for place, row in enumerate(rows):
            stack[:, place] = self._widths(row)
        return References(stack, *self._ranges_of(rows), np.arange(len(rows)))

    def stack(self, rows: Sequence[int], broadening_cm: float = 0.0) -> Float32Array:
        """Return a copy of several references' derivatives, shape (k, m), blurred."""
        gathered = self.gather(rows, broadening_cm)
        return np.asarray(gathered.rows[gathered.places])

    def row(self, index: int, broadening_cm: float = 0.0) -> Float32Array:
        """Return one reference's derivative, shape (m,), blurred."""
        if self._held is not None:
            return np.asarray(self._held_at[BROADENINGS_CM.index(broadening_cm)][index])
        return self._widths(index)[BROADENINGS_CM.index(broadening_cm)] if broadening_cm else self._row(index)

    def spectrum(self, index: int) -> FloatArray:
        """Return one reference's spectrum on the grid, shape (m,)."""
        return self._spectra.row(index).astype(np.float64)

    def bands(self, index: int, broadening_cm: float = 0.0) -> Bands:
        """Return one reference's bands: local maxima of its curvature, of a height that counts."""
        return self._bands((index, broadening_cm))

    def holds(self, rows: Sequence[int]) -> BoolArray:
        """Return where several references hold, shape (k, m)."""
        ranges, numbers = self._ranges_of(rows)
        return np.asarray(ranges[numbers])

    def _make_widths(self, index: int) -> Float32Array:
        row = self._derivatives.row(index).astype(np.float64)
        widths = np.stack([blurred(row, width, self.step_cm) for width in BROADENINGS_CM])
        return widths.astype(np.float32)

    def _make_bands(self, key: tuple[int, float]) -> Bands:
        curvature = -self.row(*key)
        centres = _peaks(curvature)
        centres = centres[np.argsort(-curvature[centres], kind="stable")]
        heights = curvature[centres]
        return Bands(centres, heights, (heights / heights.max(initial=0.0)).tolist())

    def _ranges_of(self, rows: Sequence[int]) -> tuple[BoolArray, NDArray[np.intp]]:
        """Return the ranges that references hold over, shape (r, m), and the number of each row's, (k,)."""
        numbers = self._range_of[np.asarray(rows, np.intp)]
        if numbers.size and numbers.min() < 0:
            for row in rows:
                self._find_range(row)
            numbers = self._range_of[np.asarray(rows, np.intp)]
        # taken after the numbers: it only grows
        return self._ranges, numbers

    def _find_range(self, row: int) -> None:
        points = window_points(DERIVATIVE_WINDOW_CM, self.step_cm)
        held = shrink_mask(np.isfinite(self._spectra.row(row)), points)
        with self._range_lock:
            number = self._range_numbers.setdefault(np.packbits(held).tobytes(), len(self._ranges))
            if number == len(self._ranges):
                self._ranges = np.vstack([self._ranges, held])
            # last: whoever sees the number finds the range
            self._range_of[row] = number


class _Brought:
    """The references of a large library that a thread's kernels asked for, and what brings them there."""

    def __init__(self, library: ContrastRows, room: int) -> None:
        self.room = room
        self._library = library
        self._error: BaseException | None = None
        self._rows = np.zeros((len(BROADENINGS_CM), room, library.points), np.float32)
        self._ranges = np.zeros((room, library.points), np.bool_)
        # kept as long as its address is
        self._bring = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(self._bring_row)
        address = ctypes.cast(self._bring, ctypes.c_void_p).value or 0
        self._used = np.zeros(1, np.intp)
        keys, numbers = np.full(room, -1, np.intp), np.arange(room, dtype=np.intp)
        self.shelf = packed(Shelf(self._rows, self._ranges, numbers, keys, self._used, address))

    def _bring_row(self, row: int, place: int) -> None:
        """Put a row at a place; an error is kept, for compiled code cannot raise it."""
        try:
            self._rows[:, place] = self._library._widths(row)
            self._ranges[place] = self._library.holds([row])[0]
        except BaseException as error:  # an interrupt too: nobody else would tell of what was not brought
            self._error = self._error or error

    def check(self) -> None:
        """Raise what went wrong since the last time, and forget all that was brought then."""
        error, self._error = self._error, None
        if error is not None:
            self._used[0] = 0
            raise error


def _peaks(curvature: Float32Array) -> NDArray[np.intp]:
    top = float(curvature.max(initial=0.0))
    inner = curvature[1:-1]
    high = (inner >= curvature[:-2]) & (inner > curvature[2:]) & (inner >= BAND_HEIGHT * top)
    return np.flatnonzero(high & (top > 0.0)) + 1


def blurred(values: FloatArray, fwhm_cm: float, step_cm: float) -> FloatArray:
    """Return values on an even grid, shape (m,), blurred by a Gaussian of that FWHM; as they are for 0."""
    return np.convolve(values, _gaussian(fwhm_cm, step_cm), "same") if fwhm_cm > 0.0 else values


@lru_cache(maxsize=16)
def _gaussian(fwhm_cm: float, step_cm: float) -> FloatArray:
    sigma = fwhm_cm / 2.3548200450309493 / step_cm
    reach = max(1, round(4.0 * sigma))
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    return np.asarray(weights / weights.sum())
