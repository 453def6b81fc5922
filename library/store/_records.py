"""The table of references in a library file, turned into records only when one is asked for.

What holds for the whole table is checked at once, column by column; making the hundred thousand records of a
large library would take a second, of which a search needs ten records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectriage.library.store._hdf5 import GuardedFile
from spectriage.library.store._layout import NUMBER_FIELDS, TEXT_FIELDS, blocks
from spectriage.library.store._texts import FewTexts, OwnTexts
from spectriage.spectra.compile import RowSource
from spectriage.spectra.reference import Hazard, LazyRecords, Reference, Tier
from spectriage.spectra.technique import Technique

TIERS = {tier.value.encode(): tier for tier in Tier}
TECHNIQUES = {technique.value.encode(): technique for technique in Technique}
ASKED = ("family", "class", "hazard", "tier", "technique")
"""Columns that an engine asks of every record."""
OWN = ("id", "family")
"""Columns that differ from record to record."""
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
    for block in blocks(table):
        for name, known in (("tier", TIERS), ("hazard", HAZARDS), ("technique", TECHNIQUES)):
            if name in fields:
                _check_words(file, block[name], name, known)
        _check_ids(file, np.ascontiguousarray(block["id"]))
        for name in fields:
            _check_text(file, block[name])
    columns = _columns(table)
    ids = columns.pop("id")
    # a library is written in the order of its ids; any other order is legal, and costs a look at each
    named = np.asarray(ids)
    if not (named[1:] > named[:-1]).all() and len(set(named.tolist())) != named.size:
        raise file.altered("reference ids stand twice")
    texts = fields
    numbers = [name for name in NUMBER_FIELDS if name in names]

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

    return LazyRecords(ids, make, columns)


def _columns(table: NDArray[Any]) -> dict[str, OwnTexts | FewTexts]:
    """Return what an engine asks of every record, copied out of the file, by the name of the attribute."""
    names = table.dtype.names or ()
    made: dict[str, OwnTexts | FewTexts] = {}
    for name in ("id", *ASKED):
        kind = OwnTexts if name in OWN else FewTexts
        width = table.dtype[name].itemsize if name in names else len(Technique.NORMAL)
        if name == "family":
            width = max(width, table.dtype["substance"].itemsize)
        made[name] = kind(table.size, width)
    for block in blocks(table):
        for name, column in made.items():
            column.add(_texts(block, name))
    return {TEXT_FIELDS.get(name, name): column.done() for name, column in made.items()}


def _texts(block: NDArray[Any], name: str) -> NDArray[np.bytes_]:
    """Return a column of a part of the table; what an older file does not say is as it was."""
    if name not in (block.dtype.names or ()):
        return np.full(block.size, Technique.NORMAL.encode())
    column: NDArray[np.bytes_] = block[name]
    if name == "family" and (column == b"").any():
        return np.where(column == b"", block["substance"], column)
    return column


def _check_words(file: GuardedFile, column: NDArray[np.bytes_], name: str, known: Iterable[bytes]) -> None:
    """Refuse words that are none of those that are known."""
    right = np.zeros(column.size, np.bool_)
    for value in known:
        right |= column == value
    if not right.all():
        raise file.altered(f"a reference has an unknown {name}: {column[int(np.argmin(right))]!r}")


def _check_ids(file: GuardedFile, ids: NDArray[np.bytes_]) -> None:
    wrong_row = _first_bad_id(ids)
    if wrong_row is not None:
        raise file.altered(f"{ids[wrong_row].decode('utf-8', 'replace')!r} is not a reference id")


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
    found: list[str] = []
    for block in blocks(table):
        hashed = block["native_sha256"] != b""
        found += [name.decode("utf-8") for name in block["id"][hashed].tolist()]
    return frozenset(found)
