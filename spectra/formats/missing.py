"""Rows without a value at the ends of a table, outside the instrument's region of interest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.source import Source


def measured_rows(source: Source, arrays: Sequence[FloatArray], place: Callable[[int], str]) -> slice:
    """Return the rows between the missing cells (NaN) at both ends of columns of shape (n,).

    Raises
    ------
    FormatError
        When no row is whole, or a value is missing between measured points.
    """
    missing = np.any([np.isnan(array) for array in arrays], axis=0)
    good = np.flatnonzero(~missing)
    if not good.size:
        raise FormatError(
            "no row has an axis and an intensity", where=source.where(), remedy="export it again"
        )
    first, last = int(good[0]), int(good[-1])
    inside = np.flatnonzero(missing[first : last + 1])
    if inside.size:
        raise FormatError(
            "a value is missing (blank or NA) between measured points",
            where=place(first + int(inside[0])),
            remedy="export it again",
        )
    return slice(first, last + 1)


def dropped(rows: slice, size: int) -> tuple[str, ...]:
    """Return the history step for the rows that were left out, none when there are none."""
    count = size - (rows.stop - rows.start)
    if not count:
        return ()
    return (
        f"drop: {count} points at the ends without a value (blank or NA, outside the region of interest)",
    )
