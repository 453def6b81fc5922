"""A file of schema 1, written by the version of then, is read as what it held, and checked.

`data/schema-1.h5`: ten made-up references on a grid of 160 points, one with its native spectrum, with
all three kinds of what a library derives. Its bytes are of the writer before schema 2.
"""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectriage.library.store.file import read_library, read_natives, verify_library, write_library
from spectriage.spectra.contrast.coarse import make_coarse
from spectriage.spectra.errors import AlteredLibraryError
from spectriage.spectra.evidence.null import make_null, read_null
from spectriage.spectra.search.projection import kept_projection, project
from spectriage.spectra.search.scores import SCORES

OLD = Path(__file__).parent / "data/schema-1.h5"
KEY = SCORES["deriv2"].key(4.0)


def test_it_is_verified_and_read_as_what_it_held():
    read = verify_library(OLD)
    assert read.attributes["schema"] == 1
    assert read.sha256 == "ec76d56491a66f23be0d5c33ab58fdaaefaa982beec8410b349959ebc6d6dcc8"
    assert [record.id for record in read.records] == [f"made-{row}" for row in range(10)]
    assert list(read_natives(OLD)) == ["made-0"]
    # what was derived then is what would be now
    np.testing.assert_array_equal(read.derived.coarse.rows, make_coarse(read.indexes[KEY]).rows)
    kept, made = read_null(read), make_null(read)
    for name in ("levels", "wrong", "right", "added_wrong", "added_right"):
        np.testing.assert_allclose(getattr(kept, name), getattr(made, name), atol=1e-6)
    coded, again = kept_projection(read, KEY), project(read.indexes[KEY], 8, 4)
    for name in ("first", "second"):
        np.testing.assert_array_equal(getattr(coded, name), getattr(again, name))


def test_it_is_written_again_as_schema_2(tmp_path):
    old = read_library(OLD)
    write_library(tmp_path / "new.h5", old, read_natives(OLD), old.attributes["history"])
    new = verify_library(tmp_path / "new.h5")
    assert new.attributes["schema"] == 2
    assert new.records == old.records
    np.testing.assert_array_equal(new.derived.null.right, old.derived.null.right)
    assert kept_projection(new, KEY).first.dtype == np.int8


@pytest.mark.parametrize("name", ["contrast-1/right", "looks-2/rows", f"topk {KEY}/first"])
def test_what_was_changed_in_it_is_found(tmp_path, name):
    path = Path(shutil.copy(OLD, tmp_path / "copy.h5"))
    with h5py.File(path, "r+") as file:
        dataset = file[f"null/{name}"]
        dataset[0] = dataset[0] + 1
    with pytest.raises(AlteredLibraryError, match="does not match"):
        read_library(path)


def test_what_is_missing_in_it_is_said(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "copy.h5"))
    with h5py.File(path, "r+") as file:
        del file["null/contrast-1/right"]
    with pytest.raises(AlteredLibraryError, match="right"):
        read_library(path)


def test_a_file_of_one_schema_does_not_hold_the_groups_of_the_other(tmp_path):
    path = Path(shutil.copy(OLD, tmp_path / "copy.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs.modify("schema", 2)
    with pytest.raises(AlteredLibraryError, match="not the parts of a library"):
        read_library(path)
