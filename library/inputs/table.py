"""Parquet tables of spectra: one spectrum a row.

========================= ==================== ===============================================================
column                    type                 what
========================= ==================== ===============================================================
``shift_cm``              list of numbers      Raman shift, cm⁻¹, ascending; 8 to 1,000,000 values
``intensity``             list of numbers      as many
``variance``              list of numbers      counts², as many; may be missing or null
``id``                    text or integer      the row's name in the results; its number from 0 if missing
``excitation_nm``         number               may be missing or null
``resolution_cm``         number               may be missing or null
``instrument``            text                 may be missing or null
``technique``             text                 ``normal`` (also if missing or null) or ``sers``
========================= ==================== ===============================================================

Other columns are passed over. A file without the first two, or with one of another type, is refused when it
is listed; a row that is not a spectrum is an error of that row alone. A row group is read as a whole, so that
one of more than `MAX_GROUP_BYTES` is refused: write some hundreds to some thousands of rows a group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from spectriage.library.files.places import EXTRA, file_system, is_url, typed_access
from spectriage.library.inputs.item import Item, Kind
from spectriage.spectra.errors import FormatError, ParameterError, SpectrumError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

MAGIC = b"PAR1"
PARQUET_SUFFIX = ".parquet"
MAX_GROUP_BYTES = 512 * 2**20
LISTS = ("shift_cm", "intensity", "variance")
NUMBERS = ("excitation_nm", "resolution_cm")
TEXTS = ("instrument", "technique")
_COLUMNS = "the columns are shift_cm and intensity, lists of numbers, and at will variance, id and others"


def is_table(head: bytes) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    return head.startswith(MAGIC)


def arrow(where: str) -> Any:
    """Import pyarrow.

    Raises
    ------
    ParameterError
        When it is not installed; names the extra.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise ParameterError(
            "Parquet needs the package pyarrow, which is not installed", where=where, remedy=EXTRA
        ) from None
    return pyarrow


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Open a table whose columns are as they should be."""
    pa = arrow(path)
    try:
        with typed_access(path):
            if is_url(path):
                system, inner = file_system(path)
                source: Any = system.open(inner, "rb")
            else:
                source = path
            file = pa.parquet.ParquetFile(source, memory_map=False)
            _check_columns(pa, file.schema_arrow, path)
        try:
            yield file
        finally:
            file.close(force=True)
    except pa.ArrowException as error:
        raise FormatError(
            f"the table is damaged: {error}", where=path, remedy="write or copy it again"
        ) from None


def _check_columns(pa: Any, schema: Any, path: str) -> None:
    for name in (*LISTS, *NUMBERS, *TEXTS, "id"):
        if schema.names.count(name) > 1:
            raise FormatError(f"the column {name} is there twice", where=path, remedy=_COLUMNS)
        if name not in schema.names:
            if name in ("shift_cm", "intensity"):
                raise FormatError(f"the table has no column {name}", where=path, remedy=_COLUMNS)
            continue
        kind = schema.field(name).type
        if not _fits(pa.types, name, kind):
            raise FormatError(f"the column {name} is of type {kind}", where=path, remedy=_COLUMNS)


def _fits(types: Any, name: str, kind: Any) -> bool:
    def number(each: Any) -> bool:
        return bool(types.is_floating(each) or types.is_integer(each))

    def text(each: Any) -> bool:
        return bool(types.is_string(each) or types.is_large_string(each))

    if name in LISTS:
        listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return listed and number(kind.value_type)
    if name in NUMBERS:
        return number(kind)
    return text(kind) or (name == "id" and bool(types.is_integer(kind)))


def table_items(path: str, before: str = "") -> Iterator[Item]:
    """Yield the rows of a table, by name; only some names are held at a time.

    Parameters
    ----------
    path
        The file, or its URL.
    before
        Put before each row's name.

    Raises
    ------
    FormatError
        When it is no table of spectra.
    """
    with _opened(path) as file:
        row = 0
        named = "id" in file.schema_arrow.names
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            names = file.read_row_group(group, ["id"]).column("id").to_pylist() if named else [None] * rows
            for name in names:
                label = str(row) if name is None else str(name)
                yield Item(f"{before}{label}", path, row=row, kind=Kind.TABLE)
                row += 1


class TableRows:
    """The rows of one table; keeps the row group that was read last."""

    def __init__(self, path: str) -> None:
        self.path = path
        with _opened(path) as file:
            sizes = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
            self._starts = np.cumsum([0, *(size.num_rows for size in sizes)])
            self._bytes = [size.total_byte_size for size in sizes]
            known = set(file.schema_arrow.names)
        self._columns = [name for name in (*LISTS, *NUMBERS, *TEXTS) if name in known]
        self._group = -1
        self._table: Any = None

    def _row(self, row: int) -> dict[str, Any]:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if not 0 <= group < len(self._bytes):
            raise FormatError(f"the table has no row {row}", where=self.path, remedy="list it again")
        if group != self._group:
            if self._bytes[group] > MAX_GROUP_BYTES:
                raise FormatError(
                    f"its row group {group} has {self._bytes[group]:,} bytes; at most {MAX_GROUP_BYTES:,} "
                    "are read",
                    where=self.path,
                    remedy="write it again with fewer rows a group",
                )
            self._table = None
            with _opened(self.path) as file:
                self._table = file.read_row_group(group, self._columns).combine_chunks()
            self._group = group
        at = row - int(self._starts[group])
        return {name: self._table.column(name)[at] for name in self._columns}

    def digest(self, row: int) -> str:
        """Return the hash of a row's values."""
        digest = hashlib.sha256()
        for name, value in self._row(row).items():
            digest.update(f"\0{name}\0".encode())
            if name not in LISTS or not value.is_valid:
                digest.update(repr(value.as_py()).encode())
                continue
            digest.update(_floats(value).astype("<f8").tobytes())
            digest.update(f"{value.values.null_count}".encode())
        return digest.hexdigest()

    def spectrum(self, row: int) -> Spectrum:
        """Return a row's spectrum.

        Raises
        ------
        SpectrumError
            When it is none.
        """
        values = self._row(row)
        where = f"{self.path}, row {row}"
        arrays = {name: self._array(values[name], name, where) for name in LISTS if name in values}
        if arrays["shift_cm"] is None or arrays["intensity"] is None:
            raise SpectrumError("shift_cm or intensity is null", where=where, remedy="leave the row out")
        plain = {name: values[name].as_py() for name in (*NUMBERS, *TEXTS) if name in values}
        technique = plain.get("technique") or Technique.NORMAL
        if technique not in tuple(Technique):
            raise SpectrumError(
                f"there is no technique {str(technique)[:40]!r}", where=where, remedy="normal or sers"
            )
        instrument = plain.get("instrument")
        return Spectrum(
            arrays["shift_cm"],
            arrays["intensity"],
            arrays.get("variance"),
            excitation_nm=plain.get("excitation_nm"),
            resolution_cm=plain.get("resolution_cm"),
            metadata={"format": "parquet", **({"instrument": instrument} if instrument else {})},
            history=("read parquet",),
            technique=Technique(technique),
        )

    def _array(self, value: Any, name: str, where: str) -> Any:
        if not value.is_valid:
            return None
        if value.values.null_count:
            raise SpectrumError(
                f"{name} has {value.values.null_count} null values", where=where, remedy="leave them out"
            )
        return _floats(value)


def _floats(value: Any) -> Any:
    """Return a list's numbers, NaN where null."""
    return np.asarray(value.values.to_numpy(zero_copy_only=False), dtype=np.float64)
