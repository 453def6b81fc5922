"""References on their way into a library: their records in memory, their spectra in a file without a name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from spectriage.library.files import Scratch, scratch_matrix
from spectriage.spectra.compile import release_pages
from spectriage.spectra.reference import Reference, ReferenceSet

BLOCK_ROWS = 1024

Row = tuple[Reference, NDArray[np.float32]]
"""A record and its spectrum on the library's axis, shape (m,)."""


class Gathered:
    """References in the order in which they came.

    Parameters
    ----------
    shift
        The library's axis in cm⁻¹, shape (m,).
    """

    def __init__(self, shift: NDArray[np.float64]) -> None:
        self.shift = shift
        self.records: list[Reference] = []
        self._spectra = Scratch()

    def __len__(self) -> int:
        return len(self.records)

    def add(self, record: Reference, spectrum: NDArray[np.float32]) -> None:
        """Put one in."""
        self.records.append(record)
        self._spectra.append(np.ascontiguousarray(spectrum, np.float32).data.cast("B"))

    def extend(self, rows: Iterable[Row]) -> None:
        """Put several in."""
        for record, spectrum in rows:
            self.add(record, spectrum)

    def sorted(self, name: str, version: str, without: Collection[str] = ()) -> ReferenceSet:
        """Return them in the order of their ids, in which a file holds them; some may be left out."""
        records = self.records
        order = [row for row, record in enumerate(records) if record.id not in without]
        order.sort(key=lambda row: records[row].id)
        return ReferenceSet(
            records=tuple(records[row] for row in order),
            shift=self.shift,
            spectra=rows_of(self._spectra.matrix(self.shift.size, np.float32), np.array(order, np.intp)),
            name=name,
            version=version,
        )


def rows_of(matrix: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return some rows of a matrix as one, brought together a block at a time."""

    def blocks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(rows), BLOCK_ROWS):
            yield matrix[rows[start : start + BLOCK_ROWS]]
            release_pages(matrix)

    return scratch_matrix((len(rows), matrix.shape[1]), np.float32, blocks())
