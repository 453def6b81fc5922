"""Inputs of a batch: tables, stores and URLs give the spectra that were put in, or a typed error."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.library.inputs import Item, Kind, Reader, batch_items
from spectriage.library.inputs import table as tables
from spectriage.spectra.errors import FormatError, ParameterError, SpectrumError
from spectriage.spectra.formats import read_spectra, write_nexus
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
fsspec = pytest.importorskip("fsspec")

SHIFT = 200.0 + 2.0 * np.arange(64)


def counts(rows, seed=0):
    return np.random.default_rng(seed).uniform(10, 1000, (rows, SHIFT.size))


def write_table(path, values, group=4, **columns):
    rows = {"shift_cm": [SHIFT] * len(values), "intensity": list(values), **columns}
    pq.write_table(pa.table(rows), path, row_group_size=group)


def test_a_table(tmp_path):
    values = counts(10)
    write_table(
        tmp_path / "t.parquet",
        values,
        id=[f"row {i}" for i in range(9)] + [None],
        excitation_nm=[785.0] * 9 + [None],
        instrument=["one", None] * 5,
        technique=["normal", "sers"] * 5,
        colour=["red"] * 10,
    )
    items = list(batch_items(tmp_path / "t.parquet"))
    assert [item.name for item in items] == [*(f"row {i}" for i in range(9)), "9"]
    reader = Reader()
    for i in (3, 0, 9, 4):
        (spectrum,) = reader.spectra(items[i]).values()
        np.testing.assert_array_equal(spectrum.intensity, values[i])
        np.testing.assert_array_equal(spectrum.shift, SHIFT)
        assert spectrum.excitation_nm == (785.0 if i < 9 else None)
        assert spectrum.metadata.get("instrument") == ("one" if i % 2 == 0 else None)
        assert spectrum.technique is (Technique.SERS if i % 2 else Technique.NORMAL)
    digests = [reader.digest(item) for item in items]
    assert len(set(digests)) == 10
    # the hash is of the values, not of how they are packed
    write_table(
        tmp_path / "u.parquet",
        values.astype(np.float64),
        group=10,
        excitation_nm=[785.0] * 9 + [None],
        instrument=["one", None] * 5,
        technique=["normal", "sers"] * 5,
    )
    assert [reader.digest(item) for item in batch_items(tmp_path / "u.parquet")] == digests


def test_rows_that_are_no_spectra(tmp_path):
    rows = [SHIFT, SHIFT[:5], None, SHIFT, SHIFT, SHIFT[::-1]]
    values = [None, [1.0] * 5, [1.0] * 64, [1.0, None] * 32, [1.0] * 63, [1.0] * 64]
    table = pa.table(
        {
            "shift_cm": pa.array([None if r is None else list(r) for r in rows], pa.list_(pa.float64())),
            "intensity": pa.array(values, pa.list_(pa.float32())),
            "technique": [None] * 5 + ["normal"],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    reader = Reader()
    items = list(batch_items(tmp_path / "t.parquet"))
    for item in items:
        with pytest.raises(SpectrumError):
            reader.spectra(item)
    assert len({reader.digest(item) for item in items}) == len(items)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"shift_cm": [[1.0]]}, "no column intensity"),
        ({"intensity": [[1.0]]}, "no column shift_cm"),
        ({"shift_cm": [1.0], "intensity": [[1.0]]}, "shift_cm is of type double"),
        ({"shift_cm": [["1"]], "intensity": [[1.0]]}, "shift_cm is of type list"),
        ({"shift_cm": [[1.0]], "intensity": [[1.0]], "id": [[1]]}, "id is of type"),
        ({"shift_cm": [[1.0]], "intensity": [[1.0]], "technique": [1]}, "technique is of type"),
        ({"shift_cm": [[1.0]], "intensity": [[1.0]], "excitation_nm": ["785"]}, "excitation_nm is of type"),
    ],
)
def test_refuses_what_is_no_table_of_spectra(tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(FormatError, match=message):
        list(batch_items(tmp_path / "t.parquet"))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_table_is_a_typed_error_or_its_rows(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "t.parquet"
    write_table(path, counts(6), id=list("abcdef"))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(5, len(content)))])
    reader = Reader()
    try:
        items = list(batch_items(path))
    except (FormatError, ParameterError):
        return
    for item in items:
        reader.digest(item)
        with suppress(FormatError, SpectrumError, OSError, ValueError):
            reader.spectra(item)


def test_a_row_group_too_large_is_refused(tmp_path, monkeypatch):
    write_table(tmp_path / "t.parquet", counts(6))
    monkeypatch.setattr(tables, "MAX_GROUP_BYTES", 100)
    (item, *_) = batch_items(tmp_path / "t.parquet")
    with pytest.raises(FormatError, match="row group 0 has"):
        Reader().spectra(item)


def test_threads_may_use_one_reader(tmp_path, monkeypatch):
    """While one thread reads a row group another reads a row of the group before."""
    values = counts(8)
    write_table(tmp_path / "t.parquet", values)
    items = list(batch_items(tmp_path / "t.parquet"))
    reader, real, others = Reader(), tables._opened, []

    def intensity(place):
        (spectrum,) = reader.spectra(items[place]).values()
        return spectrum.intensity

    def opened(path):
        if threading.current_thread() is threading.main_thread():
            others.append(pool.submit(intensity, 1))
            others[-1].exception()
        return real(path)

    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(intensity(0), values[0])
        monkeypatch.setattr(tables, "_opened", opened)
        np.testing.assert_array_equal(intensity(5), values[5])
    np.testing.assert_array_equal([other.result() for other in others], [values[1]])


def test_tables_in_a_folder_give_their_rows(tmp_path):
    write_table(tmp_path / "b.parquet", counts(2), id=["x", "y"])
    (tmp_path / "c.parquet").write_bytes(b"no table")
    (tmp_path / "a.csv").write_text("1,2\n")
    items = list(batch_items(tmp_path))
    assert [item.name for item in items] == ["a.csv", "b.parquet#x", "b.parquet#y", "c.parquet"]
    with pytest.raises(FormatError, match="cannot be read"):
        Reader().spectra(items[-1])
    assert len(Reader().digest(items[-1])) == 64


def write_store(path, values, shape=None, unit="1/cm", first="scan"):
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default="data")
        entry["definition"] = "NXraman"
        beam = entry.create_group("instrument/beam")
        beam.attrs["NX_class"] = "NXbeam"
        beam["wavelength"] = 785.0
        beam["wavelength"].attrs["units"] = "nm"
        data = entry.create_group("data")
        axes = [first, "shift"] if shape is None else ["y", "x", "shift"]
        data.attrs.update(NX_class="NXdata", signal="counts", axes=axes)
        whole = values if shape is None else values.reshape(*shape, -1)
        data.create_dataset("counts", data=whole, chunks=True, compression="gzip")
        data["shift"] = SHIFT
        data["shift"].attrs.update(units=unit, long_name="Raman shift")
    return path


def test_a_store_whose_spectra_have_no_axis_of_their_own(tmp_path):
    values = counts(5).astype(np.float32)
    path = write_store(tmp_path / "s.h5", values, first=".")
    items = list(batch_items(path))
    reader = Reader()
    found = [reader.spectra(item)[""] for item in items]
    for one, other, own in zip(found, read_spectra(path).values(), values, strict=True):
        np.testing.assert_array_equal(one.intensity, own)
        np.testing.assert_array_equal(one.intensity, other.intensity)
        np.testing.assert_array_equal(one.shift, other.shift)


@pytest.mark.parametrize("shape", [None, (3, 4)])
def test_a_store_gives_what_the_reader_of_files_gives(tmp_path, shape):
    values = counts(12).astype(np.float32)
    path = write_store(tmp_path / "s.h5", values, shape)
    items = list(batch_items(path))
    assert [item.name for item in items] == [str(i + 1) for i in range(12)]
    assert {item.kind for item in items} == {Kind.STORE}
    expected = list(read_spectra(path).values())
    reader = Reader()
    for i in (5, 0, 11, 6):
        (spectrum,) = reader.spectra(items[i]).values()
        np.testing.assert_array_equal(spectrum.intensity, expected[i].intensity)
        np.testing.assert_array_equal(spectrum.shift, expected[i].shift)
        assert spectrum.excitation_nm == expected[i].excitation_nm == 785.0
    assert len({reader.digest(item) for item in items}) == 12


def test_a_store_that_is_none(tmp_path):
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file["values"] = np.arange(5)
    with pytest.raises(Exception, match=r"format|library|Spectriage"):
        list(batch_items(tmp_path / "n.h5"))
    path = write_store(tmp_path / "s.h5", counts(3))
    with h5py.File(path, "a") as file:
        del file["entry/data/counts"]
        file["entry/data/counts"] = h5py.ExternalLink("elsewhere.h5", "/x")
    with pytest.raises(FormatError, match="no store"):
        list(batch_items(path))
    path = write_store(tmp_path / "f.h5", np.where(np.eye(3, 64) > 0, np.nan, counts(3)))
    items = list(batch_items(path))
    with pytest.raises(FormatError, match="not finite"):
        Reader().spectra(items[0])


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def put(system, folder, to):
    for path in folder.rglob("*"):
        if path.is_file():
            system.pipe_file(f"{to}/{path.relative_to(folder)}", path.read_bytes())


def test_the_same_inputs_at_a_url(tmp_path, memory):
    (tmp_path / "deep").mkdir()
    for name, seed in (("b.csv", 1), ("deep/a.csv", 2), (".hidden", 3)):
        rows = "\n".join(f"{x},{y:.2f}" for x, y in zip(SHIFT, counts(1, seed)[0], strict=True))
        (tmp_path / name).write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    (tmp_path / "bad.txt").write_text("nothing")
    (tmp_path / "empty.csv").write_bytes(b"")
    write_table(tmp_path / "t.parquet", counts(3))
    write_nexus(Spectrum(SHIFT, counts(1)[0], excitation_nm=785.0), tmp_path / "z.nxs")
    put(memory, tmp_path, "/in")
    here, there = list(batch_items(tmp_path)), list(batch_items("memory://in"))
    assert [item.name for item in here] == [item.name for item in there]
    assert [item.kind for item in here] == [item.kind for item in there]
    assert list(batch_items(f"file://{tmp_path}")) == here
    reader, remote = Reader(), Reader()
    remote.look_ahead(there)
    for ours, theirs in zip(here, there, strict=True):
        assert reader.digest(ours) == remote.digest(theirs), ours
        try:
            expected = reader.spectra(ours)
        except FormatError as error:
            with pytest.raises(FormatError) as found:
                remote.spectra(theirs)
            assert found.value.what.replace(theirs.path, ours.path) == error.what  # noqa: PT017
            assert theirs.path in found.value.where
        else:
            assert remote.spectra(theirs) == expected


def test_stores_and_manifests_at_a_url(tmp_path, memory):
    memory.pipe_file("/in/s.h5", write_store(tmp_path / "s.h5", counts(5)).read_bytes())
    assert [item.name for item in batch_items("memory://in/s.h5")] == list("12345")
    (item, *_) = batch_items("memory://in/s.h5")
    (spectrum,) = Reader().spectra(item).values()
    np.testing.assert_array_equal(spectrum.intensity, counts(5)[0])
    memory.pipe_file("/in/m.csv", b"path,which\nscans/a.csv,\nmemory://else/b.csv,two\n")
    assert list(batch_items("memory://in/m.csv")) == [
        Item("scans/a.csv", "memory://in/scans/a.csv"),
        Item("memory://else/b.csv#two", "memory://else/b.csv", "two"),
    ]


@pytest.mark.parametrize("url", ["nosuch://a/b", "memory://nothing/there"])
def test_a_url_that_is_nothing(url, memory):
    with pytest.raises((FormatError, ParameterError)):
        list(batch_items(url))


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    import sys

    write_table(tmp_path / "t.parquet", counts(1))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ParameterError, match=r"pip install 'spectriage\[cluster\]'"):
        list(batch_items(tmp_path / "t.parquet"))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ParameterError, match=r"pip install 'spectriage\[cluster\]'"):
        list(batch_items("s3://bucket/in"))
