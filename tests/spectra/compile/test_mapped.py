"""Rows of a mapped matrix, read from the file and not through the map."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spectriage.spectra.compile import mapped
from spectriage.spectra.compile.mapped import MappedFile, RowSource
from spectriage.spectra.errors import LibraryError

HEAD_BYTES = 64
SHAPE = (300, 100)

reads_from_file = pytest.mark.skipif(not mapped.CAN_READ_AT, reason="the platform cannot read at an offset")


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat a small matrix as a large one."""
    monkeypatch.setattr(mapped, "MAPPED_BYTES", 0)


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path, values: NDArray[np.float32]) -> Path:
    path = tmp_path / "matrix"
    path.write_bytes(b"\0" * HEAD_BYTES + values.tobytes())
    return path


def opened(path: Path) -> NDArray[np.float32]:
    with path.open("rb") as file:
        return np.frombuffer(MappedFile(file.fileno()), np.float32, -1, HEAD_BYTES).reshape(SHAPE)


def test_rows_are_those_of_the_matrix(path: Path, values: NDArray[np.float32]) -> None:
    for matrix in (values, opened(path)):
        source = RowSource(matrix)
        for index in (7, 0, 299, 7):
            assert np.array_equal(source.row(index), values[index])
        with pytest.raises(IndexError):
            source.row(300)


def test_rows_of_a_part_are_its_own(path: Path, values: NDArray[np.float32]) -> None:
    matrix = opened(path)
    assert np.array_equal(RowSource(matrix[100:200]).row(3), values[103])
    # what is not contiguous in the file, and what was copied out of it, is no view of it
    assert np.array_equal(RowSource(matrix[::2]).row(3), values[6])
    assert np.array_equal(RowSource(matrix[:, 10:20]).row(3), values[3, 10:20])
    assert np.array_equal(RowSource(matrix[[5, 9]]).row(1), values[9])


@reads_from_file
def test_a_row_is_read_from_the_file_and_not_from_the_map(path: Path, values: NDArray[np.float32]) -> None:
    source = RowSource(opened(path))
    reads: list[tuple[int, int]] = []
    real = os.preadv

    def preadv(descriptor: int, buffers: Any, offset: int) -> int:
        reads.append((sum(buffer.nbytes for buffer in buffers), offset))
        return real(descriptor, buffers, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "preadv", preadv)
        for index in (2, 4, 5):
            source.row(index)
    row = values[0].nbytes
    assert reads == [(row, HEAD_BYTES + index * row) for index in (2, 4, 5)]


@reads_from_file
def test_a_file_cut_short_is_an_error(path: Path) -> None:
    source = RowSource(opened(path))
    os.truncate(path, HEAD_BYTES + 10 * SHAPE[1] * 4 + 7)
    source.row(9)
    with pytest.raises(LibraryError, match="cut short"):
        source.row(10)


@reads_from_file
def test_a_replaced_file_stays_the_one_that_was_opened(path: Path, values: NDArray[np.float32]) -> None:
    source = RowSource(opened(path))
    other = path.with_name("other")
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)
    assert np.array_equal(source.row(1), values[1])


def test_the_file_is_closed_with_the_last_view(path: Path) -> None:
    matrix = opened(path)
    file = mapped._mapped_file(matrix)
    assert file is not None
    descriptor = file.descriptor
    source = RowSource(matrix)
    del matrix, file
    gc.collect()
    os.fstat(descriptor)
    source.row(0)
    del source
    gc.collect()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)
