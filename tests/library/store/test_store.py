"""The library file: what goes in comes out, whole or not at all, and mapped."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spectriage.library.files import atomic
from spectriage.library.store import file as store
from spectriage.library.store.file import (
    content_sha256,
    read_library,
    read_natives,
    verify_library,
    write_library,
)
from spectriage.spectra import Hazard, Reference, ReferenceSet, Spectrum, Tier
from spectriage.spectra.derived import Coarse, Derived, NullScores, Projection
from spectriage.spectra.errors import ForeignFileError, LibraryError, ParameterError, SpectriageError

WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\xa0"), max_size=12)
TEXT = WORDS.filter(str.isprintable)
IDS = st.from_regex(r"[a-z0-9]{1,5}(-[a-z0-9]{1,3}){0,2}", fullmatch=True)
KEYS = st.lists(TEXT.filter(lambda key: key not in ("", ".") and "/" not in key), max_size=2, unique=True)
NUMBER = st.none() | st.floats(-1e6, 1e6)


@st.composite
def records(draw, identity):
    return Reference(
        id=identity,
        substance=draw(TEXT.filter(bool)),
        form=draw(TEXT),
        family=draw(TEXT.filter(bool)),
        material_class=draw(TEXT),
        hazard=draw(st.sampled_from(Hazard)),
        tier=draw(st.sampled_from(Tier)),
        cas=draw(TEXT),
        source=draw(TEXT),
        licence=draw(TEXT),
        excitation_nm=draw(NUMBER),
        resolution_cm=draw(NUMBER),
        valid_low_cm=draw(NUMBER),
        valid_high_cm=draw(NUMBER),
    )


def coarse(rows: np.ndarray, method: str = "a") -> Derived:
    return Derived(coarse=Coarse(rows, method))


@st.composite
def derived(draw):
    """What a library may derive; the arrays need not fit each other to be kept."""

    def array(kind):
        return np.nan_to_num(draw(hnp.arrays(kind, hnp.array_shapes(max_dims=3, max_side=4))))

    null = NullScores(*(array(np.float64) for _ in range(5)), draw(TEXT), draw(st.integers(0, 9)))
    kinds = (np.float64, np.int8, np.int8, np.float32, np.float32)
    return Derived(
        draw(st.sampled_from([None, null])),
        draw(st.sampled_from([None, Coarse(array(np.uint16), draw(TEXT))])),
        {key: Projection(*(array(kind) for kind in kinds)) for key in draw(KEYS)},
    )


@st.composite
def libraries(draw):
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    m = draw(st.integers(2, 40))
    shape = (len(ids), m)
    cells = st.floats(width=32, allow_infinity=False)
    spectra = draw(hnp.arrays(np.float32, shape, elements=cells))
    spectra[np.isnan(spectra).all(axis=1)] = 0.0
    finite = st.floats(width=32, allow_infinity=False, allow_nan=False)
    return ReferenceSet(
        records=tuple(draw(records(identity)) for identity in ids),
        shift=draw(st.floats(-100, 500)) + draw(st.floats(0.5, 10)) * np.arange(m),
        spectra=spectra,
        name=draw(TEXT),
        version=draw(TEXT),
        indexes={key: draw(hnp.arrays(np.float32, shape, elements=finite)) for key in draw(KEYS)},
        derived=draw(derived()),
    )


@st.composite
def native_spectra(draw):
    n = draw(st.integers(8, 30))
    floats = st.floats(allow_nan=False, allow_infinity=False)
    shift = np.sort(draw(hnp.arrays(np.float64, n, elements=st.floats(0, 4000), unique=True)))
    return Spectrum(
        shift,
        draw(hnp.arrays(np.float64, n, elements=floats)),
        draw(st.none() | hnp.arrays(np.float64, n, elements=st.floats(0, 1e9))),
        excitation_nm=draw(st.none() | st.just(785.0)),
        metadata=draw(st.dictionaries(TEXT, TEXT | st.integers() | st.booleans(), max_size=3)),
        history=tuple(draw(st.lists(TEXT, max_size=2))),
    )


def assert_same(read: ReferenceSet, written: ReferenceSet) -> None:
    assert read.records == written.records
    assert (read.name, read.version) == (written.name, written.version)
    np.testing.assert_array_equal(read.shift, written.shift)
    np.testing.assert_array_equal(read.spectra, written.spectra)
    assert set(read.indexes) == set(written.indexes)
    for key, matrix in written.indexes.items():
        np.testing.assert_array_equal(read.indexes[key], matrix)
    assert_same_derived(read.derived, written.derived)


def assert_same_derived(read: Derived, written: Derived) -> None:
    assert set(read.projections) == set(written.projections)
    pairs = [(read.projections[key], projection) for key, projection in written.projections.items()]
    for found, kept in [(read.null, written.null), (read.coarse, written.coarse), *pairs]:
        assert type(found) is type(kept)
        for name, value in ({} if kept is None else vars(kept)).items():
            if isinstance(value, np.ndarray):
                assert getattr(found, name).dtype == value.dtype
            np.testing.assert_array_equal(getattr(found, name), value)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data(), library=libraries())
def test_what_goes_in_comes_out(tmp_path_factory, data, library):
    path = tmp_path_factory.mktemp("library") / "a.h5"
    chosen = data.draw(st.sets(st.sampled_from([record.id for record in library.records])))
    natives = {name: data.draw(native_spectra()) for name in sorted(chosen)}
    history = data.draw(st.lists(TEXT, max_size=2))
    sha = write_library(path, library, natives, history)
    read = verify_library(path)
    assert_same(read, library)
    assert read.sha256 == sha == content_sha256(library, natives, history)
    assert read.attributes["history"] == tuple(history)
    assert read.attributes["native_ids"] == chosen
    assert read_natives(path) == natives
    assert_same(read_library(path, verify=False), library)


def small(n: int = 4, m: int = 64, **changes: object) -> ReferenceSet:
    rng = np.random.default_rng(7)
    spectra = rng.random((n, m)).astype(np.float32)
    spectra[0, :5] = np.nan
    index = np.nan_to_num(spectra)
    made = ReferenceSet(
        records=tuple(Reference(f"ref-{i}", f"substance {i}") for i in range(n)),
        shift=200.0 + 2.0 * np.arange(m),
        spectra=spectra,
        name="small",
        indexes={"deriv2": index, "hqi": index * 2},
    )
    return replace(made, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "library.h5"
    write_library(file, small(), history=["first"])
    return file


def test_arrays_are_mapped_aligned_and_read_only(path):
    read = read_library(path)
    size = path.stat().st_size
    for array in (read.spectra, *read.indexes.values()):
        assert not array.flags.writeable
        assert not array.flags.owndata
        assert array.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    base = read.spectra
    while isinstance(base, np.ndarray):
        base = base.base
    assert len(memoryview(base).obj) == size


def test_the_map_is_at_the_place_that_hdf5_says(path):
    with h5py.File(path) as file:
        offset = file["index/deriv2"].id.get_offset()
        whole = file["index/deriv2"][()]
    mapped = np.memmap(path, np.float32, "r", offset, whole.shape)
    np.testing.assert_array_equal(mapped, whole)
    np.testing.assert_array_equal(read_library(path).indexes["deriv2"], whole)


def test_any_hdf5_reader_understands_the_file(path):
    with h5py.File(path) as file:
        assert set(file) == {"grid", "index", "native", "derived", "references", "spectra"}
        assert file.attrs["schema"] == 2
        table = file["references"][()]
        assert table["substance"].tolist() == [b"substance 0", b"substance 1", b"substance 2", b"substance 3"]
        assert np.isnan(table["excitation_nm"]).all()
        np.testing.assert_array_equal(file["spectra"][()], small().spectra)


def test_a_mapped_library_outlives_its_replacement(path):
    old = read_library(path)
    before = old.spectra.copy()
    write_library(path, small(6), overwrite=True)
    np.testing.assert_array_equal(old.spectra, before)
    assert len(read_library(path)) == 6


def test_equal_content_gives_equal_bytes(path, tmp_path):
    write_library(tmp_path / "again.h5", small(), history=["first"])
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_the_hash_depends_on_every_part():
    base = content_sha256(small())
    records = small().records
    renamed = (replace(records[0], form="HCl"), *records[1:])
    swapped = (records[1], records[0], *records[2:])
    spectrum = Spectrum(np.arange(10.0), np.arange(10.0))
    others = [
        content_sha256(small(name="other")),
        content_sha256(small(version="2")),
        content_sha256(small(records=renamed)),
        content_sha256(small(records=swapped)),
        content_sha256(small(shift=300.0 + np.arange(64))),
        content_sha256(small(spectra=small().spectra * 2)),
        content_sha256(small(indexes={"deriv2": small().indexes["hqi"]})),
        content_sha256(small(derived=coarse(np.ones((4, 16), np.uint16)))),
        content_sha256(small(derived=coarse(np.zeros((4, 16), np.uint16)))),
        content_sha256(small(derived=coarse(np.ones((4, 16), np.uint16), "other"))),
        content_sha256(small(), history=["step"]),
        content_sha256(small(), {"ref-0": spectrum}),
        content_sha256(small(), {"ref-1": spectrum}),
    ]
    assert len({base, *others}) == len(others) + 1


def test_an_existing_file_is_kept_unless_asked(path):
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="exists"):
        write_library(path, small(5))
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    write = store._write_hdf5

    def rival(*args):
        write(*args)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(store, "_write_hdf5", rival)
    with pytest.raises(LibraryError, match="exists"):
        write_library(path, small())
    assert path.read_bytes() == b"theirs"
    assert [item.name for item in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("unable to flush")])
def test_a_failure_while_writing_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(self, name, *args, **kwargs):
        if name == "spectra":
            raise error
        return create(self, name, *args, **kwargs)

    create = h5py.Group.create_dataset
    monkeypatch.setattr(h5py.Group, "create_dataset", fail)
    with pytest.raises(LibraryError, match=r"cannot be written: .*(No space|flush)"):
        write_library(tmp_path / "a.h5", small())
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing_and_the_old_file(path, monkeypatch):
    def interrupt(handle):
        raise KeyboardInterrupt

    before = path.read_bytes()
    monkeypatch.setattr(atomic.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_library(path, small(5), overwrite=True)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_killed_writer_leaves_the_old_file_whole(path):
    code = textwrap.dedent(
        f"""
        import os, signal, sys
        import h5py
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_store import small, write_library
        create = h5py.Group.create_dataset
        def die(self, name, *args, **kwargs):
            made = create(self, name, *args, **kwargs)
            if name == "hqi":
                self.file.flush()
                print(sum(item.stat().st_size for item in path.parent.glob(".*.tmp")), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            return made
        h5py.Group.create_dataset = die
        from pathlib import Path
        path = Path({str(path)!r})
        write_library(path, small(50), overwrite=True)
        """
    )
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert int(done.stdout) > 1000
    assert path.read_bytes() == before
    assert len(verify_library(path)) == 4


def test_where_it_cannot_be_written(tmp_path):
    for bad in (tmp_path, tmp_path / "no" / "a.h5", tmp_path / ("a" * 300)):
        with pytest.raises(LibraryError):
            write_library(bad, small())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LibraryError, match="Permission"):
        write_library(tmp_path / "a.h5", small())


INF = np.where(np.arange(64) == 3, np.inf, 1.0).astype(np.float32) * np.ones((4, 1), np.float32)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"records": (), "spectra": np.zeros((0, 64), np.float32)}, "no references"),
        ({"spectra": INF}, "infinite"),
        ({"spectra": np.full((4, 64), np.nan, np.float32)}, "nowhere"),
        ({"spectra": np.ones((4, 64))}, "not float32"),
        ({"shift": np.arange(64.0)[::-1]}, "ascending"),
        ({"shift": np.arange(64.0) ** 2}, "evenly"),
        ({"shift": np.full(64, np.nan)}, "ascending"),
        ({"indexes": {"a": np.ones((4, 63), np.float32)}}, "index 'a'"),
        ({"indexes": {"a": np.full((4, 64), np.nan, np.float32)}}, "not finite"),
        ({"indexes": {"a/b": np.ones((4, 64), np.float32)}}, "cannot name"),
        ({"name": "two\nlines"}, "control"),
        ({"derived": coarse(np.array(["y"]))}, "plain numbers"),
        ({"derived": coarse(np.ones(3, ">u2"))}, "plain numbers"),
        ({"derived": coarse(np.ones((0, 3), np.uint16))}, "plain numbers"),
    ],
)
def test_what_is_not_a_library_is_not_written(tmp_path, changes, says):
    with pytest.raises(LibraryError, match=says):
        write_library(tmp_path / "a.h5", small(**changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "Upper"},
        {"id": "../up"},
        {"id": ""},
        {"substance": ""},
        {"form": "a\x00b"},
        {"source": "lone \ud800"},
        {"excitation_nm": float("nan")},
    ],
)
def test_a_record_that_cannot_be_kept_is_named(tmp_path, changes):
    records = small().records
    with pytest.raises(LibraryError):
        write_library(tmp_path / "a.h5", small(records=(replace(records[0], **changes), *records[1:])))
    assert list(tmp_path.iterdir()) == []


def test_natives(tmp_path):
    path = tmp_path / "a.h5"
    shift = np.linspace(100, 3000, 3001)
    native = Spectrum(shift, np.sin(shift), metadata={"note": "x" * 100_000}, resolution_cm=4.0)
    write_library(path, small(), {"ref-2": native})
    assert read_natives(path, ["ref-2"]) == {"ref-2": native}
    assert read_natives(path, ["ref-1"]) == {}
    with pytest.raises(ParameterError, match="no reference"):
        read_natives(path, ["ref-9"])
    with pytest.raises(LibraryError, match="without a reference"):
        write_library(tmp_path / "b.h5", small(), {"other": native})


@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"%PDF-1.7\n", b"1,2\n3,4\n", bytes(4096)])
def test_files_that_are_something_else(tmp_path, content):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    for reader in (read_library, read_natives, verify_library):
        with pytest.raises(SpectriageError) as caught:
            reader(path)
        assert str(path) in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(LibraryError, match="cannot be opened"):
        read_library(tmp_path / "absent.h5")
    with pytest.raises(ForeignFileError, match="a folder"):
        read_library(tmp_path)
