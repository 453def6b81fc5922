"""The search against brute force in double precision: common range, offsets, order, and what is refused."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import savgol_filter

from spectriage.spectra import Reference, ReferenceSet, Spectrum
from spectriage.spectra.baseline.methods import arpls
from spectriage.spectra.errors import LibraryError, ParameterError, SpectrumError
from spectriage.spectra.search.index import SearchIndex, index_matrix
from spectriage.spectra.signal.grid import Grid, resample

GRID = Grid(200.0, 1198.0, 2.0)
ORDERS = {"deriv1": 1, "deriv2": 2}
SCORES = ("hqi", "pearson", "deriv1", "deriv2")


def curves(rng: np.random.Generator, rows: int) -> np.ndarray:
    shift = GRID.shift
    centres = rng.uniform(shift[0], shift[-1], (rows, 12, 1))
    heights = rng.uniform(0.1, 1.0, (rows, 12, 1))
    return (heights / (1.0 + ((shift - centres) / 6.0) ** 2)).sum(axis=1)


@pytest.fixture(scope="module")
def references() -> ReferenceSet:
    """Forty references; some know only a part of the axis, one has no bands."""
    rng = np.random.default_rng(11)
    spectra = curves(rng, 40)
    spectra[5, :120] = np.nan
    spectra[6, 300:] = np.nan
    spectra[7, :200] = spectra[7, 420:] = np.nan
    spectra[8, 480:] = np.nan
    spectra[9] = 0.0
    records = tuple(Reference(f"r{i:02d}", f"substance {i}") for i in range(40))
    return ReferenceSet(records, GRID.shift, spectra.astype(np.float32))


def query(references: ReferenceSet, seed: int, *, low: float = 230.0, high: float = 1150.0) -> Spectrum:
    rng = np.random.default_rng(seed)
    rows = [3, 5, 6, 7]
    mixed = rng.uniform(0.2, 1.0, 4) @ np.nan_to_num(references.spectra[rows].astype(float))
    mixed += 0.3 * curves(rng, 1)[0] + rng.normal(scale=0.004, size=GRID.shift.size)
    return Spectrum(GRID.shift + rng.uniform(-6, 6), mixed).crop(low, high)


def prepared(name: str, values: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One spectrum, prepared without the code under test (arPLS has its own oracle)."""
    out, valid = np.zeros(values.size), np.zeros(values.size, bool)
    run = np.flatnonzero(measured)
    part = values[run[0] : run[-1] + 1].astype(float)
    if name in ORDERS:
        out[run[0] + 10 : run[-1] - 9] = savgol_filter(part, 21, 3, deriv=ORDERS[name], delta=2.0)[10:-10]
        valid[run[0] + 10 : run[-1] - 9] = True
    else:
        out[run], valid[run] = part - arpls(part, 1e5), True
    return out, valid


def shifted(array: np.ndarray, steps: int) -> np.ndarray:
    out = np.zeros_like(array)
    for i in range(array.size):
        if 0 <= i - steps < array.size:
            out[i] = array[i - steps]
    return out


def brute_force(
    name: str, references: ReferenceSet, spectrum: Spectrum, tolerance: float, low: float, high: float
) -> np.ndarray:
    """Scores at every offset, shape (offsets, n)."""
    on_grid = resample(spectrum, references.shift)
    q, q_valid = prepared(name, on_grid.intensity, on_grid.measured)
    q_valid &= (references.shift >= low) & (references.shift <= high)
    reach = int(tolerance // 2)
    table = np.zeros((2 * reach + 1, len(references)))
    for n, row in enumerate(references.spectra):
        if not np.any(np.nan_to_num(row)):
            continue
        r, r_valid = prepared(name, row.astype(float), np.isfinite(row))
        for k in range(-reach, reach + 1):
            both = shifted(q_valid, k) & r_valid
            a, b = shifted(q, k)[both], r[both]
            if name in ("hqi", "pearson"):
                a, b = a - a.mean(), b - b.mean()
            table[k + reach, n] = a @ b / np.sqrt((a @ a) * (b @ b))
    return 100.0 * np.maximum(table, 0.0) ** 2 if name == "hqi" else table


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scores_are_those_of_brute_force(references, name, seed):
    spectrum = query(references, seed)
    scores, offsets = SearchIndex(references, name).scores(spectrum, low_cm=300.0, axis_tolerance_cm=8.0)
    table = brute_force(name, references, spectrum, 8.0, 300.0, np.inf)
    scale = 100.0 if name == "hqi" else 1.0
    np.testing.assert_allclose(scores, table.max(axis=0), rtol=0, atol=2e-5 * scale)
    # the offset is one at which that score is reached
    at_offset = table[(offsets / 2).astype(int) + 4, np.arange(40)]
    np.testing.assert_allclose(at_offset, table.max(axis=0), rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("name", SCORES)
def test_the_order_is_that_of_brute_force(references, name):
    spectrum = query(references, 7)
    made = SearchIndex(references, name).search(spectrum, 5, axis_tolerance_cm=4.0)
    best = brute_force(name, references, spectrum, 4.0, -np.inf, np.inf).max(axis=0)
    expected = np.argsort(-best)[:5]
    assert [match.row for match in made] == expected.tolist()
    assert [match.reference.id for match in made] == [f"r{i:02d}" for i in expected]
    assert all(a.score >= b.score for a, b in pairwise(made))


def test_a_shifted_reference_is_found_at_its_offset(references):
    values = references.spectra[20].astype(float)
    for offset in (-6.0, 0.0, 4.0):
        match = SearchIndex(references).search(Spectrum(GRID.shift + offset, values), 1)[0]
        assert match.row == 20
        assert match.offset_cm == -offset
        assert match.score == pytest.approx(1.0, abs=1e-4)


def test_beyond_the_tolerance_an_offset_is_not_absorbed(references):
    values = references.spectra[20].astype(float)
    moved = Spectrum(GRID.shift + 12.0, values)
    index = SearchIndex(references)
    assert index.scores(moved, axis_tolerance_cm=4.0)[0][20] < 0.5
    assert index.scores(moved, axis_tolerance_cm=12.0)[0][20] > 0.99
    assert index.scores(moved, axis_tolerance_cm=0.0)[1].tolist() == [0.0] * 40


@pytest.mark.parametrize("name", SCORES)
def test_equal_scores_are_ordered_by_id(references, name):
    """Copies at scattered rows, where a matrix product may round differently."""
    rng = np.random.default_rng(2)
    copies = [1, 4, 11, 17, 26, 33, 39]
    for seed in range(8):
        spectra = curves(rng, 40).astype(np.float32)
        spectra[copies] = spectra[20]
        names = rng.permutation(40)
        records = tuple(Reference(f"r{i:02d}", "x") for i in names)
        library = ReferenceSet(records, GRID.shift, spectra)
        noisy = spectra[20] + np.random.default_rng(seed).normal(scale=0.01, size=spectra.shape[1])
        made = SearchIndex(library, name).search(Spectrum(GRID.shift, noisy), 8)
        assert [match.reference.id for match in made] == sorted(records[i].id for i in (*copies, 20))
        fewer = SearchIndex(library, name).search(Spectrum(GRID.shift, noisy), 3)
        assert fewer == made[:3]


@pytest.mark.parametrize("name", SCORES)
def test_the_scale_and_the_background_of_a_query_do_not_count(references, name):
    spectrum = query(references, 5)
    slope = 0.0 if name == "deriv1" else 2.0
    other = Spectrum(spectrum.shift, 3e4 * (spectrum.intensity + 50.0) + slope * spectrum.shift)
    index = SearchIndex(references, name)
    scale = 100.0 if name == "hqi" else 1.0
    np.testing.assert_allclose(index.scores(other)[0], index.scores(spectrum)[0], rtol=0, atol=3e-3 * scale)


def test_a_reference_without_bands_never_matches(references):
    scores, _ = SearchIndex(references).scores(query(references, 1))
    assert scores[9] == 0.0


def test_a_reference_whose_bands_were_not_measured_says_nothing(references):
    spectra = np.zeros((2, GRID.shift.size), np.float32)
    spectra[0] = np.exp(-(((GRID.shift - 300.0) / 6.0) ** 2))
    spectra[1] = curves(np.random.default_rng(1), 1)[0]
    library = ReferenceSet((Reference("low", "low"), Reference("all", "all")), GRID.shift, spectra)
    seen = Spectrum(GRID.shift, spectra[1] + 0.01 * np.sin(GRID.shift)).crop(500.0, 1198.0)
    scores, _ = SearchIndex(library).scores(seen)
    assert scores[0] == 0.0
    assert scores[1] > 0.9


def test_only_the_asked_range_counts(references):
    """A query that is one reference below 700 cm⁻¹ and another above."""
    values = np.where(GRID.shift < 700.0, references.spectra[20], references.spectra[21]).astype(float)
    index = SearchIndex(references)
    spectrum = Spectrum(GRID.shift, values)
    assert index.search(spectrum, 1, high_cm=660.0)[0].row == 20
    assert index.search(spectrum, 1, low_cm=740.0)[0].row == 21


def test_kept_matrices_are_used_and_made_ones_are_the_same(references):
    key, matrix = index_matrix(references, "deriv2")
    assert matrix.dtype == np.float32
    norms = np.linalg.norm(matrix, axis=1)
    np.testing.assert_allclose(np.delete(norms, 9), 1.0, atol=1e-6)
    assert norms[9] == 0.0
    kept = replace(references, indexes={key: matrix})
    assert SearchIndex(kept).matrix is matrix
    spectrum = query(references, 3)
    assert SearchIndex(kept).search(spectrum) == SearchIndex(references).search(spectrum)


def test_a_matrix_of_another_preparation_is_not_used(references):
    """A matrix is found by the key of its preparation alone, so that query and library share it."""
    wrong = np.full(references.spectra.shape, 0.1, np.float32)
    keys = [index_matrix(references, name)[0] for name in ("hqi", "deriv1")]
    other = replace(references, indexes=dict.fromkeys([*keys, "deriv2-42-step-1"], wrong))
    np.testing.assert_array_equal(SearchIndex(other, "deriv2").matrix, index_matrix(references, "deriv2")[1])
    assert SearchIndex(other, "deriv1").matrix is wrong


@pytest.mark.parametrize("shape", [(39, 500), (40, 499), (40, 250)])
def test_a_matrix_of_another_shape_is_an_error(references, shape):
    key = index_matrix(references, "deriv2")[0]
    with pytest.raises(LibraryError, match="40 references"):
        SearchIndex(replace(references, indexes={key: np.zeros(shape, np.float32)}))


def test_nothing_asked_and_nothing_there(references):
    spectrum = query(references, 1)
    assert SearchIndex(references).search(spectrum, 0) == ()
    assert len(SearchIndex(references).search(spectrum, 1000)) == 40
    empty = references.subset(np.zeros(40, bool))
    assert SearchIndex(empty).search(spectrum) == ()


@pytest.mark.parametrize("tolerance", [-1.0, 20.1, np.nan])
def test_tolerances_that_are_none_are_refused(references, tolerance):
    with pytest.raises(ParameterError, match="axis tolerance"):
        SearchIndex(references).search(query(references, 1), axis_tolerance_cm=tolerance)


@pytest.mark.parametrize("ends", [(1190.0, None), (None, 240.0), (600.0, 640.0), (900.0, 800.0)])
def test_too_small_a_range_is_an_error(references, ends):
    with pytest.raises(SpectrumError, match="too little range"):
        SearchIndex(references).search(query(references, 1), low_cm=ends[0], high_cm=ends[1])


def test_an_unknown_score_is_an_error(references):
    with pytest.raises(ParameterError, match="no score"):
        SearchIndex(references, "cosine")
