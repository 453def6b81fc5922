"""The exact search against scoring everything in double precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.library.building.indexing import indexed
from spectriage.library.store.file import read_library, write_library
from spectriage.spectra.derived import Derived
from spectriage.spectra.errors import AlteredLibraryError, LibraryError, ParameterError, SpectrumError
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.search import topk
from spectriage.spectra.search.index import SearchIndex
from spectriage.spectra.search.projection import keep_projection, kept_projection, project
from spectriage.spectra.search.scores import SCORES
from spectriage.spectra.search.topk import TopK
from spectriage.spectra.signal.grid import resample
from spectriage.spectra.spectrum import Spectrum


def brute(matrix, ids, query, top):
    """Score every row in float64; sort by rounded score, then id, then row."""
    variants = np.atleast_2d(query)
    with np.errstate(all="ignore"):
        scores = matrix.astype(np.float64) @ variants.T
    best = np.where(np.isfinite(scores), scores, 0.0).max(axis=1)
    order = sorted(range(len(matrix)), key=lambda row: (-np.rint(best[row] * 1e9), ids[row], row))[:top]
    return order, best[order]


def smooth_rows(rng, n, m, width):
    """Return rows of random bands, with the few dimensions that spectra have."""
    grid = np.arange(m)
    rows = np.zeros((n, m))
    for row in rows:
        for centre in rng.integers(0, m, 6):
            row += rng.lognormal() * np.exp(-(((grid - centre) / width) ** 2))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def check(matrix, ids, queries, top, **options):
    searcher = TopK(matrix, ids, project(matrix, **options))
    found = searcher.search(queries, top)
    for query, rows, scores in zip(queries, found.rows, found.scores, strict=True):
        expected, best = brute(matrix, ids, query, top)
        assert rows.tolist() == expected
        np.testing.assert_allclose(scores, best, rtol=0, atol=1e-12)
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    m=st.integers(1, 96),
    queries=st.integers(1, 12),
    variants=st.integers(1, 4),
    top=st.integers(1, 320),
    dimensions=st.integers(1, 100),
    first=st.integers(1, 60),
    noise=st.sampled_from([0.0, 1e-3, 1.0]),
    awkward=st.booleans(),
)
def test_finds_what_scoring_everything_finds(
    seed, n, m, queries, variants, top, dimensions, first, noise, awkward
):
    rng = np.random.default_rng(seed)
    matrix = smooth_rows(rng, n, m, 1.0 + m / 20.0) + (noise * rng.normal(size=(n, m))).astype(np.float32)
    # ids that are not in the order of the rows; duplicates of rows make ties
    ids = [f"r-{number}" for number in rng.permutation(n)]
    for _ in range(n // 3):
        matrix[rng.integers(n)] = matrix[rng.integers(n)]
    if awkward:
        for fill in (0.0, np.nan, np.inf, 1e-38, 1e-44, 3e38):
            matrix[rng.integers(n), rng.integers(m) :] = fill
    wanted = rng.normal(size=(queries, variants, m)) * rng.choice([1e-3, 1.0, 50.0])
    wanted[0] = np.nan_to_num(matrix[rng.integers(n)].astype(np.float64), posinf=0.0).clip(-1e3, 1e3)
    check_scaled(matrix, ids, wanted, top, dimensions, first)


def check_scaled(matrix, ids, wanted, top, dimensions, first):
    found = TopK(matrix, ids, project(matrix, dimensions, first)).search(wanted, top)
    count = min(top, len(matrix))
    assert found.rows.shape == found.scores.shape == (len(wanted), count)
    for query, rows, scores in zip(wanted, found.rows, found.scores, strict=True):
        expected, best = brute(matrix, ids, query, top)
        assert sorted(set(rows.tolist())) == sorted(rows.tolist())
        # two sums of the same products differ in their last digits: only such scores may change places
        np.testing.assert_allclose(scores, best, rtol=1e-12, atol=2e-9)
        with np.errstate(all="ignore"):
            own = np.atleast_2d(query) @ matrix[rows].astype(np.float64).T
        own = np.where(np.isfinite(own), own, 0.0).max(axis=0)
        np.testing.assert_allclose(scores, own, rtol=1e-11, atol=1e-9)
        if np.abs(best).max() < 100.0:
            assert rows.tolist() == expected


def test_prunes_what_it_may():
    rng_rows = 6000
    rng = np.random.default_rng(3)
    matrix = smooth_rows(rng, rng_rows, 128, 4.0)
    rows = rng.integers(rng_rows, size=40)
    queries = matrix[rows] + 0.01 * rng.normal(size=(40, 128))
    found = check(matrix, [f"{i:06d}" for i in range(rng_rows)], queries, 10, dimensions=64, first=32)
    assert found.rescored < 0.05 * rng_rows * 40
    # many queries go through a matrix product, a single one does not: the answer is one
    searcher = TopK(matrix, None, project(matrix, 64, 32))
    for query, expected in zip(queries[:5], found.rows, strict=False):
        assert searcher.search(query).rows[0].tolist() == expected.tolist()


def test_breaks_ties_by_id():
    matrix = np.tile(np.eye(4, 16, dtype=np.float32)[:1], (50, 1))
    ids = [f"x-{49 - i:02d}" for i in range(50)]
    for coded in (None, project(matrix)):
        found = TopK(matrix, ids, coded).search(matrix[0].astype(np.float64), 5)
        assert found.rows.tolist() == [[49, 48, 47, 46, 45]]
        found = TopK(matrix, None, coded).search(matrix[0].astype(np.float64), 5)
        assert found.rows.tolist() == [[0, 1, 2, 3, 4]]
        found = TopK(matrix, np.array(ids, "S"), coded).search(matrix[0].astype(np.float64), 5)
        assert found.rows.tolist() == [[49, 48, 47, 46, 45]]


def test_makes_its_projection_when_there_are_many(monkeypatch):
    monkeypatch.setattr(topk, "WORTH_CODING", 64)
    matrix = smooth_rows(np.random.default_rng(0), 64, 80, 3.0)
    assert TopK(matrix).projection is not None
    assert TopK(matrix[:63]).projection is None


def test_an_empty_matrix_and_no_answers():
    empty = TopK(np.zeros((0, 8), np.float32))
    assert empty.search(np.ones(8)).rows.shape == (1, 0)
    assert TopK(np.ones((3, 8), np.float32)).search(np.ones(8), 0).rows.shape == (1, 0)


@pytest.mark.parametrize(
    "query", [np.ones(7), np.ones((2, 3, 2, 8)), np.ones((0, 8)), np.float64(3.0), np.ones((2, 0, 8))]
)
def test_refuses_queries_that_do_not_fit(query):
    with pytest.raises(ParameterError, match="do not fit"):
        TopK(np.ones((3, 8), np.float32)).search(query)


def test_refuses_what_is_not_finite_and_parts_that_do_not_fit():
    matrix = np.ones((3, 8), np.float32)
    with pytest.raises(SpectrumError, match="not finite"):
        TopK(matrix).search(np.full(8, np.nan))
    with pytest.raises(ParameterError, match="ids"):
        TopK(matrix, ["a"])
    with pytest.raises(ParameterError, match="projection"):
        TopK(matrix, None, project(matrix[:2]))
    with pytest.raises(ParameterError, match="float32"):
        TopK(matrix.astype(np.float64))
    with pytest.raises(ParameterError, match="both levels"):
        keep_projection(library_of(matrix), "key", project(matrix, 6, 6))
    with pytest.raises(ParameterError, match="keeps no search matrix"):
        keep_projection(library_of(matrix), "other")


def library_of(matrix):
    n, m = matrix.shape
    records = tuple(Reference(f"r-{i:03d}", f"substance {i}") for i in range(n))
    return ReferenceSet(records, 200.0 + 2.0 * np.arange(m), np.abs(matrix) + 1, indexes={"key": matrix})


def test_a_library_keeps_its_projection(tmp_path):
    matrix = smooth_rows(np.random.default_rng(1), 90, 80, 3.0)
    library = keep_projection(library_of(matrix), "key", project(matrix, 32, 16))
    write_library(tmp_path / "library.h5", library)
    opened = read_library(tmp_path / "library.h5")
    kept = kept_projection(opened, "key")
    made = project(matrix, 32, 16)
    for name in ("basis", "first", "second", "scales", "tails"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(made, name))
    queries = matrix[:3].astype(np.float64)
    ids = [record.id for record in opened.records]
    found = TopK(opened.indexes["key"], ids, kept).search(queries)
    for query, rows in zip(queries, found.rows, strict=True):
        assert rows.tolist() == brute(matrix, ids, query, 10)[0]
    assert kept_projection(library_of(matrix), "key") is None
    by_itself = kept_projection(keep_projection(library_of(matrix), "key"), "key")
    assert by_itself.first.shape == by_itself.second.shape == (90, 40)
    raw = (tmp_path / "library.h5").read_bytes()
    at = raw.find(made.first.tobytes()[:64])
    (tmp_path / "library.h5").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    with pytest.raises(AlteredLibraryError, match="search matrix"):
        read_library(tmp_path / "library.h5")


def test_a_large_library_is_built_with_its_projection(tmp_path, monkeypatch):
    monkeypatch.setattr("spectriage.spectra.search.projection.WORTH_KEEPING", 30)
    rng = np.random.default_rng(2)
    shift = 200.0 + 2.0 * np.arange(256)
    spectra = np.abs(smooth_rows(rng, 30, 256, 5.0)) + np.float32(0.01)
    records = tuple(Reference(f"r-{i:03d}", f"substance {i}") for i in range(30))
    made = indexed(ReferenceSet(records, shift, spectra), None)
    write_library(tmp_path / "library.h5", made)
    opened = read_library(tmp_path / "library.h5")
    searcher = TopK.of(opened)
    assert searcher.projection is not None
    assert list(opened.derived.projections) == [SCORES["deriv2"].key(2.0)]
    assert TopK.of(ReferenceSet(records, shift, spectra)).projection is None
    index = SearchIndex(opened, "deriv2")
    for row in (3, 17):
        prepared, _ = index.prepare(resample(Spectrum(shift, spectra[row].astype(np.float64)), shift))
        found = searcher.search(prepared / np.linalg.norm(prepared), 3)
        assert found.rows[0, 0] == row
        assert found.scores[0, 0] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("basis", lambda a: a * 1.01),
        ("basis", lambda a: a[:, 1:]),
        ("basis", lambda a: a.astype(np.float32)),
        ("first", lambda a: a + 9),
        ("first", lambda a: a[1:]),
        ("second", lambda a: a[:, 1:]),
        ("scales", lambda a: a * np.float32(2)),
        ("tails", lambda a: a * np.float32(0.5)),
        ("tails", lambda a: a[0]),
    ],
)
def test_refuses_a_projection_of_another_matrix(name, change):
    rng = np.random.default_rng(1)
    matrix = smooth_rows(rng, 90, 80, 1.0) + (0.01 * rng.normal(size=(90, 80))).astype(np.float32)
    library = keep_projection(library_of(matrix), "key", project(matrix, 32, 16))
    kept = library.derived.projections["key"]
    broken = replace(kept, **{name: change(getattr(kept, name))})
    library = replace(library, derived=Derived(projections={"key": broken}))
    with pytest.raises(LibraryError, match="does not fit"):
        kept_projection(library, "key")
