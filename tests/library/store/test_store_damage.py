"""A library file that was cut, altered, or made to deceive."""

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from spectriage.library.store import _layout
from spectriage.library.store.file import SCHEMA, read_library, read_natives, verify_library, write_library
from spectriage.spectra import Reference, ReferenceSet, Spectrum
from spectriage.spectra.derived import Coarse, Derived
from spectriage.spectra.errors import (
    AlteredLibraryError,
    ForeignFileError,
    LibraryError,
    NewerSchemaError,
    TruncatedLibraryError,
)

N, M = 4, 64


def library() -> ReferenceSet:
    rng = np.random.default_rng(3)
    spectra = rng.random((N, M)).astype(np.float32)
    return ReferenceSet(
        records=tuple(Reference(f"ref-{i}", f"substance {i}", excitation_nm=785.0) for i in range(N)),
        shift=200.0 + 2.0 * np.arange(M),
        spectra=spectra,
        name="whole",
        indexes={"deriv2": spectra.copy()},
        derived=Derived(coarse=Coarse(np.arange(9, dtype=np.uint16), "coarse-2")),
    )


def natives() -> dict[str, Spectrum]:
    shift = np.linspace(200, 2000, 100)
    return {f"ref-{i}": Spectrum(shift, np.cos(shift / (i + 9))) for i in range(N)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    write_library(path, library(), natives(), ["made"])
    return path


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "copy.h5"))


def assert_content(read: ReferenceSet) -> None:
    assert read.records == library().records
    np.testing.assert_array_equal(read.spectra, library().spectra)
    np.testing.assert_array_equal(read.indexes["deriv2"], library().indexes["deriv2"])


def verified(path: Path) -> ReferenceSet | LibraryError:
    try:
        return verify_library(path)
    except LibraryError as error:
        return error


def test_truncated_anywhere(whole, copy):
    content = whole.read_bytes()
    rng = np.random.default_rng(0)
    cuts = {*range(64), *rng.integers(64, len(content), 150).tolist(), len(content) - 1}
    for cut in cuts:
        copy.write_bytes(content[:cut])
        for verify in (True, False):
            with pytest.raises(TruncatedLibraryError):
                read_library(copy, verify=verify)


def test_bytes_after_the_end(whole, copy):
    copy.write_bytes(whole.read_bytes() + b"more")
    with pytest.raises(AlteredLibraryError, match="4 bytes after"):
        read_library(copy, verify=False)


@pytest.mark.parametrize("width", [1, 8])
def test_random_damage_is_found_or_touches_nothing(whole, copy, width):
    content = whole.read_bytes()
    rng = np.random.default_rng(width)
    found = 0
    for _ in range(300):
        damaged = bytearray(content)
        at = int(rng.integers(len(content) - width))
        if width == 1:
            damaged[at] ^= 1 << int(rng.integers(8))
        else:
            damaged[at : at + width] = rng.bytes(width)
        copy.write_bytes(damaged)
        outcome = verified(copy)
        if isinstance(outcome, ReferenceSet):
            # Only padding between the parts can change without being part of the content.
            assert_content(outcome)
            assert read_natives(copy) == natives()
        else:
            assert type(outcome) is not LibraryError
            assert str(copy) in str(outcome)
            found += 1
    assert found > 200


def offset_of(path: Path, name: str) -> int:
    with h5py.File(path) as file:
        return int(file[name].id.get_offset())


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_an_altered_spectrum_names_its_reference(copy):
    flip(copy, offset_of(copy, "spectra") + 2 * M * 4 + 17)
    with pytest.raises(AlteredLibraryError, match="'ref-2' does not match"):
        read_library(copy)
    assert len(read_library(copy, verify=False)) == N


@pytest.mark.parametrize("rows", [1, 3])
def test_a_library_is_checked_a_block_at_a_time(copy, monkeypatch, rows):
    """Larger than a block: the hash is the same, nothing is left out, and each block is let go of."""
    monkeypatch.setattr(_layout, "BLOCK_BYTES", rows * M * 4)
    released = []
    monkeypatch.setattr(_layout, "release_pages", lambda array: released.append(array))
    assert_content(read_library(copy))
    # spectra and search matrix, each once for its hash and once for its values
    assert len(released) >= 4 * -(-N // rows)
    for name in ("spectra", "index/deriv2"):
        start = offset_of(copy, name)
        for row in range(N):
            flip(copy, start + row * M * 4 + 3)
            with pytest.raises(AlteredLibraryError):
                read_library(copy)
            flip(copy, start + row * M * 4 + 3)
    assert_content(read_library(copy))


@pytest.mark.parametrize("rows", [1, 3])
def test_values_of_every_block_are_checked(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(_layout, "BLOCK_BYTES", rows * M * 4)
    for row in range(N):
        for where in ("spectra", "index"):
            made = library()
            matrix = made.spectra if where == "spectra" else made.indexes["deriv2"]
            matrix[row, 5] = np.inf
            with pytest.raises(LibraryError, match=r"infinite|not finite") as caught:
                write_library(tmp_path / "bad.h5", made)
            if where == "spectra":
                assert caught.value.where == f"ref-{row}"


def test_an_altered_name_names_its_reference(copy):
    content = copy.read_bytes()
    copy.write_bytes(content.replace(b"substance 1", b"substance 7"))
    assert copy.read_bytes() != content
    with pytest.raises(AlteredLibraryError, match="'ref-1' does not match"):
        read_library(copy)


def test_two_swapped_spectra_are_noticed(copy):
    with h5py.File(copy, "r+") as file:
        file["spectra"][...] = file["spectra"][()][[1, 0, 2, 3]]
    with pytest.raises(AlteredLibraryError, match="'ref-0'"):
        read_library(copy)


@pytest.mark.parametrize("name", ["grid", "index/deriv2", "derived/coarse/rows", "derived/coarse/about"])
def test_other_altered_parts(copy, name):
    flip(copy, offset_of(copy, name))
    with pytest.raises(AlteredLibraryError):
        read_library(copy)


def test_an_altered_native_spectrum_names_its_reference(copy):
    flip(copy, offset_of(copy, "native/ref-3") + 11)
    assert_content(read_library(copy))
    for reader in (read_natives, verify_library):
        with pytest.raises(AlteredLibraryError, match="'ref-3'"):
            reader(copy)


@pytest.mark.parametrize("name", ["name", "version", "generator", "history", "sha256"])
def test_altered_attributes(copy, name):
    with h5py.File(copy, "r+") as file:
        file.attrs.create(name, np.bytes_(b'["other"]'))
    with pytest.raises(AlteredLibraryError, match="library's hash"):
        read_library(copy)


def test_newer_schema(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["schema"] = np.int64(SCHEMA + 1)
        del file["grid"]
    with pytest.raises(NewerSchemaError, match=f"schema {SCHEMA + 1}"):
        read_library(copy)


@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
def test_foreign_hdf5(tmp_path, libver):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file["data"] = np.arange(5)
    with pytest.raises(ForeignFileError):
        read_library(path)


def replaced(name: str, **arguments: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **arguments)

    return change


def external_link(file: h5py.File) -> None:
    del file["spectra"]
    file["spectra"] = h5py.ExternalLink("/etc/passwd", "/spectra")


def soft_link(file: h5py.File) -> None:
    del file["spectra"]
    file["spectra"] = h5py.SoftLink("/index/deriv2")


def linked_group(file: h5py.File) -> None:
    file.move("index", "index2")
    file["index"] = h5py.SoftLink("/index2")


def virtual(file: h5py.File) -> None:
    del file["spectra"]
    layout = h5py.VirtualLayout((N, M), "<f4")
    layout[...] = h5py.VirtualSource("other.h5", "spectra", (N, M))
    file.create_virtual_dataset("spectra", layout)


def stored_elsewhere(file: h5py.File) -> None:
    del file["spectra"]
    file.create_dataset("spectra", (N, M), "<f4", external=[("/etc/passwd", 0, N * M * 4)])


def references(file: h5py.File) -> None:
    del file["references"]
    file.create_dataset("references", data=np.array([file.ref] * N, h5py.ref_dtype))


def text_of_any_length(file: h5py.File) -> None:
    file.attrs["name"] = "any length"


def hidden(file: h5py.File) -> None:
    file["more"] = np.arange(3)


def extra_attribute(file: h5py.File) -> None:
    file.attrs["more"] = np.int64(3)


def group_for_dataset(file: h5py.File) -> None:
    del file["grid"]
    file.create_group("grid")


def dataset_for_group(file: h5py.File) -> None:
    del file["index"]
    file["index"] = np.arange(3)


def missing(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def column(name: str, value: bytes) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        table = file["references"][()]
        table[name] = value
        file["references"][...] = table

    return change


LINKS = [external_link, soft_link, linked_group, virtual, stored_elsewhere, references, text_of_any_length]
SHAPES = [
    replaced("spectra", data=np.zeros((N, M), np.float32), chunks=(2, 8), compression="gzip"),
    replaced("spectra", shape=(N, M), dtype="<f4", chunks=(1, M)),
    replaced("spectra", shape=(2**40, 2**20), dtype="<f4"),
    replaced("spectra", shape=(2**40, 2**20), dtype="<f4", chunks=(1024, 1024)),
    replaced("spectra", data=np.zeros((N, M))),
    replaced("spectra", data=np.zeros((N, M), ">f4")),
    replaced("spectra", data=np.zeros((N + 1, M), np.float32)),
    replaced("spectra", data=np.zeros((N, M, 1), np.float32)),
    replaced("spectra", data=np.zeros((0, M), np.float32)),
    replaced("index/deriv2", data=np.zeros((N, M - 1), np.float32)),
    replaced("index/deriv2", data=np.zeros((N, M), np.int32)),
    replaced("grid", data=np.zeros(M)),
    replaced("grid", data=np.full(M, np.nan)),
    replaced("grid", data=np.arange(M, dtype=np.int64)),
    replaced("derived/coarse/about", data=np.frombuffer(b"[" * 100_000, np.uint8)),
    replaced("derived/coarse/rows", data=np.array([b"text"])),
    replaced("derived/coarse/rows", data=np.arange(9, dtype=">u2")),
    replaced("derived/coarse/rows", data=np.arange(9, dtype=np.float16)),
    replaced("references", data=np.arange(N)),
    *(
        missing(name)
        for name in ("grid", "spectra", "references", "index", "derived", "native", "derived/coarse/about")
    ),
    column("tier", b"proven"),
    column("hazard", b"??"),
    column("id", b"../../up"),
    column("id", b"ref-1"),
    column("substance", b"\xff\xfe"),
    hidden,
    extra_attribute,
    group_for_dataset,
    dataset_for_group,
]


@pytest.mark.parametrize("change", [*LINKS, *SHAPES])
@pytest.mark.parametrize("verify", [True, False])
def test_hostile_files_are_refused(copy, change, verify):
    with h5py.File(copy, "r+", libver=("v108", "v110")) as file:
        change(file)
    with pytest.raises((AlteredLibraryError, ForeignFileError)) as caught:
        read_library(copy, verify=verify)
    assert str(copy) in str(caught.value)
    if change in LINKS:
        assert isinstance(caught.value, ForeignFileError)


def test_a_deceiver_with_agreeing_hashes_is_found(tmp_path, monkeypatch):
    from spectriage.library.store import file as store

    spectra = library().spectra.copy()
    spectra[1, 5] = np.inf
    made = library()
    bad = ReferenceSet(made.records, made.shift, spectra, name="bad")
    monkeypatch.setattr(store, "check_writable", lambda *args: None)
    write_library(tmp_path / "bad.h5", bad)
    with pytest.raises(AlteredLibraryError, match="infinite"):
        read_library(tmp_path / "bad.h5")


def test_native_links_are_refused(copy):
    with h5py.File(copy, "r+") as file:
        del file["native/ref-1"]
        file["native/ref-1"] = h5py.ExternalLink("/etc/passwd", "/x")
    for ids in (None, ["ref-1"]):
        with pytest.raises(ForeignFileError, match="link"):
            read_natives(copy, ids)


def test_natives_without_a_record_are_found(copy):
    with h5py.File(copy, "r+") as file:
        file["native/extra"] = np.zeros((2, 9))
    with pytest.raises(AlteredLibraryError, match="not those of the references"):
        verify_library(copy)
