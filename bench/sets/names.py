"""When two labels mean one substance: aliases, near-identical groups, and corrections of wrong labels."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spectriage.spectra.errors import FormatError, ParameterError

MAX_TABLE_BYTES = 4_000_000

NEAR_IDENTICAL: tuple[tuple[str, ...], ...] = (
    ("coconut oil", "sesame oil", "linseed oil", "coconut fatty acid ester"),
    ("citric acid", "citric acid anhydrate", "citric acid monohydrate"),
)
"""Triglycerides differ by little more than their C=C band; an open powder of citric acid takes up water."""


def fold(name: str) -> str:
    """Return a label in one spelling: lower case, underscores and runs of blanks as one blank."""
    return " ".join(name.replace("_", " ").casefold().split())


@functools.lru_cache(maxsize=1)
def _catalogue_names() -> dict[str, str]:
    """Return the catalogue's substances by every name they go by; a substance's own name comes first."""
    from spectriage.library.catalogue import load_catalogue

    entries = load_catalogue()
    known = {fold(entry.substance): fold(entry.substance) for entry in entries}
    for entry in entries:
        for alias in (*entry.aliases, f"{entry.substance} {entry.form}".strip()):
            known.setdefault(fold(alias), fold(entry.substance))
    return known


@dataclass(frozen=True)
class Names:
    """Decides whether two labels are one substance, and whether they can be told apart at all.

    Parameters
    ----------
    aliases
        Label to substance, in any spelling; goes before the catalogue's own aliases.
    groups
        Substances whose spectra are so near to each other that either name is right.
    catalogue
        Whether the shipped catalogue's aliases count.

    Raises
    ------
    ParameterError
        When a substance stands in two groups.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[tuple[str, ...], ...] = NEAR_IDENTICAL
    catalogue: bool = True
    _given: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    _group_of: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._given.update({fold(label): fold(name) for label, name in self.aliases.items()})
        for group in self.groups:
            members = {self.substance(name) for name in group}
            twice = members & set(self._group_of)
            if twice:
                raise ParameterError(f"{', '.join(sorted(twice))} stands in two groups of substances")
            self._group_of.update(dict.fromkeys(members, self.substance(group[0])))

    def substance(self, label: str) -> str:
        """Return the substance that a label means, in one spelling."""
        name = fold(label)
        name = self._given.get(name, name)
        return _catalogue_names().get(name, name) if self.catalogue else name

    def key(self, label: str) -> str:
        """Return the name of the group that a label's substance cannot be told from; often itself alone."""
        substance = self.substance(label)
        return self._group_of.get(substance, substance)

    def same(self, first: str, second: str) -> bool:
        """Whether either label is a right answer for the other."""
        return self.key(first) == self.key(second)


def read_aliases(path: Path) -> dict[str, str]:
    """Read an alias table: CSV with the columns ``label`` and ``substance``."""
    return {row["label"]: row["substance"] for row in read_table(path, ("label", "substance"))}


def read_groups(path: Path) -> tuple[tuple[str, ...], ...]:
    """Read near-identical substances: CSV with the columns ``group`` and ``substance``, one a row."""
    groups: dict[str, list[str]] = {}
    for row in read_table(path, ("group", "substance")):
        groups.setdefault(row["group"], []).append(row["substance"])
    return tuple(tuple(members) for members in groups.values())


@dataclass(frozen=True)
class Correction:
    """A known label problem.

    Parameters
    ----------
    path
        The end of the file's path, e.g. ``set/file.csv``.
    substance
        What it is; empty to leave the spectrum out.
    reason
        Why, printed with the results.
    """

    path: str
    substance: str
    reason: str


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """Read label corrections: CSV with the columns ``path``, ``substance`` (may be empty) and ``reason``."""
    rows = read_table(path, ("path", "substance", "reason"), may_be_empty=("substance",))
    return tuple(Correction(row["path"], row["substance"], row["reason"]) for row in rows)


def read_table(
    path: Path, columns: Iterable[str], *, may_be_empty: Iterable[str] = (), optional: Iterable[str] = ()
) -> list[dict[str, str]]:
    """Read a small CSV table with a header; lines that start with ``#`` and blank lines are skipped.

    Parameters
    ----------
    columns
        That it must have, each filled in every row but for those of `may_be_empty`.
    optional
        That it may have besides; empty where missing.

    Raises
    ------
    FormatError
        Names the file and the line.
    """
    wanted, further, empty = tuple(columns), tuple(optional), set(may_be_empty)
    lines = ["" if line.lstrip().startswith("#") else line for line in io.StringIO(_text(path), newline="")]
    reader = csv.reader(iter(lines), strict=True)
    header: list[str] | None = None
    rows = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            where = f"{path}:{reader.line_num}"
            if header is None:
                header = _header(stripped, wanted, further, where)
                continue
            if len(stripped) > len(header):
                raise FormatError(f"{len(stripped)} cells under {len(header)} columns", where=where)
            row = dict.fromkeys((*wanted, *further), "") | dict(zip(header, stripped, strict=False))
            missing = [name for name in wanted if not row[name] and name not in empty]
            if missing:
                raise FormatError(f"no {missing[0]}", where=where)
            rows.append(row)
    except csv.Error as error:
        raise FormatError(f"not CSV: {error}", where=f"{path}:{reader.line_num}") from None
    if header is None:
        raise FormatError(
            "the table is empty", where=str(path), remedy=f"its columns are {', '.join(wanted)}"
        )
    return rows


def _header(cells: list[str], wanted: tuple[str, ...], further: tuple[str, ...], where: str) -> list[str]:
    header = [cell.casefold() for cell in cells]
    remedy = f"the columns are {', '.join((*wanted, *further))}"
    for name in wanted:
        if name not in header:
            raise FormatError(f"the header has no column {name}", where=where, remedy=remedy)
    unknown = [name for name in header if name not in (*wanted, *further)]
    if unknown or len(set(header)) < len(header):
        raise FormatError(f"the header has an unknown or repeated column {unknown or header}", where=where)
    return header


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise FormatError("is not a file", where=str(path))
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise FormatError(f"is larger than {MAX_TABLE_BYTES // 1_000_000} MB", where=str(path))
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except UnicodeDecodeError:
        raise FormatError("is not UTF-8 text", where=str(path)) from None
