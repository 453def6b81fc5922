"""A manifest to fill in, which says itself what may stand in each column."""

from __future__ import annotations

from spectriage.library.building.manifest import FIELDS, NUMBERS, REQUIRED, UNCLASSED
from spectriage.library.catalogue import CLASS_HAZARDS
from spectriage.spectra.reference import Hazard, Tier
from spectriage.spectra.technique import Technique

MEANINGS = {
    "path": "the spectrum's file, relative to the manifest",
    "substance": "what it is a spectrum of",
    "form": "salt, hydrate, polymorph or state",
    "family": "the smallest group that the evidence supports; the substance if empty",
    "class": "one of the classes below; other if empty",
    "hazard": "what a find means; follows from the class if empty",
    "tier": "how it is known; measured if empty",
    "cas": "CAS registry number",
    "inchikey": "InChIKey",
    "source": "instrument, sample, who measured it",
    "licence": "terms of use",
    "excitation": "laser, nm; the file's if empty",
    "resolution": "FWHM, cm⁻¹; the file's if empty",
    "id": "lower-case letters, digits and hyphens; made from substance and form if empty",
    "which": "which spectrum of a file that holds several",
    "column": "which intensity column of a table with several",
    "technique": "normal or sers; normal if empty",
    "substrate": "of SERS, on which metal",
}

EXAMPLE = {
    "path": "scans/lidocaine.csv",
    "substance": "lidocaine",
    "form": "HCl",
    "class": "cutting-agent",
    "source": "our 785 nm unit 12; lot 4711",
    "excitation": "785",
    "resolution": "8.5",
}


def manifest_columns() -> list[dict[str, object]]:
    """Return every column: its name, whether it must be filled, its meaning, the values allowed."""
    allowed: dict[str, list[str]] = {
        "class": [*CLASS_HAZARDS, *UNCLASSED],
        "hazard": [str(hazard) for hazard in Hazard],
        "tier": [str(tier) for tier in Tier],
        "technique": [str(technique) for technique in Technique],
        **{name: [f"{low:g} to {high:g}"] for name, (low, high) in NUMBERS.items()},
    }
    return [
        {
            "column": name,
            "required": name in REQUIRED,
            "meaning": MEANINGS[name],
            "allowed": allowed.get(name, []),
        }
        for name in FIELDS
    ]


def manifest_template() -> str:
    """Return the text of a CSV manifest with every column, explained in comments, and one example line."""
    lines = ["# A manifest of measured spectra: one line each. Lines that start with # are passed over."]
    for column in manifest_columns():
        must = " (required)" if column["required"] else ""
        lines.append(f"# {column['column']}{must}: {column['meaning']}")
    lines.append(f"# tiers: {', '.join(Tier)}")
    lines.append("# classes, and the hazard that follows from each:")
    lines += [f"#   {name}: {hazard}" for name, hazard in CLASS_HAZARDS.items()]
    lines += [f"#   {name}: none" for name in UNCLASSED]
    lines.append("# the next line names the columns; the one after it is an example to be replaced")
    lines.append(",".join(FIELDS))
    lines.append(",".join(EXAMPLE.get(name, "") for name in FIELDS))
    return "\n".join(lines) + "\n"
