"""What ships beside the references: marker lines of families, gaps, and emission lines for calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from spectriage.library.catalogue import CONFIDENCE_TIERS
from spectriage.library.catalogue._toml import read_toml
from spectriage.spectra.errors import CatalogueError

_PACKAGE = "spectriage.library.catalogue"


@dataclass(frozen=True)
class Gap:
    """A material that the catalogue has no reference for, and why."""

    substance: str
    aliases: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Marker:
    """A line that a family shares, or must lack.

    Parameters
    ----------
    family, members
        Whose line it is; `members` names them where it is not the whole family's.
    mode
        The vibration, or the rule.
    low_cm, high_cm
        Where it lies, in cm⁻¹.
    strength
        ``vs``, ``s``, ``m``, ``w`` or a range of these; ``absent`` where the line rules the family out.
    confidence, citation, note
        "A" read, "B" recalled, "C" estimated; from where; what to know.
    """

    family: str
    members: str
    mode: str
    low_cm: float
    high_cm: float
    strength: str
    confidence: str
    citation: str
    note: str

    @property
    def excludes(self) -> bool:
        """Whether finding the line speaks against the family."""
        return self.strength == "absent"


@dataclass(frozen=True)
class EmissionLines:
    """Emission lines of one element.

    Parameters
    ----------
    element
        Its symbol.
    confidence, citation, note
        "A" read, "B" recalled; from where; what to know.
    lines
        Wavelength in air in nm and relative intensity, ascending.
    """

    element: str
    confidence: str
    citation: str
    note: str
    lines: tuple[tuple[float, float], ...]


def load_gaps() -> tuple[Gap, ...]:
    """Load the materials that the catalogue knows nothing of.

    Raises
    ------
    CatalogueError
        Names the file, the table and the field.
    """
    return tuple(
        Gap(table.text("substance"), table.texts("aliases"), table.text("reason"))
        for table in _tables("gaps", "gap", {"substance", "aliases", "reason"})
    )


def load_markers() -> tuple[Marker, ...]:
    """Load the marker lines of families.

    Raises
    ------
    CatalogueError
        Names the file, the table and the field.
    """
    keys = {"family", "members", "mode", "range_cm", "strength", "confidence", "citation", "note"}
    markers = []
    for table in _tables("markers", "marker", keys):
        low, high = table.pair("range_cm", table.raw.get("range_cm"))
        if not 0 < low < high:
            raise table.refuse("range_cm", "is not [low, high]")
        markers.append(
            Marker(
                table.text("family"),
                table.text("members", required=False),
                table.text("mode"),
                low,
                high,
                table.text("strength"),
                table.confidence(),
                table.text("citation"),
                table.text("note", required=False),
            )
        )
    return tuple(markers)


def load_emission_lines() -> dict[str, EmissionLines]:
    """Load the emission lines for wavelength calibration, by element.

    Raises
    ------
    CatalogueError
        Names the file, the table and the field.
    """
    elements = {}
    for table in _tables(
        "calibration-lines", "emission", {"element", "confidence", "citation", "note", "lines"}
    ):
        rows = table.raw.get("lines")
        if not isinstance(rows, list) or not rows:
            raise table.refuse("lines", "is not an array of [wavelength, intensity]")
        lines = tuple(table.pair("lines", row) for row in rows)
        if list(lines) != sorted(set(lines)) or lines[0][0] < 200.0:
            raise table.refuse("lines", "do not ascend from 200 nm")
        elements[table.text("element")] = EmissionLines(
            table.text("element"),
            table.confidence(),
            table.text("citation"),
            table.text("note", required=False),
            lines,
        )
    return elements


class _Table:
    def __init__(self, raw: Mapping[str, Any], where: str) -> None:
        self.raw = raw
        self.where = where

    def refuse(self, name: str, why: str) -> CatalogueError:
        return CatalogueError(f"field '{name}' {why}", where=self.where)

    def text(self, name: str, *, required: bool = True) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str) or (required and not value):
            raise self.refuse(name, "is missing or not text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(name, "is not an array of text")
        return tuple(value)

    def confidence(self) -> str:
        value = self.text("confidence")
        if value not in CONFIDENCE_TIERS:
            raise self.refuse("confidence", f"is '{value}', not A, B or C")
        return value

    def pair(self, name: str, value: object) -> tuple[float, float]:
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(
                isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)
                for item in value
            )
        ):
            raise self.refuse(name, "has a row that is not two numbers")
        return float(value[0]), float(value[1])


def _tables(file: str, name: str, keys: set[str]) -> list[_Table]:
    path = Path(str(resources.files(_PACKAGE))) / f"{file}.toml"
    document = read_toml(path)
    tables = document.get(name)
    if set(document) != {name} or not isinstance(tables, list):
        raise CatalogueError(f"holds other things than '{name}' tables", where=str(path))
    found = []
    for number, raw in enumerate(tables, 1):
        table = _Table(raw if isinstance(raw, dict) else {}, f"{path}: {name} {number}")
        unknown = sorted(set(table.raw) - keys)
        if unknown:
            raise table.refuse(unknown[0], "is unknown")
        found.append(table)
    return found
