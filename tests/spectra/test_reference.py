"""Records and sets of references: what fits together, what a part of a set keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.spectra.derived import Coarse, Derived, NullScores
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.reference import Hazard, LazyRecords, Reference, ReferenceSet, Tier

N, M = 5, 12


def records() -> tuple[Reference, ...]:
    return tuple(
        Reference(f"r-{i}", f"substance {i}", material_class="packaging" if i == 2 else "other")
        for i in range(N)
    )


def a_set(**changes) -> ReferenceSet:
    spectra = np.arange(N * M, dtype=np.float32).reshape(N, M)
    null = NullScores(*(np.ones((2, 2)) for _ in range(5)), method="contrast-1", seed=1)
    parts = {
        "records": records(),
        "shift": np.arange(M, dtype=float),
        "spectra": spectra,
        "sha256": "f" * 64,
        "indexes": {"a": spectra * 2},
        "derived": Derived(null, Coarse(np.ones((N, 3), np.uint16), "coarse-2")),
        "attributes": {"path": "x"},
    }
    return ReferenceSet(**{**parts, **changes})


def lazy() -> tuple[LazyRecords, list[int]]:
    made: list[int] = []

    def make(row: int) -> Reference:
        made.append(row)
        return records()[row]

    ids = np.array([record.id.encode() for record in records()])
    columns = {"material_class": np.array([record.material_class.encode() for record in records()])}
    return LazyRecords(ids, make, columns), made


def test_a_family_is_its_substance_unless_named():
    assert Reference("a", "alpha").family == "alpha"
    assert Reference("a", "alpha", family="class").family == "class"


def test_tiers_are_ranked_and_hazards_say_what_they_do():
    assert [tier.rank for tier in Tier] == [0, 1, 2, 3, 4]
    assert {hazard for hazard in Hazard if hazard.alarms} == {Hazard.CONTROLLED, Hazard.EXPLOSIVE}
    assert not any(hazard.alarms and hazard.warns for hazard in Hazard)
    assert not Hazard.NONE.alarms
    assert not Hazard.NONE.warns


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"spectra": np.ones((N, M - 1), np.float32)}, "do not fit"),
        ({"records": records()[:-1]}, "do not fit"),
        ({"records": (*records()[:-1], records()[0])}, "stand twice: r-0"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, says):
    with pytest.raises(LibraryError, match=says):
        a_set(**changes)


def test_a_part_is_cut_along_and_is_not_the_whole():
    whole = a_set()
    keep = np.array([True, False, True, False, True])
    part = whole.subset(keep)
    assert [record.id for record in part.records] == ["r-0", "r-2", "r-4"]
    np.testing.assert_array_equal(part.spectra, whole.spectra[keep])
    np.testing.assert_array_equal(part.indexes["a"], whole.indexes["a"][keep])
    assert part.sha256 == ""
    assert part.name.endswith("(part)")
    # the null is of the method, not of the rows; the coarse rows are of these rows
    assert part.derived.null is whole.derived.null
    assert part.derived.coarse is None
    same = whole.subset(np.ones(N, bool))
    assert (same.sha256, same.name, same.derived) == (whole.sha256, whole.name, whole.derived)


def test_records_of_a_file_are_made_when_asked_for_and_kept():
    sequence, made = lazy()
    assert len(sequence) == N
    assert made == []
    assert sequence[3] is sequence[3] is sequence[-2]
    assert made == [3]
    assert sequence[1:3] == records()[1:3]
    assert sequence == records()
    with pytest.raises(IndexError, match="no record 5 of 5"):
        sequence[N]


def test_columns_and_ids_are_read_without_making_a_record():
    sequence, made = lazy()
    references = a_set(records=sequence)
    assert (references.column("material_class") == b"packaging").tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert references.ids.tolist() == [f"r-{i}".encode() for i in range(N)]
    part = references.subset(np.array([False, True, True, False, False]))
    assert part.ids.tolist() == [b"r-1", b"r-2"]
    assert made == []
    assert part.records[1].is_packaging
    assert made == [2]
    plain = a_set()
    np.testing.assert_array_equal(plain.column("material_class"), references.column("material_class"))


@given(
    st.lists(st.sampled_from(["", "sugar", "sugars", "ß-lactose", "z"]), min_size=1, max_size=8),
    st.sets(st.sampled_from(["sugar", "ß-lactose", "a", "zz", ""])),
)
def test_what_is_among_some_values(families, wanted):
    records = tuple(Reference(f"r{i}", "one", family=family or "none") for i, family in enumerate(families))
    shift = np.arange(64.0)
    references = ReferenceSet(records, shift, np.ones((len(records), 64), np.float32), name="made up")
    found = references.among("family", wanted)
    assert found.dtype == bool
    assert found.tolist() == [record.family in wanted for record in records]
