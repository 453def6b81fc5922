"""The table of references in a library file, turned into records only when one is asked for.

What holds for the whole table is checked at once, column by column; making the hundred thousand records of a
large library would take a second, of which a search needs ten records.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.store._hdf5 import GuardedFile
from spectriage.library.store._layout import NUMBER_FIELDS, TEXT_FIELDS
from spectriage.spectra.compile import RowSource
from spectriage.spectra.reference import Hazard, LazyRecords, Reference, Tier
from spectriage.spectra.technique import Technique

TIERS = {tier.value.encode(): tier for tier in Tier}
TECHNIQUES = {technique.value.encode(): technique for technique in Technique}
HAZARDS = {hazard.value.encode(): hazard for hazard in Hazard}


def read_records(file: GuardedFile, table: NDArray[Any]) -> LazyRecords:
    """Check a table of references and return its records.

    Raises
    ------
    AlteredLibraryError
        For an unknown tier or hazard, an id that is none or stands twice, or text that is not UTF-8.
    """
    names = table.dtype.names or ()
    fields = {name: attribute for name, attribute in TEXT_FIELDS.items() if name in names}
    for name, known in (("tier", TIERS), ("hazard", HAZARDS), ("technique", TECHNIQUES)):
        if name not in fields:
            continue
        right = np.zeros(table.size, np.bool_)
        for value in known:
            right |= table[name] == value
        if not right.all():
            wrong = table[name][int(np.argmin(right))]
            raise file.altered(f"a reference has an unknown {name}: {wrong!r}")
    ids = np.ascontiguousarray(table["id"])
    wrong_row = _first_bad_id(ids)
    if wrong_row is not None:
        raise file.altered(f"{ids[wrong_row].decode('utf-8', 'replace')!r} is not a reference id")
    # a library is written in the order of its ids; any other order is legal, and costs a look at each
    if not (ids[1:] > ids[:-1]).all() and len(set(ids.tolist())) != ids.size:
        raise file.altered("reference ids stand twice")
    texts = fields
    numbers = [name for name in NUMBER_FIELDS if name in names]
    for name in texts:
        _check_text(file, table[name])

    entries = RowSource(table.view(np.uint8).reshape(table.size, table.dtype.itemsize))

    def make(row: int) -> Reference:
        entry = entries.row(row).view(table.dtype)[0]
        values: dict[str, Any] = {attribute: entry[name].decode("utf-8") for name, attribute in texts.items()}
        values["tier"] = Tier(values["tier"])
        values["hazard"] = Hazard(values["hazard"])
        values["technique"] = Technique(values.get("technique", Technique.NORMAL))
        for name in numbers:
            number = float(entry[name])
            values[name] = None if math.isnan(number) else number
        return Reference(**values)

    return LazyRecords(ids, make, _columns(table))


def _columns(table: NDArray[Any]) -> dict[str, NDArray[np.bytes_]]:
    """Copy what an engine asks of every record out of the file."""
    names = table.dtype.names or ()
    columns = {
        TEXT_FIELDS[name]: np.ascontiguousarray(table[name])
        for name in ("family", "class", "hazard", "tier", "technique")
        if name in names
    }
    if "technique" not in names:
        columns["technique"] = np.full(table.size, Technique.NORMAL.encode())
    nameless = columns["family"] == b""
    if nameless.any():
        columns["family"] = np.where(nameless, table["substance"], columns["family"])
    return columns


def _first_bad_id(ids: NDArray[np.bytes_]) -> int | None:
    """Return the first row whose id is not of lower-case letters, digits and single hyphens between them."""
    letters = ids.view(np.uint8).reshape(ids.size, ids.dtype.itemsize)
    hyphen, end = letters == ord("-"), letters == 0
    plain = ((letters >= ord("a")) & (letters <= ord("z"))) | ((letters >= ord("0")) & (letters <= ord("9")))
    right = plain | hyphen | end
    right[:, 0] &= plain[:, 0]
    # a hyphen is followed by a letter or digit, and nothing follows the end
    right[:, -1] &= ~hyphen[:, -1]
    right[:, :-1] &= ~hyphen[:, :-1] | plain[:, 1:]
    right[:, :-1] &= ~end[:, :-1] | end[:, 1:]
    return None if right.all() else int(np.argmin(right.all(axis=1)))


def _check_text(file: GuardedFile, column: NDArray[np.bytes_]) -> None:
    """Refuse text that is not UTF-8, looking closely only at what is not ASCII."""
    letters = np.ascontiguousarray(column).view(np.uint8).reshape(column.size, -1)
    if letters.max() < 0x80:
        return
    for row in np.flatnonzero((letters >= 0x80).any(axis=1)):
        try:
            column[row].decode("utf-8")
        except UnicodeDecodeError as error:
            raise file.altered(f"a reference has text that is not UTF-8: {error}") from None


def native_names(table: NDArray[Any]) -> frozenset[str]:
    """Return the ids of the references that have a native spectrum."""
    hashed = np.ascontiguousarray(table["native_sha256"]).view(np.uint8).reshape(table.size, -1)[:, 0] != 0
    return frozenset(name.decode("utf-8") for name in table["id"][hashed].tolist())
