"""The library file: one immutable, self-describing HDF5 file of references, spectra and search matrices.

Layout (schema 1; little-endian, every dataset contiguous and unfiltered, aligned to 64 bytes)::

    /                 attributes: format, schema, name, version, generator, history (JSON), sha256
    /grid             float64 [m]    the shift axis, cm⁻¹
    /references       compound [n]   the records, each with its hash and that of its native spectrum
    /spectra          float32 [n, m] NaN where not measured
    /native/ID        float64 [2|3, k]  shift, intensity (, variance) as imported; attribute `about` (JSON)
    /index/KEY        float32 [n, m] search matrix, keyed by its preprocessing
    /null/KEY/NAME    numeric arrays; attributes of KEY in /null/KEY/about as JSON text

A record's hash covers its fields, its spectrum and the hash of its native spectrum, so that a name cannot
drift from its spectrum. The content hash covers everything; it is the library's identity in results, the
same for equal content whatever version of HDF5 wrote it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library._hdf5 import GuardedFile, open_guarded
from spectriage.spectra.errors import (
    ForeignFileError,
    LibraryError,
    NewerSchemaError,
    ParameterError,
)
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.spectrum import Spectrum

SCHEMA = 1
FORMAT = "spectriage-library"
ALIGNMENT = 64

TEXT_FIELDS = {
    "id": "id",
    "substance": "substance",
    "form": "form",
    "family": "family",
    "class": "material_class",
    "hazard": "hazard",
    "tier": "tier",
    "cas": "cas",
    "inchikey": "inchikey",
    "source": "source",
    "licence": "licence",
}
NUMBER_FIELDS = ("excitation_nm", "resolution_cm", "valid_low_cm", "valid_high_cm")
HASH_FIELDS = ("native_sha256", "sha256")
ROOT_ATTRIBUTES = frozenset({"format", "schema", "name", "version", "generator", "history", "sha256"})
ROOT_MEMBERS = ("grid", "index", "native", "null", "references", "spectra")

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY = re.compile(r"[^/\x00-\x1f]{1,200}")


def engine_version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("spectriage")
    except PackageNotFoundError:
        return "unknown"


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _sha(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _array_sha(array: NDArray[Any]) -> str:
    head = _canonical([array.dtype.str, list(array.shape)])
    return _sha(head, np.ascontiguousarray(array))


def _fields(record: Reference) -> dict[str, Any]:
    values: dict[str, Any] = {name: str(getattr(record, attr)) for name, attr in TEXT_FIELDS.items()}
    return values | {name: getattr(record, name) for name in NUMBER_FIELDS}


def _record_sha(record: Reference, row: NDArray[np.float32], native_sha: str) -> str:
    return _sha(_canonical([_fields(record), native_sha]), row)


def _content_sha(head: Mapping[str, Any], references: ReferenceSet, record_shas: Sequence[str]) -> str:
    """Hash of the hashes of all parts: what two libraries of equal content share."""
    nulls: dict[str, Any] = references.attributes.get("null", {})
    return _sha(
        _canonical(
            {
                **head,
                "grid": _array_sha(references.shift),
                "references": _sha("".join(record_shas).encode()),
                "index": {key: _array_sha(matrix) for key, matrix in references.indexes.items()},
                "null": {
                    key: {
                        "attributes": null["attributes"],
                        "arrays": {name: _array_sha(array) for name, array in null["arrays"].items()},
                    }
                    for key, null in nulls.items()
                },
            }
        )
    )


# Natives: the spectrum as imported.


def _native_about(native: Spectrum) -> bytes:
    return json.dumps(
        {
            "excitation_nm": native.excitation_nm,
            "resolution_cm": native.resolution_cm,
            "metadata": dict(native.metadata),
            "history": list(native.history),
        },
        default=str,
        sort_keys=True,
        ensure_ascii=True,
    ).encode("ascii")


def _native_array(native: Spectrum) -> NDArray[np.float64]:
    columns = [native.shift, native.intensity]
    return np.stack(columns if native.variance is None else [*columns, native.variance])


def _native_sha(about: bytes, array: NDArray[np.float64]) -> str:
    return _sha(about, _array_sha(array).encode())


# Writing.


def _check_record(record: Reference) -> None:
    if not _ID.fullmatch(record.id) or len(record.id) > 120:
        raise LibraryError(
            f"the id {record.id!r} is not made of lower-case letters, digits and single hyphens"
        )
    for name, text in _fields(record).items():
        if isinstance(text, str) and not text.isprintable():
            raise LibraryError(f"the {name} {text!r} holds control characters", where=record.id)
        if isinstance(text, (int, float)) and not math.isfinite(text):
            raise LibraryError(f"the {name} {text} is not finite", where=record.id)
    if not record.substance:
        raise LibraryError("the substance is empty", where=record.id)


def _check_grid(shift: NDArray[np.float64]) -> None:
    step = np.diff(shift)
    if shift.size < 2 or not np.isfinite(shift).all() or not (step > 0).all():
        raise LibraryError("the grid is not an ascending axis of finite shifts")
    if np.abs(step - step.mean()).max() > 1e-6 * step.mean():
        raise LibraryError("the grid is not evenly spaced")


def _check_arrays(references: ReferenceSet) -> None:
    _check_grid(references.shift)
    spectra = references.spectra
    if spectra.dtype != np.float32:
        raise LibraryError(f"the spectra are {spectra.dtype}, not float32")
    bad = np.isinf(spectra).any(axis=1) | np.isnan(spectra).all(axis=1)
    if bad.any():
        raise LibraryError(
            "the spectrum has infinite values or was measured nowhere on the grid",
            where=references.records[int(np.flatnonzero(bad)[0])].id,
        )
    for key, matrix in references.indexes.items():
        if not _KEY.fullmatch(key) or key == ".":
            raise LibraryError(f"{key!r} cannot name an index")
        if matrix.dtype != np.float32 or matrix.shape != spectra.shape:
            raise LibraryError(
                f"the index {key!r} is {matrix.dtype} {matrix.shape}, not float32 {spectra.shape}"
            )
        if not np.isfinite(matrix).all():
            raise LibraryError(f"the index {key!r} has values that are not finite")
    for key, null in references.attributes.get("null", {}).items():
        for name, array in null["arrays"].items():
            if not (_KEY.fullmatch(key) and _KEY.fullmatch(name)) or name == "about" or "." in (key, name):
                raise LibraryError(f"{key!r}, {name!r} cannot name a score null")
            if (
                array.dtype.str not in ("<f4", "<f8", "<i4", "<i8")
                or not 1 <= array.ndim <= 3
                or not array.size
            ):
                raise LibraryError(f"the null {key!r} has an array {name!r} that is not of plain numbers")


def _check_writable(
    references: ReferenceSet, natives: Mapping[str, Spectrum], history: Sequence[str]
) -> None:
    if not references.records:
        raise LibraryError("there are no references to write")
    for text in (references.name, references.version, *history):
        if not text.isprintable():
            raise LibraryError(f"the name, version or history {text!r} holds control characters")
    for record in references.records:
        _check_record(record)
    _check_arrays(references)
    orphans = set(natives) - {record.id for record in references.records}
    if orphans:
        raise LibraryError(f"native spectra without a reference: {', '.join(sorted(orphans)[:5])}")


def _table(records: Sequence[Reference], hashes: Sequence[tuple[str, str]]) -> NDArray[Any]:
    """Return the compound table; text is UTF-8 of a fixed width, absent numbers are NaN."""
    columns: dict[str, Any] = {
        name: np.array([str(getattr(record, attr)).encode("utf-8") for record in records])
        for name, attr in TEXT_FIELDS.items()
    }
    for name in NUMBER_FIELDS:
        values = [getattr(record, name) for record in records]
        columns[name] = np.array([math.nan if value is None else value for value in values], "<f8")
    for i, name in enumerate(HASH_FIELDS):
        columns[name] = np.array([pair[i].encode("ascii") for pair in hashes], "S64")
    table = np.zeros(len(records), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


@contextmanager
def _replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `path`; put it in place when the block ends well, remove it otherwise."""
    exists = LibraryError(
        "the file exists; a library is never changed", where=str(path), remedy="name another, or --force"
    )
    temporary = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        if path.is_dir():
            raise LibraryError("the library's path is a folder", where=str(path), remedy="name a file")
        if not path.parent.is_dir():
            raise LibraryError("the folder does not exist", where=str(path.parent), remedy="make it first")
        if path.exists() and not overwrite:
            raise exists
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _link_or_rename(temporary, path, exists)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        # HDF5 reports a full disk as either.
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise LibraryError(f"the library cannot be written: {reason}", where=str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _link_or_rename(temporary: Path, path: Path, exists: LibraryError) -> None:
    """Give the file its name without ever replacing another, as far as the file system can promise it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise exists from None
    except OSError:
        # No hard links here (FAT): only a check-then-rename is possible.
        if path.exists():
            raise exists from None
        temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    # Not every file system lets a folder be opened or synced; the rename itself has been made.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _seal(
    references: ReferenceSet, natives: Mapping[str, Spectrum], history: Sequence[str]
) -> tuple[dict[str, Any], list[tuple[str, str]], dict[str, tuple[bytes, NDArray[np.float64]]]]:
    """Hash everything; return the attributes, the hashes of each record, and the natives as stored."""
    arrays = {name: (_native_about(native), _native_array(native)) for name, native in natives.items()}
    native_shas = [
        _native_sha(*arrays[record.id]) if record.id in arrays else "" for record in references.records
    ]
    spectra = np.ascontiguousarray(references.spectra)
    record_shas = [
        _record_sha(record, row, native)
        for record, row, native in zip(references.records, spectra, native_shas, strict=True)
    ]
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "name": references.name,
        "version": references.version,
        "generator": f"spectriage {engine_version()}",
        "history": list(history),
    }
    head["sha256"] = _content_sha(head, references, record_shas)
    return head, list(zip(native_shas, record_shas, strict=True)), arrays


def write_library(
    path: Path | str,
    references: ReferenceSet,
    natives: Mapping[str, Spectrum] | None = None,
    history: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> str:
    """Write a library file, whole or not at all.

    Parameters
    ----------
    path
        The file to make; its folder must exist.
    references
        n references, with the indexes to keep. `references.attributes["null"]`, where present, maps a key
        to ``{"arrays": {name: array}, "attributes": {name: number or text}}``.
    natives
        Spectra as imported, by reference id.
    history
        How the library came to be, oldest first.
    overwrite
        Replace an existing file.

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
    _check_writable(references, natives, history)
    head, hashes, arrays = _seal(references, natives, history)
    with _replacing(path, overwrite) as temporary:
        _write_hdf5(temporary, references, _table(references.records, hashes), arrays, head)
    return str(head["sha256"])


def content_sha256(
    references: ReferenceSet,
    natives: Mapping[str, Spectrum] | None = None,
    history: Sequence[str] = (),
) -> str:
    """Return the content hash that a file of the same content has, without writing one."""
    return str(_seal(references, {} if natives is None else natives, history)[0]["sha256"])


def _write_hdf5(
    path: Path,
    references: ReferenceSet,
    table: NDArray[Any],
    natives: Mapping[str, tuple[bytes, NDArray[np.float64]]],
    head: Mapping[str, Any],
) -> None:
    import h5py

    # These bounds give checksummed metadata; the alignment gives the mapped arrays to SIMD loads.
    with h5py.File(
        path, "x", libver=("v108", "v108"), alignment_threshold=1, alignment_interval=ALIGNMENT
    ) as file:
        for name in ("format", "name", "version", "generator", "sha256"):
            file.attrs.create(name, np.bytes_(FORMAT if name == "format" else head[name].encode("utf-8")))
        file.attrs["schema"] = np.int64(head["schema"])
        file.attrs.create("history", np.bytes_(_canonical(head["history"])))
        file.create_dataset("grid", data=references.shift.astype("<f8"))
        file.create_dataset("references", data=table)
        file.create_dataset("spectra", data=references.spectra.astype("<f4", copy=False))
        native_group = file.create_group("native")
        for name, (about, array) in sorted(natives.items()):
            native_group.create_dataset(name, data=array).attrs.create("about", np.bytes_(about))
        index_group = file.create_group("index")
        for key, matrix in sorted(references.indexes.items()):
            index_group.create_dataset(key, data=matrix)
        null_group = file.create_group("null")
        for key, null in sorted(references.attributes.get("null", {}).items()):
            group = null_group.create_group(key)
            note = np.frombuffer(_canonical(null["attributes"]), np.uint8)
            group.create_dataset("about", data=note)
            for name, array in sorted(null["arrays"].items()):
                group.create_dataset(name, data=array)


# Reading.


def read_library(path: Path | str, *, verify: bool = True) -> ReferenceSet:
    """Open a library; its spectra and indexes are read-only views of the file, mapped on first use.

    Parameters
    ----------
    path
        A file made by `write_library`.
    verify
        Recompute the hash of every record, matrix and attribute. Without it only the structure is checked.
        The native spectra are checked when they are read, see `read_natives`.

    Returns
    -------
    ReferenceSet
        `sha256` is the content hash; `attributes` holds ``path``, ``schema``, ``generator``, ``history``
        (tuple), ``null`` (as `write_library` takes it) and ``native_ids`` (frozenset).

    Raises
    ------
    TruncatedLibraryError, ForeignFileError, NewerSchemaError, AlteredLibraryError
        As their names say; an altered reference is named.
    LibraryError
        When the file cannot be opened.
    """
    path = Path(path)
    with open_guarded(path) as file:
        head = _read_head(file, path)
        table = _read_table(file)
        shift = file.array("grid", "<f8", 1)
        shape = (table.size, shift.size)
        spectra = _read_matrix(file, "spectra", shape)
        indexes = {key: _read_matrix(file, f"index/{key}", shape) for key in file.members("index")}
        attributes = {name: head[name] for name in ("schema", "generator")}
        references = ReferenceSet(
            records=_read_records(file, table),
            shift=shift,
            spectra=spectra,
            name=head["name"],
            version=head["version"],
            sha256=head["sha256"],
            indexes=indexes,
            attributes={
                **attributes,
                "path": str(path),
                "history": tuple(head["history"]),
                "null": {key: _read_null(file, key) for key in file.members("null")},
                "native_ids": frozenset(
                    name.decode() for name in table["id"][table["native_sha256"] != b""].tolist()
                ),
            },
        )
        _check_grid(references.shift)
        if verify:
            _verify(file, references, table, head)
    return references


def _read_head(file: GuardedFile, path: Path) -> dict[str, Any]:
    names = file.attributes()
    if "format" not in names or "schema" not in names or file.text("format") != FORMAT:
        raise ForeignFileError(
            "an HDF5 file, but not a Spectriage library", where=str(path), remedy="name a library file"
        )
    schema = file.integer("schema")
    if schema > SCHEMA:
        raise NewerSchemaError(
            f"the library has schema {schema}, this version reads up to {SCHEMA}",
            where=str(path),
            remedy="update Spectriage, or build the library again",
        )
    if schema < 1 or names != ROOT_ATTRIBUTES:
        raise file.altered("the file's attributes are not those of a library")
    if file.members("/") != ROOT_MEMBERS:
        raise file.altered(f"the file holds {', '.join(file.members('/'))}: not the parts of a library")
    head: dict[str, Any] = {name: file.text(name) for name in ("name", "version", "generator", "sha256")}
    history = json.loads(file.text("history"))
    if not isinstance(history, list) or not all(isinstance(step, str) for step in history):
        raise file.altered("the history is not a list of texts")
    return head | {"schema": schema, "history": history}


def _read_table(file: GuardedFile) -> NDArray[Any]:
    table = file.array("references", None, 1)
    if table.dtype.names != (*TEXT_FIELDS, *NUMBER_FIELDS, *HASH_FIELDS):
        raise file.altered("/references does not have the columns of a library")
    for name in table.dtype.names:
        column = table.dtype[name]
        if column.kind != ("f" if name in NUMBER_FIELDS else "S") or (column.kind == "f" and column != "<f8"):
            raise file.altered(f"the column {name!r} of /references is of type {column}")
    return table


def _read_records(file: GuardedFile, table: NDArray[Any]) -> tuple[Reference, ...]:
    columns: dict[str, list[Any]] = {
        attr: [text.decode("utf-8") for text in table[name].tolist()] for name, attr in TEXT_FIELDS.items()
    }
    for name in NUMBER_FIELDS:
        columns[name] = [None if math.isnan(value) else value for value in table[name].tolist()]
    try:
        columns["tier"] = [Tier(text) for text in columns["tier"]]
        columns["hazard"] = [Hazard(text) for text in columns["hazard"]]
    except ValueError as error:
        raise file.altered(f"a reference has an unknown tier or hazard: {error}") from None
    bad = [name for name in columns["id"] if not _ID.fullmatch(name)]
    if bad:
        raise file.altered(f"{bad[0]!r} is not a reference id")
    names = list(columns)
    return tuple(
        Reference(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )


def _read_matrix(file: GuardedFile, name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    matrix: NDArray[np.float32] = file.array(name, "<f4", 2)
    if matrix.shape != shape:
        raise file.altered(f"/{name} has the shape {matrix.shape}, not {shape}")
    return matrix


def _read_null(file: GuardedFile, key: str) -> dict[str, Any]:
    names = file.members(f"null/{key}")
    about = json.loads(file.array(f"null/{key}/about", "|u1", 1).tobytes())
    arrays = {}
    for name in names:
        if name != "about":
            ndim = len(file.shape(f"null/{key}/{name}"))
            arrays[name] = file.array(f"null/{key}/{name}", None, ndim)
            if arrays[name].dtype.str not in ("<f4", "<f8", "<i4", "<i8"):
                raise file.altered(f"/null/{key}/{name} is not of plain numbers")
    return {"arrays": arrays, "attributes": about}


def _verify(
    file: GuardedFile, references: ReferenceSet, table: NDArray[Any], head: Mapping[str, Any]
) -> None:
    record_shas = [sha.decode("ascii") for sha in table["sha256"].tolist()]
    natives = [sha.decode("ascii") for sha in table["native_sha256"].tolist()]
    for record, row, native, sha in zip(
        references.records, references.spectra, natives, record_shas, strict=True
    ):
        if _record_sha(record, row, native) != sha:
            raise file.altered(f"the reference {record.id!r} does not match its hash")
    body = {name: head[name] for name in ("schema", "name", "version", "generator", "history")}
    if _content_sha(body, references, record_shas) != head["sha256"]:
        raise file.altered("the grid, a search matrix or an attribute does not match the library's hash")
    # A file made to deceive has hashes that agree: what it holds must still be a library.
    _check_arrays(references)
    for record in references.records:
        _check_record(record)


def read_natives(path: Path | str, ids: Sequence[str] | None = None) -> dict[str, Spectrum]:
    """Read the spectra as they were imported, each checked against its hash.

    Parameters
    ----------
    path
        A library file.
    ids
        Which; None for all. A reference without one (a band model) is left out.

    Raises
    ------
    ParameterError
        When an id is not in the library.
    LibraryError
        Or one of its kinds, as `read_library`.
    """
    path = Path(path)
    with open_guarded(path) as file:
        _read_head(file, path)
        table = _read_table(file)
        shas = {
            name.decode(): sha.decode()
            for name, sha in zip(table["id"].tolist(), table["native_sha256"].tolist(), strict=True)
        }
        unknown = [name for name in ids or () if name not in shas]
        if unknown:
            raise ParameterError(f"no reference has the id {unknown[0]!r}", where=str(path))
        if ids is None and set(file.members("native")) != {name for name, sha in shas.items() if sha}:
            raise file.altered("the native spectra are not those of the references")
        wanted = shas if ids is None else dict.fromkeys(ids)
        return {name: _read_native(file, name, shas[name]) for name in wanted if shas[name]}


def _read_native(file: GuardedFile, name: str, sha: str) -> Spectrum:
    array = file.array(f"native/{name}", "<f8", 2)
    about = file.text("about", f"native/{name}")
    if array.shape[0] not in (2, 3) or _native_sha(about.encode("utf-8"), array) != sha:
        raise file.altered(f"the native spectrum of {name!r} does not match its hash")
    known = json.loads(about)
    return Spectrum(
        array[0],
        array[1],
        array[2] if len(array) == 3 else None,
        known["excitation_nm"],
        known["resolution_cm"],
        known["metadata"],
        tuple(known["history"]),
    )


def verify_library(path: Path | str) -> ReferenceSet:
    """Check everything in a library file, the native spectra too, and return its references.

    Raises
    ------
    LibraryError
        Or one of its kinds, as `read_library`.
    """
    references = read_library(path, verify=True)
    read_natives(path)
    return references
