"""Turn a catalogue file into entries, or say which field of which entry is wrong."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectriage.library.catalogue import CONFIDENCE_TIERS, Band, CatalogueEntry
from spectriage.library.catalogue._hazards import CLASS_HAZARDS
from spectriage.library.catalogue._identifiers import count_elements, is_cas, is_inchikey
from spectriage.library.catalogue._toml import read_toml
from spectriage.library.catalogue.response import response_of
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard, Tier

MAX_BANDS = 500
MAX_SHIFT_CM = 5000.0

_BAND_LIMITS = ((10.0, MAX_SHIFT_CM), (0.01, 100.0), (0.5, 500.0))

_FITTED = ("shift", "height", "fwhm", "shape")
_FITTED_OPTIONAL = ("u", "confidence", "assignment")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REQUIRED = ("id", "substance", "class", "confidence", "tier", "licence", "citation", "bands")
_TEXTS = ("form", "family", "cas", "cas_base", "formula", "inchikey", "inchikey_base", "note")
_OPTIONAL = (
    *_TEXTS,
    *("aliases", "hazard", "extracted_from", "excitation_nm", "resolution_cm", "range_cm"),
    *("instrument_cm", "lorentz_fraction", "model_cosine", "model_v", "analogue_of", "kind"),
)
_KEYS = frozenset((*_REQUIRED, *_OPTIONAL))


class _Fields:
    """The raw fields of one entry; every refusal names file, entry and field."""

    def __init__(self, raw: dict[str, Any], file: Path, label: str) -> None:
        self.raw = raw
        self.file = file
        self.label = label

    def refuse(self, name: str, why: str, remedy: str = "") -> CatalogueError:
        return CatalogueError(f"{self.label}: field '{name}' {why}", where=str(self.file), remedy=remedy)

    def text(self, name: str) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str):
            raise self.refuse(name, f"is {_kind(value)}, not text")
        if value != value.strip() or _CONTROL.search(value):
            raise self.refuse(name, "has spaces at its ends or control characters")
        if not value and name in self.raw:
            raise self.refuse(name, "is empty", "leave it out")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        if name not in self.raw:
            return None
        return self.bounded(name, self.raw[name], low, high)

    def bounded(self, name: str, value: Any, low: float, high: float) -> float:
        # A boolean is an int in Python and never a quantity here.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(name, f"has {_kind(value)} where a number belongs")
        if not math.isfinite(value) or not low <= value <= high:
            raise self.refuse(name, f"has {value}, which is not between {low:g} and {high:g}")
        return float(value)

    def checked(self, name: str, holds: Callable[[str], bool], what: str) -> str:
        value = self.text(name)
        if value and not holds(value):
            raise self.refuse(name, f"is '{value}', which is not {what}")
        return value


def _kind(value: object) -> str:
    return {bool: "a boolean", str: "text", dict: "a table", list: "an array"}.get(
        type(value), type(value).__name__
    )


def read_entries(path: Path) -> list[CatalogueEntry]:
    """Read and check the entries of one file, in its order.

    Raises
    ------
    CatalogueError
        When the file cannot be read, is not TOML, or an entry is not acceptable.
    """
    document = read_toml(path)
    unknown = sorted(set(document) - {"entry"})
    if unknown:
        raise CatalogueError(
            f"unknown top-level key '{unknown[0]}'",
            where=str(path),
            remedy="a catalogue file has 'entry' tables only",
        )
    tables = document.get("entry", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CatalogueError("'entry' is not an array of tables", where=str(path), remedy="write [[entry]]")
    return [_parse_entry(table, path, number) for number, table in enumerate(tables, 1)]


def _parse_entry(raw: dict[str, Any], path: Path, number: int) -> CatalogueEntry:
    name = raw.get("id")
    fields = _Fields(raw, path, f"entry '{name}'" if isinstance(name, str) else f"entry {number}")
    for key in _REQUIRED:
        if key not in raw:
            raise fields.refuse(key, "is missing")
    unknown = sorted(set(raw) - _KEYS)
    if unknown:
        raise fields.refuse(unknown[0], "is unknown", f"known fields are {', '.join(sorted(_KEYS))}")
    confidence, tier = _evidence(fields)
    material_class, hazard = _hazard(fields)
    low, high = _range(fields)
    substance = fields.text("substance")
    return CatalogueEntry(
        id=fields.checked("id", lambda text: _ID.fullmatch(text) is not None, "lower-case words and hyphens"),
        substance=substance,
        form=fields.text("form"),
        family=fields.text("family") or substance,
        aliases=_aliases(fields),
        material_class=material_class,
        hazard=hazard,
        tier=tier,
        confidence=confidence,
        cas=fields.checked("cas", is_cas, "a CAS number whose check digit holds"),
        cas_base=fields.checked("cas_base", is_cas, "a CAS number whose check digit holds"),
        formula=fields.checked("formula", _is_formula, "a formula"),
        inchikey=fields.checked("inchikey", is_inchikey, "an InChIKey"),
        inchikey_base=fields.checked("inchikey_base", is_inchikey, "an InChIKey"),
        licence=fields.text("licence"),
        citation=fields.text("citation"),
        note=fields.text("note"),
        extracted_from=fields.text("extracted_from"),
        excitation_nm=fields.number("excitation_nm", 200.0, 2000.0),
        resolution_cm=fields.number("resolution_cm", 0.0, 100.0) or 0.0,
        instrument_cm=fields.number("instrument_cm", 0.0, 100.0) or 0.0,
        valid_low_cm=low,
        valid_high_cm=high,
        lorentz_fraction=_or(fields.number("lorentz_fraction", 0.0, 1.0), 0.5),
        model_cosine=fields.number("model_cosine", 0.0, 1.0),
        model_v=fields.number("model_v", 0.0, 1.0),
        analogue_of=fields.text("analogue_of"),
        kind=fields.checked("kind", _is_kind, "a kind of `responses.toml`"),
        bands=_bands(fields, low, high),
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _is_formula(text: str) -> bool:
    try:
        count_elements(text)
    except ValueError:
        return False
    return True


def _is_kind(text: str) -> bool:
    try:
        response_of("", "", text)
    except CatalogueError:
        return False
    return True


def _evidence(fields: _Fields) -> tuple[str, Tier]:
    confidence = fields.text("confidence")
    if confidence not in CONFIDENCE_TIERS:
        raise fields.refuse("confidence", f"is '{confidence}', not A, B or C")
    name = fields.text("tier")
    if name not in set(Tier):
        raise fields.refuse("tier", f"is '{name}', not one of {', '.join(Tier)}")
    tier = Tier(name)
    strongest = CONFIDENCE_TIERS[confidence]
    if tier.rank < strongest.rank:
        raise fields.refuse(
            "tier", f"is '{tier}', more than confidence {confidence} supports", f"at most '{strongest}'"
        )
    return confidence, tier


def _hazard(fields: _Fields) -> tuple[str, Hazard]:
    material_class = fields.text("class")
    if material_class not in CLASS_HAZARDS:
        raise fields.refuse(
            "class", f"is '{material_class}'", f"known classes are {', '.join(CLASS_HAZARDS)}"
        )
    if "hazard" not in fields.raw:
        return material_class, CLASS_HAZARDS[material_class]
    name = fields.text("hazard")
    if name not in set(Hazard):
        raise fields.refuse("hazard", f"is '{name}', not one of {', '.join(Hazard)}")
    return material_class, Hazard(name)


def _aliases(fields: _Fields) -> tuple[str, ...]:
    value = fields.raw.get("aliases", [])
    if not isinstance(value, list) or not all(isinstance(alias, str) and alias.strip() for alias in value):
        raise fields.refuse("aliases", "is not an array of names")
    if len({alias.casefold() for alias in value}) != len(value):
        raise fields.refuse("aliases", "has a name twice")
    return tuple(value)


def _range(fields: _Fields) -> tuple[float | None, float | None]:
    if "range_cm" not in fields.raw:
        return None, None
    value = fields.raw["range_cm"]
    if not isinstance(value, list) or len(value) != 2:
        raise fields.refuse("range_cm", "is not [low, high]")
    low, high = (fields.bounded("range_cm", edge, 0.0, MAX_SHIFT_CM) for edge in value)
    if low >= high:
        raise fields.refuse("range_cm", f"descends: {low:g} to {high:g}")
    return low, high


def _bands(fields: _Fields, low: float | None, high: float | None) -> tuple[Band, ...]:
    rows = fields.raw["bands"]
    if not isinstance(rows, list):
        raise fields.refuse("bands", f"is {_kind(rows)}, not an array")
    if len(rows) > MAX_BANDS:
        raise fields.refuse("bands", f"has {len(rows)} bands, more than {MAX_BANDS}")
    bands = tuple(_band(fields, row, number) for number, row in enumerate(rows, 1))
    for before, after in itertools.pairwise(bands):
        if after.shift_cm <= before.shift_cm:
            raise fields.refuse("bands", f"do not ascend: {before.shift_cm:g} then {after.shift_cm:g}")
    if bands and max(band.height for band in bands) != 100.0:
        raise fields.refuse("bands", "have no strongest band of height 100")
    for band in bands:
        if low is not None and high is not None and not low <= band.shift_cm <= high:
            raise fields.refuse("bands", f"has {band.shift_cm:g} cm⁻¹, outside range_cm {low:g} to {high:g}")
    return bands


def _band(fields: _Fields, row: Any, number: int) -> Band:
    if isinstance(row, dict):
        return _fitted_band(fields, row, number)
    if not isinstance(row, list) or not 3 <= len(row) <= 5:
        raise fields.refuse("bands", f"has in row {number} not [shift, height, fwhm, confidence, assignment]")
    shift, height, fwhm = row[:3]
    letter, assignment = (*row[3:], "", "")[:2]
    if letter not in ("", *CONFIDENCE_TIERS) or not isinstance(assignment, str):
        raise fields.refuse("bands", f"has in row {number} a confidence or assignment that is none")
    for value, (low, high) in zip((shift, height, fwhm), _BAND_LIMITS, strict=True):
        # The usual case without a call, since a catalogue has thousands; what fails it is named below.
        if type(value) not in (int, float) or not low <= value <= high:
            fields.bounded("bands", value, low, high)
    return Band(float(shift), float(height), float(fwhm), letter, assignment)


def _fitted_band(fields: _Fields, row: dict[str, Any], number: int) -> Band:
    """Return a band that was fitted: a table with its shape and uncertainties."""
    unknown = set(row) ^ {*_FITTED, *(key for key in _FITTED_OPTIONAL if key in row)}
    if unknown:
        raise fields.refuse(
            "bands",
            f"has in row {number} a table that lacks or should not have {', '.join(sorted(unknown))}",
            "write { shift = 651.8, height = 44.6, fwhm = 10.2, shape = 0.4, u = [0.1, 0.4, 0.3, 0.1] }",
        )
    values = [
        fields.bounded("bands", row[name], low, high)
        for name, (low, high) in zip(_FITTED, (*_BAND_LIMITS, (0.0, 1.0)), strict=True)
    ]
    spread = row.get("u")
    if spread is not None and (not isinstance(spread, list) or len(spread) != len(_FITTED)):
        raise fields.refuse("bands", f"has in row {number} an 'u' that is not four uncertainties")
    u = (
        None
        if spread is None
        else tuple(fields.bounded("bands", value, 0.0, MAX_SHIFT_CM) for value in spread)
    )
    letter, assignment = row.get("confidence", ""), row.get("assignment", "")
    if letter not in ("", *CONFIDENCE_TIERS) or not isinstance(assignment, str):
        raise fields.refuse("bands", f"has in row {number} a confidence or assignment that is none")
    uncertainty = (u[0], u[1], u[2], u[3]) if u else None
    return Band(values[0], values[1], values[2], letter, assignment, values[3], uncertainty)
