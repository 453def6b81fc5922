"""The parts of a library file: their names, their hashes, and what they must satisfy."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.store._derived import Part, check_parts, parts_of
from spectriage.spectra.compile import release_pages
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.reference import Reference, ReferenceSet
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

SCHEMA = 2
"""That is written; 1 is still read: what is derived stood under ``/null``, by other names."""
FORMAT = "spectriage-library"
ALIGNMENT = 64
BLOCK_BYTES = 4 * 2**20
"""As much of a mapped matrix is looked at before its pages are let go."""

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
    "response_basis": "response_basis",
    "technique": "technique",
    "substrate": "substrate",
}
NUMBER_FIELDS = (
    *("excitation_nm", "resolution_cm", "valid_low_cm", "valid_high_cm"),
    *("response", "response_factor"),
)
RESPONSE_FIELDS = frozenset({"response_basis", "response", "response_factor"})
TECHNIQUE_FIELDS = frozenset({"technique", "substrate"})
LATER_FIELDS = (RESPONSE_FIELDS, TECHNIQUE_FIELDS)
"""Columns that files had not at first: without them nothing is known of a response, and a scan is normal."""
HASH_FIELDS = ("native_sha256", "sha256")
ROOT_ATTRIBUTES = frozenset({"format", "schema", "name", "version", "generator", "history", "sha256"})
DERIVED_GROUP = {1: "null", 2: "derived"}
"""Where a file of each schema keeps what is derived."""


def root_members(schema: int) -> tuple[str, ...]:
    """Return the names at the root of a file, sorted."""
    return tuple(sorted(("grid", "index", "native", DERIVED_GROUP[schema], "references", "spectra")))


ID_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
KEY_PATTERN = re.compile(r"[^/\x00-\x1f]{1,200}")


def engine_version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("spectriage")
    except PackageNotFoundError:
        return "unknown"


_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """Return JSON text that is the same for equal values."""
    return _ENCODER.encode(value).encode("utf-8")


def sha(*parts: Any) -> str:
    """Return the SHA-256 of bytes and arrays, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _sha_of_all(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array a few megabytes at a time along its first axis; mapped pages are let go after each."""
    rows = max(1, BLOCK_BYTES * len(array) // max(array.nbytes, 1))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        release_pages(array)


def array_sha(array: NDArray[Any]) -> str:
    """Return the hash of an array's type, shape and values."""
    digest = hashlib.sha256(canonical([array.dtype.str, list(array.shape)]))
    for block in blocks(np.atleast_1d(array)):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()


def record_fields(record: Reference) -> dict[str, Any]:
    """Return a record under the names of the file's columns."""
    values: dict[str, Any] = {name: str(getattr(record, attr)) for name, attr in TEXT_FIELDS.items()}
    values |= {name: getattr(record, name) for name in NUMBER_FIELDS}
    # the hash of a record that says nothing of what came later is the one it had before
    unsaid: set[str] = set()
    if record.response is None and record.response_factor is None and not record.response_basis:
        unsaid |= RESPONSE_FIELDS
    if record.technique is Technique.NORMAL and not record.substrate:
        unsaid |= TECHNIQUE_FIELDS
    return {name: value for name, value in values.items() if name not in unsaid}


def record_sha(record: Reference, row: NDArray[np.float32], native: str) -> str:
    """Return the hash that binds a record to its spectrum and, by its hash, to its native spectrum."""
    return sha(canonical([record_fields(record), native]), row)


def content_sha(
    head: Mapping[str, Any],
    references: ReferenceSet,
    parts: Mapping[str, Part],
    record_shas: Iterable[bytes],
) -> str:
    """Return the hash of the hashes of all parts: what two libraries of equal content share.

    `parts` is what is derived, as the file of that schema holds it; `record_shas` are the hashes of the
    records, in hexadecimal, one after the other.
    """
    schema = head["schema"]
    # what a group knows of itself was called its attributes
    about = "attributes" if schema == 1 else "about"
    return sha(
        canonical(
            {
                **head,
                "grid": array_sha(references.shift),
                "references": _sha_of_all(record_shas),
                "index": {key: array_sha(matrix) for key, matrix in references.indexes.items()},
                DERIVED_GROUP[schema]: {
                    key: {
                        about: part.about,
                        "arrays": {name: array_sha(array) for name, array in part.arrays.items()},
                    }
                    for key, part in parts.items()
                },
            }
        )
    )


def native_about(native: Spectrum) -> bytes:
    """Return what a native spectrum knows beside its arrays, as JSON."""
    about = {
        "excitation_nm": native.excitation_nm,
        "resolution_cm": native.resolution_cm,
        "metadata": dict(native.metadata),
        "history": list(native.history),
        "technique": str(native.technique),
        "substrate": native.substrate,
    }
    try:
        return json.dumps(about, default=_plain, sort_keys=True).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise LibraryError(f"the metadata of a native spectrum cannot be kept: {error}") from None


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def native_array(native: Spectrum) -> NDArray[np.float64]:
    """Return shift, intensity and, if known, variance; shape (2 or 3, k)."""
    columns = [native.shift, native.intensity]
    return np.stack(columns if native.variance is None else [*columns, native.variance])


def native_sha(about: bytes, array: NDArray[np.float64]) -> str:
    """Return the hash of a native spectrum as stored."""
    return sha(about, array_sha(array).encode())


def check_record(record: Reference) -> None:
    """Refuse a record that a file cannot hold."""
    if not ID_PATTERN.fullmatch(record.id) or len(record.id) > 120:
        raise LibraryError(
            f"the id {record.id!r} is not made of lower-case letters, digits and single hyphens"
        )
    for name, text in record_fields(record).items():
        if isinstance(text, str) and not text.isprintable():
            raise LibraryError(f"the {name} {text!r} holds control characters", where=record.id)
        if isinstance(text, (int, float)) and not math.isfinite(text):
            raise LibraryError(f"the {name} {text} is not finite", where=record.id)
    if not record.substance:
        raise LibraryError("the substance is empty", where=record.id)


def check_grid(shift: NDArray[np.float64]) -> None:
    """Refuse an axis that is not ascending and evenly spaced."""
    step = np.diff(shift)
    if shift.size < 2 or not np.isfinite(shift).all() or not (step > 0).all():
        raise LibraryError("the grid is not an ascending axis of finite shifts")
    if np.abs(step - step.mean()).max() > 1e-6 * step.mean():
        raise LibraryError("the grid is not evenly spaced")


def check_arrays(references: ReferenceSet) -> None:
    """Refuse spectra and matrices of the wrong type, shape or values."""
    check_grid(references.shift)
    spectra = references.spectra
    if spectra.dtype != np.float32:
        raise LibraryError(f"the spectra are {spectra.dtype}, not float32")
    bad = np.concatenate(
        [np.isinf(block).any(axis=1) | np.isnan(block).all(axis=1) for block in blocks(spectra)]
    )
    if bad.any():
        raise LibraryError(
            "the spectrum has infinite values or was measured nowhere on the grid",
            where=references.records[int(np.argmax(bad))].id,
        )
    for key, matrix in references.indexes.items():
        if not KEY_PATTERN.fullmatch(key) or key == ".":
            raise LibraryError(f"{key!r} cannot name an index")
        if matrix.dtype != np.float32 or matrix.shape != spectra.shape:
            raise LibraryError(
                f"the index {key!r} is {matrix.dtype} {matrix.shape}, not float32 {spectra.shape}"
            )
        if not all(np.isfinite(block).all() for block in blocks(matrix)):
            raise LibraryError(f"the index {key!r} has values that are not finite")


def check_writable(references: ReferenceSet, natives: Mapping[str, Spectrum], history: Sequence[str]) -> None:
    """Refuse what cannot become a library file."""
    if not references.records:
        raise LibraryError("there are no references to write")
    for text in (references.name, references.version, *history):
        if not text.isprintable():
            raise LibraryError(f"the name, version or history {text!r} holds control characters")
    for record in references.records:
        check_record(record)
    check_arrays(references)
    check_parts(parts_of(references.derived), KEY_PATTERN.fullmatch)
    orphans = set(natives) - {record.id for record in references.records}
    if orphans:
        raise LibraryError(f"native spectra without a reference: {', '.join(sorted(orphans)[:5])}")


def record_table(records: Sequence[Reference], hashes: Sequence[tuple[str, str]]) -> NDArray[Any]:
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
