"""Responses per mass: measured where they are, assumed elsewhere, the same in catalogue and library."""

from __future__ import annotations

import numpy as np
import pytest

from spectriage.library.catalogue import find_entry, load_catalogue
from spectriage.library.catalogue.response import response_of
from spectriage.library.store import _layout
from spectriage.library.store.file import read_library, verify_library, write_library
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Reference, ReferenceSet


@pytest.mark.parametrize(
    ("name", "value", "factor", "basis", "kind"),
    [
        ("acetaminophen", 1.0, 1.4, "measured", ""),
        ("sucrose", 0.21, 1.4, "measured", ""),
        ("fentanyl hcl", 1.0, 2.5, "assumed", "aromatic"),
        ("carfentanil", 1.0, 2.5, "assumed", "aromatic"),
        ("starch", 0.15, 2.0, "assumed", "polysaccharide"),
        ("potassium nitrate", 0.25, 2.0, "assumed", "oxyanion"),
        ("mannitol", 0.27, 1.6, "assumed", "sugar"),
        ("talc", 0.1, 2.5, "assumed", "silicate"),
        ("sodium chloride", 0.0, 1.0, "assumed", "none"),
    ],
)
def test_materials_have_their_response(name, value, factor, basis, kind):
    response = find_entry(name).response
    assert (response.value, response.factor, response.basis, response.kind) == (value, factor, basis, kind)


def test_every_entry_has_one_and_no_drug_claims_to_be_measured():
    for entry in load_catalogue():
        response = entry.response
        assert response.factor >= 1.0
        assert (response.value > 0.0) == bool(entry.bands) or response.kind == "none"
        if entry.hazard.alarms:
            assert response.basis == "assumed"
        assert (entry.reference.response, entry.reference.response_basis) == (response.value, response.basis)


def test_a_stated_kind_goes_before_the_class_and_not_before_a_measurement():
    assert response_of("new thing", "chemical").kind == "unlisted"
    assert response_of("new thing", "chemical", "sugar").value == response_of("mannitol", "chemical").value
    assert response_of("sucrose", "chemical", "aromatic").basis == "measured"
    with pytest.raises(CatalogueError, match="not a kind"):
        response_of("new thing", "chemical", "sparkling")


def library(record):
    grid = np.arange(200.0, 2000.0, 2.0)
    row = np.exp(-0.5 * ((grid - 1000.0) / 5.0) ** 2).astype(np.float32)
    return ReferenceSet((record,), grid, row[None])


def test_a_library_file_keeps_it(tmp_path):
    record = Reference("thing", "thing", response=0.4, response_factor=2.0, response_basis="assumed")
    write_library(tmp_path / "a.h5", library(record), {}, ())
    assert read_library(tmp_path / "a.h5").records[0] == record
    bare = Reference("thing", "thing")
    write_library(tmp_path / "b.h5", library(bare), {}, ())
    assert read_library(tmp_path / "b.h5").records[0] == bare
    hashes = {read_library(tmp_path / name).sha256 for name in ("a.h5", "b.h5")}
    assert len(hashes) == 2


def test_a_file_from_before_has_none(tmp_path, monkeypatch):
    record = Reference("thing", "thing", cas="58-08-2")
    with monkeypatch.context() as before:
        texts = {name: own for name, own in _layout.TEXT_FIELDS.items() if name != "response_basis"}
        before.setattr(_layout, "TEXT_FIELDS", texts)
        before.setattr(_layout, "NUMBER_FIELDS", _layout.NUMBER_FIELDS[:4])
        write_library(tmp_path / "old.h5", library(record), {}, ())
    assert verify_library(tmp_path / "old.h5").records[0] == record
