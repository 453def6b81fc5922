"""What may be raised: rules for a folder of spectra whose labels are only their file names.

A TOML file with one ``[[spectra]]`` table a rule. ``files`` is a pattern, or a list of patterns, of paths
relative to the folder (``*`` also matches a slash; letter case counts not). A rule may set

``material``
    What counts as one material in intervals (default: the file's name without wavelength and number).
``substance``
    What the sample is, by a name that the library knows: for "rightly named".
``may_raise``
    Families, substances or targets that an alarm or a warning may be for (default: none).
``kind``
    What the sample counts as in tables (default: the sub-folder).
``skip``
    A reason why the spectrum is not used.

Every rule that matches applies; for each field the first one that sets it counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum

FIELDS: Mapping[str, type] = {
    "material": str,
    "substance": str,
    "may_raise": list,
    "kind": str,
    "skip": str,
}
MAX_RULES_BYTES = 1_000_000

_WAVELENGTH = re.compile(r"[ _]*\d{3,4} ?nm.*$", re.IGNORECASE)
_NUMBERED = re.compile(r"([ _-]+|(?<=[a-z]))\d+$")
"""A number after a word or a blank; one after a capital letter is a formula's."""


@dataclass(frozen=True)
class Rule:
    """Patterns, and what holds for the files that match one of them."""

    files: tuple[str, ...]
    settings: Mapping[str, Any]

    def matches(self, path: str) -> bool:
        """Whether a relative path matches."""
        return any(fnmatchcase(path.casefold(), pattern.casefold()) for pattern in self.files)


@dataclass(frozen=True, eq=False)
class FieldSpectrum:
    """One spectrum of a folder, and what its name says.

    Parameters
    ----------
    spectrum
        As read.
    path
        Relative to the folder, with the spectrum's own name where a file holds several.
    material
        What counts as one material in intervals.
    kind
        What it counts as in tables.
    substance
        What it is, by a name that the library may know; empty when not said.
    may_raise
        Families, substances or targets that may be raised, in lower case; the first names the class.
    """

    spectrum: Spectrum
    path: str
    material: str
    kind: str
    substance: str = ""
    may_raise: tuple[str, ...] = ()


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read a file of rules.

    Raises
    ------
    FormatError
        Names the file and the rule.
    """
    where = str(path)
    try:
        if path.stat().st_size > MAX_RULES_BYTES:
            raise FormatError("is larger than 1 MB", where=where)
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=where) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"is not TOML: {error}", where=where) from None
    if set(data) != {"spectra"} or not isinstance(data["spectra"], list):
        raise FormatError("does not consist of [[spectra]] tables", where=where)
    return tuple(_rule(table, f"{where}: rule {number}") for number, table in enumerate(data["spectra"], 1))


def _rule(table: Any, where: str) -> Rule:
    if not isinstance(table, dict) or "files" not in table:
        raise FormatError("has no files", where=where)
    patterns = table["files"] if isinstance(table["files"], list) else [table["files"]]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise FormatError("files is not a pattern or a list of patterns", where=where)
    settings = {name: value for name, value in table.items() if name != "files"}
    for name, value in settings.items():
        if name not in FIELDS:
            raise FormatError(
                f"there is no field {name!r}", where=where, remedy=f"use {', '.join(('files', *FIELDS))}"
            )
        if not isinstance(value, FIELDS[name]) or (
            isinstance(value, list) and not all(isinstance(item, str) for item in value)
        ):
            kind = "a list of names" if name == "may_raise" else "text"
            raise FormatError(f"{name} is not {kind}", where=where)
    return Rule(tuple(patterns), settings)


def material_of(stem: str) -> str:
    """Return a file's name without wavelength and number: several scans of one material."""
    return (
        _NUMBERED.sub("", _WAVELENGTH.sub("", stem)).replace("_", " ").strip().casefold() or stem.casefold()
    )


def read_field(
    folder: Path, rules: tuple[Rule, ...] = (), *, progress: Progress | None = None
) -> tuple[list[FieldSpectrum], list[str]]:
    """Read every spectrum in a folder and below; return them and what was left out, with the reasons.

    Raises
    ------
    FormatError
        When there is no such folder, or no spectrum in it.
    """
    from spectriage.spectra.formats import read_spectra

    if not folder.is_dir():
        raise FormatError("is not a folder", where=str(folder))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    found: list[FieldSpectrum] = []
    left_out: list[str] = []
    for done, file in enumerate(files, 1):
        path = file.relative_to(folder).as_posix()
        known: dict[str, Any] = {}
        for rule in rules:
            if rule.matches(path):
                known = {**rule.settings, **known}
        if known.get("skip"):
            left_out.append(f"{path}: {known['skip']}")
            continue
        try:
            spectra = read_spectra(file)
        except SpectriageError as error:
            left_out.append(f"{path}: {error.what}")
            continue
        found += [
            FieldSpectrum(
                spectrum,
                path if len(spectra) == 1 else f"{path}: {label}",
                known.get("material") or material_of(file.stem),
                known.get("kind") or (path.rpartition("/")[0] or folder.name),
                known.get("substance", ""),
                tuple(name.casefold() for name in known.get("may_raise", ())),
            )
            for label, spectrum in spectra.items()
        ]
        if progress is not None:
            progress(f"reading {folder.name}", done, len(files))
    if not found:
        raise FormatError("no spectra are in it", where=str(folder))
    return found, left_out
