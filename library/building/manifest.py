"""Manifests: which measured spectra go into a library, as CSV or TOML.

A CSV manifest has a header line and one spectrum a line; a TOML manifest has an array of tables
``[[spectrum]]``. Both have the same fields; only ``path`` and ``substance`` are required, and a relative
path counts from the manifest's folder. Blank lines and lines that start with ``#`` are skipped in CSV.
"""

from __future__ import annotations

import csv
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectriage.library.catalogue import CLASS_HAZARDS
from spectriage.library.catalogue._identifiers import is_cas, is_inchikey
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard, Tier
from spectriage.spectra.technique import Technique

MAX_FILE_BYTES = 64_000_000
REQUIRED = ("path", "substance")
TEXTS = (
    *REQUIRED,
    "form",
    "family",
    "class",
    "hazard",
    "tier",
    "cas",
    "inchikey",
    "source",
    "licence",
    "technique",
    "substrate",
)
NUMBERS = {"excitation": (200.0, 2000.0), "resolution": (0.1, 200.0)}
SELECTORS = ("id", "which", "column")
UNCLASSED = ("other", "background")
"""Classes beside those of the catalogue; without a hazard unless one is stated."""
FIELDS = (*TEXTS, *NUMBERS, *SELECTORS)

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ManifestError(CatalogueError):
    """A manifest with entries that are not acceptable.

    Attributes
    ----------
    problems
        Every one of them, each with its file and line or entry.
    """

    def __init__(self, problems: list[str], *, where: str) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in the manifest:\n  " + "\n  ".join(problems), where=where)
        self.problems = tuple(problems)


@dataclass(frozen=True)
class ManifestEntry:
    """One measured spectrum to bring into a library.

    Parameters
    ----------
    path
        The file, absolute or relative to the working folder.
    substance, form, family, cas, inchikey, source, licence
        As in `Reference`; empty when not given.
    material_class
        ``class`` in the manifest; empty when not given.
    hazard
        None when not given: then it follows from the class.
    tier
        Measured unless the manifest says otherwise.
    excitation_nm, resolution_cm
        None when not given: then what the file says holds.
    id
        Empty when not given: then it is made from substance and form.
    which, column
        Which spectrum of a file that holds several, see `read_spectrum`; None when not given.
    technique, substrate
        How it was measured: normal unless the manifest says otherwise.
    where
        Manifest and line or entry, for messages.
    """

    path: Path
    substance: str
    form: str = ""
    family: str = ""
    material_class: str = ""
    hazard: Hazard | None = None
    tier: Tier = Tier.MEASURED
    cas: str = ""
    inchikey: str = ""
    source: str = ""
    licence: str = ""
    excitation_nm: float | None = None
    resolution_cm: float | None = None
    id: str = ""
    which: str | None = None
    column: str | None = None
    where: str = ""
    technique: Technique = Technique.NORMAL
    substrate: str = ""


def load_manifest(path: Path | str) -> tuple[ManifestEntry, ...]:
    """Read a manifest, CSV or TOML by its suffix, and check every entry.

    Raises
    ------
    CatalogueError
        When the file cannot be read as what its suffix says.
    ManifestError
        With every problem of every entry.
    """
    path = Path(path)
    text = _read_text(path)
    problems: list[str] = []
    rows = _toml_rows(path, text) if path.suffix.casefold() == ".toml" else _csv_rows(path, text, problems)
    entries = []
    seen: dict[str, str] = {}
    for where, row in rows:
        found = [f"{where}: {problem}" for problem in _problems(row, path.parent)]
        name = row.get("id")
        if isinstance(name, str) and name:
            if name in seen:
                found.append(f"{where}: the id {name!r} stands already at {seen[name]}")
            seen.setdefault(name, where)
        problems += found
        if not found:
            entries.append(entry_from_fields(row, path.parent, where))
    if problems:
        raise ManifestError(problems, where=str(path))
    if not entries:
        raise CatalogueError("the manifest names no spectra", where=str(path))
    return tuple(entries)


def check_fields(fields: Mapping[str, Any], folder: Path, where: str) -> ManifestEntry:
    """Check the fields of one spectrum, given under their manifest names.

    Raises
    ------
    ManifestError
        With every problem.
    """
    problems = _problems(fields, folder)
    if problems:
        raise ManifestError(problems, where=where)
    return entry_from_fields(fields, folder, where)


def entry_from_fields(fields: Mapping[str, Any], folder: Path, where: str) -> ManifestEntry:
    """Make an entry of fields that hold."""
    numbers = {name: float(fields[name]) if fields.get(name) not in (None, "") else None for name in NUMBERS}
    text = {name: str(fields.get(name, "")) for name in TEXTS}
    return ManifestEntry(
        path=folder / text["path"],
        substance=text["substance"],
        form=text["form"],
        family=text["family"],
        material_class=text["class"],
        hazard=Hazard(text["hazard"]) if text["hazard"] else None,
        tier=Tier(text["tier"]) if text["tier"] else Tier.MEASURED,
        cas=text["cas"],
        inchikey=text["inchikey"],
        source=text["source"],
        licence=text["licence"],
        excitation_nm=numbers["excitation"],
        resolution_cm=numbers["resolution"],
        id=str(fields.get("id", "")),
        which=str(fields["which"]) if fields.get("which") else None,
        column=str(fields["column"]) if fields.get("column") else None,
        where=where,
        technique=Technique(text["technique"]) if text["technique"] else Technique.NORMAL,
        substrate=text["substrate"],
    )


def field_problems(fields: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the fields of one spectrum, other than that its file is not there."""
    problems = [f"unknown field {name!r}" for name in fields if name not in FIELDS]
    problems += [f"no {name}" for name in REQUIRED if not fields.get(name)]
    for name in (*TEXTS, *SELECTORS):
        value = fields.get(name, "")
        if not _is_text(name, value):
            told = (
                f"{name} holds control characters"
                if isinstance(value, str)
                else f"{name} is {value!r}, not text"
            )
            problems.append(told)
    good = _good(fields)
    return problems + _number_problems(good) + _word_problems(good)


def _read_text(path: Path) -> str:
    where = str(path)
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise CatalogueError("the manifest is not a regular file", where=where)
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CatalogueError(f"the manifest is larger than {MAX_FILE_BYTES // 1_000_000} MB", where=where)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CatalogueError(f"the manifest cannot be read: {error.strerror or error}", where=where) from None
    except UnicodeDecodeError:
        raise CatalogueError(
            "the manifest is not UTF-8 text", where=where, remedy="save it as UTF-8"
        ) from None


def _toml_rows(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogueError(f"the manifest is not TOML: {error}", where=str(path)) from None
    tables = document.get("spectrum")
    if set(document) != {"spectrum"} or not isinstance(tables, list):
        raise CatalogueError("the manifest is not an array of tables [[spectrum]] alone", where=str(path))
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict):
            raise CatalogueError(f"entry {number} is not a table", where=str(path))
        yield f"{path.name}: entry {number}", table


def _csv_rows(path: Path, text: str, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    # Comments become blank lines, so that the reader's line numbers stay those of the file.
    lines = ["" if line.lstrip().startswith("#") else line for line in io.StringIO(text, newline="")]
    header_line = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=header_line.count)
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            where = f"{path.name}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            stripped = [cell.strip() for cell in cells]
            if header is None:
                header = [cell.casefold() for cell in stripped]
                _check_header(header, path)
            elif len(stripped) > len(header):
                problems.append(f"{where}: {len(stripped)} cells under {len(header)} columns")
            else:
                named = zip(header, stripped, strict=False)
                yield where, {name: cell for name, cell in named if cell}
    except csv.Error as error:
        raise CatalogueError(f"the manifest is not CSV: {error}", where=f"{path}:{reader.line_num}") from None


def _check_header(header: list[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise CatalogueError(
            f"the manifest's header has no column {' and no column '.join(missing)}",
            where=str(path),
            remedy=f"the columns are {', '.join(FIELDS)}",
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise CatalogueError(f"the column {twice[0]!r} stands twice in the header", where=str(path))


def _problems(fields: Mapping[str, Any], folder: Path) -> list[str]:
    return field_problems(fields) + _path_problems(_good(fields), folder)


def _is_text(name: str, value: Any) -> bool:
    if isinstance(value, str):
        return value.isprintable()
    # a table number is a natural way to say which; anything else that is not text is a mistake
    return name in SELECTORS[1:] and isinstance(value, int) and not isinstance(value, bool)


def _good(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are given and are text where they have to be."""
    bad = {name for name in (*TEXTS, *SELECTORS) if not _is_text(name, fields.get(name, ""))}
    return {name: value for name, value in fields.items() if name not in bad and value != ""}


def _number_problems(fields: Mapping[str, Any]) -> list[str]:
    problems = []
    for name, (low, high) in NUMBERS.items():
        if name not in fields:
            continue
        value = fields[name]
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not low <= number <= high:
            problems.append(f"{name} is {value!r}, not a number from {low:g} to {high:g}")
    return problems


def _word_problems(fields: Mapping[str, Any]) -> list[str]:
    problems = []
    for name, known in (("hazard", Hazard), ("tier", Tier), ("technique", Technique)):
        if name in fields and fields[name] not in set(known):
            problems.append(f"{name} is {fields[name]!r}, not one of {', '.join(known)}")
    material_class = fields.get("class", "other")
    if material_class not in (*CLASS_HAZARDS, *UNCLASSED) and "hazard" not in fields:
        problems.append(
            f"class {material_class!r} has no hazard of its own: state hazard, or use one of "
            f"{', '.join(CLASS_HAZARDS)}"
        )
    if "cas" in fields and not is_cas(fields["cas"]):
        problems.append(f"cas is {fields['cas']!r}, not a CAS number whose check digit holds")
    if "inchikey" in fields and not is_inchikey(fields["inchikey"]):
        problems.append(f"inchikey is {fields['inchikey']!r}, not an InChIKey")
    if "id" in fields and not _ID.fullmatch(fields["id"]):
        problems.append(f"id is {fields['id']!r}, not lower-case letters, digits and single hyphens")
    return problems


def _path_problems(fields: Mapping[str, Any], folder: Path) -> list[str]:
    if "path" not in fields:
        return []
    path = folder / fields["path"]
    try:
        if path.is_dir():
            return [f"{fields['path']} is a folder"]
        if not path.exists():
            return [f"{fields['path']} does not exist"]
        if not path.is_file():
            return [f"{fields['path']} is not a regular file"]
    except OSError as error:
        return [f"{fields['path']} cannot be reached: {error.strerror or error}"]
    return []
