"""A library that disagrees with itself is found, however its hashes were made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectriage.library.building.build import Assembly
from spectriage.library.building.cache import open_library
from spectriage.library.building.derived import check_derived, check_opened
from spectriage.library.store.file import read_library, read_natives, write_library
from spectriage.spectra.errors import AlteredLibraryError, LibraryError
from spectriage.spectra.evidence import make_null
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.search.projection import keep_projection


def resealed(small: Assembly, path: Path, references: ReferenceSet) -> Path:
    write_library(path, references, small.natives, small.history, overwrite=True)
    return path


def with_null(references: ReferenceSet, **arrays: Any) -> ReferenceSet:
    null = replace(references.derived.null, **arrays)
    return replace(references, derived=replace(references.derived, null=null))


def with_coarse(references: ReferenceSet, rows: Any) -> ReferenceSet:
    coarse = replace(references.derived.coarse, rows=rows)
    return replace(references, derived=replace(references.derived, coarse=coarse))


def hazardous_row(references: ReferenceSet) -> int:
    return next(i for i, record in enumerate(references.records) if record.hazard.alarms)


def swapped(rows: Any, first: int) -> Any:
    out = rows.copy()
    out[[first, -1]] = out[[-1, first]]
    return out


def test_a_library_as_built_agrees_with_itself(small, small_path):
    opened = open_library(small_path)
    checked = check_derived(opened, read_natives(small_path))
    assert (checked.rows, checked.natives) == (len(opened), 12)
    assert checked.families == make_null(opened).wrong.shape[1]


@pytest.mark.parametrize("quick", [False, True])
def test_swapped_rows_of_any_search_matrix(small, tmp_path, quick):
    row = hazardous_row(small.references)
    for key, matrix in small.references.indexes.items():
        indexes = {**small.references.indexes, key: swapped(matrix, row)}
        path = resealed(small, tmp_path / "x.h5", replace(small.references, indexes=indexes))
        with pytest.raises(
            AlteredLibraryError, match=f"the row '{key}' of .* is not what its spectrum gives"
        ):
            check_derived(read_library(path), quick=quick, seed=1)


@pytest.mark.parametrize("part", ["index", "looks"])
def test_a_swapped_hazard_is_not_even_opened(small, tmp_path, part):
    row = hazardous_row(small.references)
    if part == "index":
        indexes = {key: swapped(matrix, row) for key, matrix in small.references.indexes.items()}
        made = replace(small.references, indexes=indexes)
    else:
        made = with_coarse(small.references, swapped(small.references.derived.coarse.rows, row))
    path = resealed(small, tmp_path / "x.h5", made)
    read_library(path)  # every hash holds
    with pytest.raises(AlteredLibraryError, match="not what its spectrum gives"):
        open_library(path)


@pytest.mark.parametrize("value", [0.0, -1.0, 3e38, 0.01])
def test_a_matrix_of_nonsense(small, tmp_path, value):
    indexes = {key: matrix * np.float32(value) for key, matrix in small.references.indexes.items()}
    made = replace(small.references, indexes=indexes)
    try:
        path = resealed(small, tmp_path / "x.h5", made)
    except LibraryError:
        return
    with pytest.raises(AlteredLibraryError):
        check_opened(read_library(path))


def test_a_null_that_was_turned_round(small, tmp_path):
    null = small.references.derived.null
    made = with_null(small.references, wrong=null.right, right=null.wrong)
    path = resealed(small, tmp_path / "x.h5", made)
    for quick in (False, True):
        with pytest.raises(AlteredLibraryError, match="the null"):
            check_derived(read_library(path), quick=quick, seed=2)


def test_a_null_of_zeros_is_damage(small, tmp_path):
    from spectriage.spectra import Identifier

    made = with_null(small.references, wrong=np.zeros_like(small.references.derived.null.wrong))
    path = resealed(small, tmp_path / "x.h5", made)
    with pytest.raises(LibraryError, match="only zeros"):
        Identifier(read_library(path))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_null_that_is_no_number_cannot_be_written(small, tmp_path, value):
    made = with_null(small.references, wrong=np.full_like(small.references.derived.null.wrong, value))
    with pytest.raises(LibraryError, match="not finite"):
        resealed(small, tmp_path / "x.h5", made)


def test_a_spectrum_that_is_not_its_native_one(small, tmp_path):
    row = hazardous_row(small.references)
    other = (row + 1) % len(small.references)
    spectra = small.references.spectra.copy()
    spectra[row] = spectra[other]
    indexes = {key: matrix.copy() for key, matrix in small.references.indexes.items()}
    for matrix in indexes.values():
        matrix[row] = matrix[other]
    looks = small.references.derived.coarse.rows.copy()
    looks[row] = looks[other]
    made = with_coarse(replace(small.references, spectra=spectra, indexes=indexes), looks)
    path = resealed(small, tmp_path / "x.h5", made)
    opened = open_library(path)  # all that is derived agrees with the wrong spectrum
    with pytest.raises(AlteredLibraryError, match="not its native one"):
        check_derived(opened, read_natives(path))


def test_a_projection_of_other_rows(small, tmp_path):
    key = next(key for key in small.references.indexes if key.startswith("deriv2"))
    kept = keep_projection(small.references, key)
    check_derived(kept)
    projection = kept.derived.projections[key]
    other = replace(projection, first=np.roll(projection.first, 1, axis=0))
    made = replace(kept, derived=replace(kept.derived, projections={key: other}))
    with pytest.raises(LibraryError, match="projection"):
        check_derived(made)


def test_a_sample_is_another_one_each_time_and_can_be_repeated(small):
    seeds = {check_derived(small.references, quick=True).seed for _ in range(3)}
    assert len(seeds) > 1
    assert check_derived(small.references, quick=True, seed=7).seed == 7
