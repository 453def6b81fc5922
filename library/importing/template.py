"""A manifest of a folder to fill in: every spectrum with the name that would be taken for it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectriage.library.building.known import known_substances
from spectriage.library.catalogue import CatalogueEntry
from spectriage.library.importing.folder import find_in_folder
from spectriage.library.importing.found import Found, Refusal

COLUMNS = ("path", "which", "substance", "form", "class", "hazard", "cas", "source", "licence", "technique")
HEAD = """\
# A manifest for `spectriage library import`. Paths count from its folder; lines with # are passed over.
# Check every substance: it was guessed from a name. class and hazard come from the catalogue if it knows it.
"""


@dataclass(frozen=True)
class TemplateLine:
    """One line of the manifest, its end included, and what it says."""

    text: str
    fields: dict[str, str]
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as an object."""
        return {**self.fields, "refused": self.refused}


def folder_template(folder: Path) -> list[TemplateLine]:
    """Return a manifest of a folder's spectra, to be checked, filled in and put into that folder.

    What cannot be read, or names nothing, stands in it as a comment with the reason.

    Raises
    ------
    FormatError
        When the folder cannot be read.
    """
    known = known_substances()
    lines = []
    for found in find_in_folder(folder):
        if isinstance(found, Refusal):
            reason = " ".join(found.reason.split())
            lines.append(TemplateLine(f"# {found.where}: {reason}\n", {"path": found.where}, reason))
        else:
            fields = _fields(found, known)
            lines.append(TemplateLine(_csv(fields.values()), fields))
    return [TemplateLine(HEAD + _csv(COLUMNS), {}), *lines] if lines else []


def _fields(found: Found, known: dict[str, CatalogueEntry]) -> dict[str, str]:
    substance = str(found.fields["substance"])
    same = known.get(" ".join(substance.casefold().split()))
    given = {
        "path": found.where.split("#", 1)[0],
        "which": found.which,
        "substance": substance,
        "class": found.fields.get("class", "") or (same.material_class if same else ""),
        "hazard": found.fields.get("hazard", "") or (str(same.hazard) if same else ""),
        "source": found.fields.get("source", ""),
        "licence": found.fields.get("licence", ""),
    }
    return {name: str(given.get(name, "")) for name in COLUMNS}


def _csv(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
