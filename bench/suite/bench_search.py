"""The exact search in large libraries against a float32 product, and opening one, all in the same run.

Synthetic libraries of 1,024 points; the measured library of the package pyopenspecy when it is installed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectriage.bench.peers import search as peers
from spectriage.bench.sets.made_up import made_up_spectra, noisy_copies, read_bandwidth
from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.library.store import read_library, write_library
from spectriage.spectra.arrays import Float32Array
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.search import TopK
from spectriage.spectra.signal import DEFAULT_GRID, DERIVATIVE_WINDOW_CM, differentiate

SIZES = (100, 1000, 10_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.full))
LARGE = SIZES[3:]
TOP = 10
QUERIES = 128
OFFSETS = 9
NOISE = 0.5
"""Noise of a query, as a share of its norm: a poor scan."""
CORRELATED = 10_000
"""Most references for a peer that takes seconds for more."""


def unit_derivatives(spectra: Float32Array) -> Float32Array:
    """Return the rows of a search matrix, chunk by chunk."""
    out = np.empty(spectra.shape, np.float32)
    for start in range(0, len(spectra), 8192):
        part = spectra[start : start + 8192].astype(np.float64)
        rows, _ = differentiate(
            part,
            np.ones(part.shape, np.bool_),
            order=2,
            step_cm=DEFAULT_GRID.step_cm,
            width_cm=DERIVATIVE_WINDOW_CM,
        )
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        out[start : start + 8192] = rows / np.where(norms > 0.0, norms, 1.0)
    return out


@cache
def bandwidth() -> float:
    """Return the bytes a second that this run reads from memory."""
    return read_bandwidth()


class Case:
    """A prepared library, queries, and the peers' rows."""

    kept: tuple[str | int, Case] | None = None

    def __init__(self, spectra: Float32Array) -> None:
        self.matrix = unit_derivatives(spectra)
        self.search = TopK(self.matrix)
        rows = np.random.default_rng(1).integers(0, len(self.matrix), QUERIES)
        self.queries = noisy_copies(self.matrix, rows, NOISE)
        self.single = self.queries.astype(np.float32)

    @classmethod
    def of(cls, name: str | int) -> Case:
        """Return a case, keeping the last one: a million references fill the memory once, not twice."""
        if cls.kept is None or cls.kept[0] != name:
            cls.kept = None
            shift = DEFAULT_GRID.shift
            made = peers.openspecy_spectra(shift) if isinstance(name, str) else made_up_spectra(name, shift)
            cls.kept = (name, cls(made))
        return cls.kept[1]

    def check(self, queries: int) -> None:
        """Require the answer of the float32 product, but for scores that it cannot tell apart."""
        found = self.search.search(self.queries[:queries], TOP)
        expected = peers.float32_product(self.matrix, self.single[:queries], TOP)
        for query, rows, scores in zip(self.queries, expected, found.scores, strict=False):
            exact = self.matrix[rows].astype(np.float64) @ query
            np.testing.assert_allclose(np.sort(exact)[::-1], scores, rtol=0, atol=1e-5)


def one_query(benchmark: Any, case: Case, *, correlated: bool) -> None:
    """Time one query, and say how near to the memory's limit the first pass comes."""
    query, single = case.queries[0], case.single[:1]
    others = {"float32 product": lambda: peers.float32_product(case.matrix, single, TOP)}
    if correlated:
        wide = case.matrix.astype(np.float64)
        others["correlation as OpenSpecy"] = lambda: peers.correlation(wide, query, TOP)
    case.check(4)
    compare(benchmark, lambda: case.search.search(query, TOP), others, rounds=15)
    found = case.search.search(query, TOP)
    seconds = benchmark.extra_info["microseconds a spectrum"] * 1e-6
    projection = case.search.projection
    read = case.matrix.nbytes if projection is None else projection.first_bytes
    benchmark.extra_info["memory GB/s"] = bandwidth() / 1e9
    benchmark.extra_info["share of memory bandwidth"] = read / seconds / bandwidth()
    benchmark.extra_info["float32 product at the memory limit, microseconds"] = (
        case.matrix.nbytes / bandwidth() * 1e6
    )
    benchmark.extra_info["rows scored in full"] = found.rescored


@pytest.mark.parametrize("references", SIZES)
def test_one_query(benchmark: Any, references: int) -> None:
    """One query for its ten best."""
    benchmark.group = "search, one query"
    one_query(benchmark, Case.of(references), correlated=references <= CORRELATED)


@pytest.mark.parametrize("references", SIZES)
def test_many_queries(benchmark: Any, references: int) -> None:
    """A batch of queries, each for its ten best."""
    benchmark.group = "search, many queries"
    case = Case.of(references)
    compare(
        benchmark,
        lambda: case.search.search(case.queries, TOP),
        {"float32 product": lambda: [peers.float32_product(case.matrix, s, TOP) for s in _tiles(case)]},
        rounds=5,
    )
    benchmark.extra_info["microseconds a spectrum"] /= QUERIES


def _tiles(case: Case) -> list[Float32Array]:
    """Return queries for the peer, as many at a time as keep its scores below 64 MB."""
    size = max(1, min(QUERIES, 16_000_000 // len(case.matrix)))
    return [case.single[i : i + size] for i in range(0, QUERIES, size)]


@pytest.mark.parametrize("references", LARGE)
def test_axis_offsets(benchmark: Any, references: int) -> None:
    """One query at nine offsets of its axis, of which the best counts."""
    benchmark.group = "search, nine axis offsets"
    case = Case.of(references)
    moved = np.stack([np.roll(case.queries[0], k) for k in range(-(OFFSETS // 2), OFFSETS // 2 + 1)])
    single = moved.astype(np.float32)
    compare(
        benchmark,
        lambda: case.search.search(moved[None], TOP),
        {"float32 product": lambda: (single @ case.matrix.T).max(axis=0).argpartition(-TOP)[-TOP:]},
        rounds=7,
    )


def test_measured_library(benchmark: Any) -> None:
    """The measured spectra of pyopenspecy: one query."""
    pytest.importorskip("pyopenspecy")
    benchmark.group = "search, measured library"
    case = Case.of("pyopenspecy")
    benchmark.extra_info["references"] = len(case.matrix)
    one_query(benchmark, case, correlated=True)


@pytest.mark.parametrize("references", [10_000, 100_000])
def test_opening(benchmark: Any, references: int, tmp_path: Path) -> None:
    """Opening a library file without checking its hashes, against making all its records."""
    benchmark.group = "search, opening a library"
    path = tmp_path / "library.h5"
    records = tuple(Reference(f"made-up-{i:06d}", f"made up {i}") for i in range(references))
    spectra = np.random.default_rng(0).random((references, 64), np.float32)
    write_library(path, ReferenceSet(records, DEFAULT_GRID.shift[:64], spectra, name="made up"))
    compare(
        benchmark,
        lambda: read_library(path, verify=False),
        {"with all records made": lambda: list(read_library(path, verify=False).records)},
        rounds=7,
    )
