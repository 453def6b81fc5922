"""The library file: one immutable, self-describing HDF5 file of references, spectra and search matrices.

Layout (schema 2; little-endian, every dataset contiguous and unfiltered, aligned to 64 bytes)::

    /                 attributes: format, schema, name, version, generator, history (JSON), sha256
    /grid             float64 [m]    the shift axis, cm⁻¹
    /references       compound [n]   the records, each with its hash and that of its native spectrum
    /spectra          float32 [n, m] NaN where not measured
    /native/ID        float64 [2|3, k]  shift, intensity (, variance) as imported; attribute `about` (JSON)
    /native/sha256:H  uint8 [k]      a file that natives were read from, byte for byte, by its SHA-256
    /index/KEY        float32 [n, m] search matrix, keyed by its preprocessing
    /derived/null, /derived/coarse, /derived/projection KEY
                      what is made of them once: numeric arrays by name, and what is known of them in
                      `about` as JSON text

A record's hash covers its fields, its spectrum and the hash of its native spectrum, so that a name cannot
drift from its spectrum. The content hash covers everything; it is the library's identity in results, the
same for equal content whatever version of HDF5 wrote it. Files of schema 1, which kept what is derived under
/null by other names, are still read, and checked as they were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.files.atomic import replacing
from spectriage.library.signing.trust import Trust
from spectriage.library.store._derived import (
    PLAIN_NUMBERS,
    Part,
    check_parts,
    derived_from,
    derived_from_schema_1,
    parts_of,
)
from spectriage.library.store._hdf5 import GuardedFile, open_guarded
from spectriage.library.store._head import read_head, read_table
from spectriage.library.store._layout import (
    ALIGNMENT,
    DERIVED_GROUP,
    FORMAT,
    KEY_PATTERN,
    NUMBER_FIELDS,
    SCHEMA,
    TEXT_FIELDS,
    blocks,
    canonical,
    check_arrays,
    check_grid,
    check_record,
    check_writable,
    content_sha,
    engine_version,
    record_fields,
    record_sha,
    record_table,
)
from spectriage.library.store._records import native_names, read_records
from spectriage.library.store.gathered_natives import hash_of_native, named_originals, stored_native
from spectriage.library.store.held import HeldFile
from spectriage.library.store.natives import (
    ORIGINAL_PREFIX,
    each_native,
    original_sha,
    read_natives,
    read_originals,
)
from spectriage.library.store.opening import hold_library
from spectriage.spectra.errors import (
    AlteredLibraryError,
)
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.spectrum import Spectrum

__all__ = [
    "NUMBER_FIELDS",
    "SCHEMA",
    "TEXT_FIELDS",
    "content_sha256",
    "engine_version",
    "hold_library",
    "read_library",
    "read_natives",
    "read_originals",
    "record_values",
    "verify_library",
    "write_library",
]


def _seal(
    references: ReferenceSet, natives: Mapping[str, Spectrum], history: Sequence[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Hash everything; return the attributes and the hashes of each record."""
    native_shas = [hash_of_native(natives, record.id) for record in references.records]
    rows = (np.ascontiguousarray(row) for block in blocks(references.spectra) for row in block)
    record_shas = [
        record_sha(record, row, native)
        for record, row, native in zip(references.records, rows, native_shas, strict=True)
    ]
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "name": references.name,
        "version": references.version,
        "generator": f"spectriage {engine_version()}",
        "history": list(history),
    }
    head["sha256"] = content_sha(
        head, references, parts_of(references.derived), (sha.encode() for sha in record_shas)
    )
    return head, list(zip(native_shas, record_shas, strict=True))


def write_library(
    path: Path | str,
    references: ReferenceSet,
    natives: Mapping[str, Spectrum] | None = None,
    history: Sequence[str] = (),
    *,
    overwrite: bool = False,
    originals: Mapping[str, bytes] | None = None,
) -> str:
    """Write a library file, whole or not at all; matrices and natives go through a part at a time.

    Parameters
    ----------
    path
        The file to make; its folder must exist.
    references
        n references, with the indexes and what is derived to keep.
    natives
        Spectra as imported, by reference id.
    history
        How the library came to be, oldest first.
    overwrite
        Replace an existing file.
    originals
        The files that natives were read from, by SHA-256: those that a native names in its metadata, under
        ``original``, are kept.

    Returns
    -------
    str
        The content hash, hexadecimal SHA-256.

    Raises
    ------
    LibraryError
        When a record or array is not acceptable, the file exists or cannot be written.
    """
    path = Path(path)
    natives = {} if natives is None else natives
    check_writable(references, natives, history)
    head, hashes = _seal(references, natives, history)
    with replacing(path, overwrite) as temporary:
        named = named_originals(natives, originals or {})
        files = ((sha256, (originals or {})[sha256]) for sha256 in named)
        _write_hdf5(temporary, references, record_table(references.records, hashes), natives, head, files)
    return str(head["sha256"])


def content_sha256(
    references: ReferenceSet,
    natives: Mapping[str, Spectrum] | None = None,
    history: Sequence[str] = (),
) -> str:
    """Return the content hash that a file of the same content has, without writing one."""
    return str(_seal(references, {} if natives is None else natives, history)[0]["sha256"])


def record_values(record: Reference) -> dict[str, Any]:
    """Return a record under the names of the file's columns."""
    return record_fields(record)


def _write_hdf5(
    path: Path,
    references: ReferenceSet,
    table: NDArray[Any],
    natives: Mapping[str, Spectrum],
    head: Mapping[str, Any],
    originals: Iterable[tuple[str, bytes]],
) -> None:
    import h5py

    # These bounds give checksummed metadata; the alignment gives the mapped arrays to SIMD loads.
    with h5py.File(
        path, "x", libver=("v108", "v108"), alignment_threshold=1, alignment_interval=ALIGNMENT
    ) as file:
        for name in ("format", "name", "version", "generator", "sha256"):
            file.attrs.create(name, np.bytes_(FORMAT if name == "format" else head[name].encode("utf-8")))
        file.attrs["schema"] = np.int64(head["schema"])
        file.attrs.create("history", np.bytes_(canonical(head["history"])))
        file.create_dataset("grid", data=references.shift.astype("<f8"))
        file.create_dataset("references", data=table)
        _write_array(file, "spectra", references.spectra.astype("<f4", copy=False))
        native_group = file.create_group("native")
        for name in sorted(natives):
            about, array = stored_native(natives, name)
            native_group.create_dataset(name, data=array).attrs.create("about", np.bytes_(about))
        for sha256, content in originals:
            data = np.frombuffer(content, np.uint8)
            native_group.create_dataset(f"{ORIGINAL_PREFIX}{sha256}", data=data)
        index_group = file.create_group("index")
        for key, matrix in sorted(references.indexes.items()):
            _write_array(index_group, key, matrix)
        derived_group = file.create_group(DERIVED_GROUP[SCHEMA])
        for key, part in parts_of(references.derived).items():
            group = derived_group.create_group(key)
            group.create_dataset("about", data=np.frombuffer(canonical(part.about), np.uint8))
            for name, array in sorted(part.arrays.items()):
                _write_array(group, name, array)


def _write_array(group: Any, name: str, array: NDArray[Any]) -> None:
    """Write an array a block at a time, so that one in a mapped file never is in memory as a whole."""
    dataset = group.create_dataset(name, array.shape, array.dtype)
    start = 0
    for block in blocks(array):
        dataset[start : start + len(block)] = block
        start += len(block)


def read_library(
    path: Path | str | HeldFile, *, verify: bool = True, trust: Trust | None = None
) -> ReferenceSet:
    """Open a library; its spectra and indexes are read-only views of bytes held privately.

    What happens to the file afterwards has no part in it, see `HeldFile`.

    Parameters
    ----------
    path
        A file made by `write_library`, or one that is held already.
    verify
        Recompute the hash of every record, matrix and attribute. Without it only the structure is checked.
        The native spectra are checked when they are read, see `read_natives`.
    trust
        See `hold_library`.

    Returns
    -------
    ReferenceSet
        `sha256` is the content hash; `attributes` holds ``path``, ``schema``, ``generator``, ``history``
        (tuple), ``native_ids`` (frozenset) and ``signed``, the `Signed` statement of a trusted key or None.

    Raises
    ------
    TruncatedLibraryError, ForeignFileError, NewerSchemaError, AlteredLibraryError
        As their names say; an altered reference is named.
    SignatureError
        Or one of its kinds, when the file is not trusted.
    LibraryError
        When the file cannot be opened.
    """
    held = path if isinstance(path, HeldFile) else hold_library(path, trust)
    path = held.path
    with open_guarded(held) as file:
        head = read_head(file, path)
        table = read_table(file)
        shift = file.array("grid", "<f8", 1)
        shape = (table.size, shift.size)
        spectra = _read_matrix(file, "spectra", shape)
        indexes = {key: _read_matrix(file, f"index/{key}", shape) for key in file.members("index")}
        group = DERIVED_GROUP[head["schema"]]
        parts = {key: _read_part(file, f"{group}/{key}") for key in file.members(group)}
        attributes = {name: head[name] for name in ("schema", "generator")}
        references = ReferenceSet(
            records=read_records(file, table),
            shift=shift,
            spectra=spectra,
            name=head["name"],
            version=head["version"],
            sha256=head["sha256"],
            indexes=indexes,
            derived=derived_from_schema_1(parts) if head["schema"] == 1 else derived_from(parts),
            attributes={
                **attributes,
                "path": str(path),
                "signed": held.signed,
                "history": tuple(head["history"]),
                "native_ids": native_names(table),
            },
        )
        check_grid(references.shift)
        if verify:
            _verify(file, references, parts, table, head)
    return references


def _read_matrix(file: GuardedFile, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    matrix: NDArray[np.float32] = file.array(name, "<f4", 2)
    if matrix.shape != shape:
        raise file.altered(f"/{name} has the shape {matrix.shape}, not {shape}")
    return matrix


def _read_part(file: GuardedFile, group: str) -> Part:
    about = json.loads(file.array(f"{group}/about", "|u1", 1).tobytes())
    arrays = {}
    for name in file.members(group):
        if name != "about":
            arrays[name] = file.array(f"{group}/{name}", None, len(file.shape(f"{group}/{name}")))
            if arrays[name].dtype.str not in PLAIN_NUMBERS:
                raise file.altered(f"/{group}/{name} is not of plain numbers")
    return Part(about, arrays)


def _verify(
    file: GuardedFile,
    references: ReferenceSet,
    parts: Mapping[str, Part],
    table: NDArray[Any],
    head: Mapping[str, Any],
) -> None:
    rows = (row for block in blocks(references.spectra) for row in block)
    for record, row, native, sha in zip(
        references.records, rows, _texts(table, "native_sha256"), _texts(table, "sha256"), strict=True
    ):
        if record_sha(record, row, native) != sha:
            raise file.altered(f"the reference {record.id!r} does not match its hash")
        # A file made to deceive has hashes that agree: what it holds must still be a library.
        check_record(record)
    body = {name: head[name] for name in ("schema", "name", "version", "generator", "history")}
    record_shas = (sha for block in blocks(table) for sha in block["sha256"].tolist())
    if content_sha(body, references, parts, record_shas) != head["sha256"]:
        raise file.altered("the grid, a search matrix or an attribute does not match the library's hash")
    check_arrays(references)
    check_parts(parts, KEY_PATTERN.fullmatch)


def _texts(table: NDArray[Any], name: str) -> Iterator[str]:
    return (text.decode("ascii") for block in blocks(table) for text in block[name].tolist())


def verify_library(path: Path | str | HeldFile, trust: Trust | None = None) -> ReferenceSet:
    """Check every hash in a library file, the native spectra's too, and return its references.

    That the derived parts are those of the spectra is for `spectriage.library.building.check_derived`.

    Raises
    ------
    LibraryError
        Or one of its kinds, as `read_library`.
    """
    held = path if isinstance(path, HeldFile) else hold_library(path, trust)
    references = read_library(held, verify=True)
    named = {original_sha(native) for _, native in each_native(held)} - {""}
    if named != set(read_originals(held, check=True)):
        raise AlteredLibraryError("the original files are not those of the natives", where=str(held.path))
    return references
