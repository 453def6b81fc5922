"""Identifications as CSV, one row a substance, for laboratory systems and drug-checking databases."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from spectriage.spectra.verdict import Identification

COLUMNS = (
    *("sample", "time", "substance", "form", "family", "class", "tier", "probability"),
    *("signal_percent", "signal_percent_low", "signal_percent_high", "mass_percent_low", "mass_percent_high"),
    *("verdict", "reason", "packaging", "method", "library", "library_version", "library_sha256"),
    *("engine", "scan_sha256", "notes"),
)
METHOD = "Raman spectroscopy, library search and mixture fit; presumptive"
# A cell that opens with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _percent(value: Any) -> str:
    return "" if value is None else f"{100.0 * float(value):.1f}"


def _shared(result: Mapping[str, Any], sample: str, time: str, scan_sha256: str) -> dict[str, str]:
    library = result.get("library", {})
    return {
        "sample": sample or str(result.get("input", "")),
        "time": time,
        "verdict": str(result["verdict"]),
        "reason": str(result["reason"]),
        "method": METHOD,
        "library": str(library.get("name", "")),
        "library_version": str(library.get("version", "")),
        "library_sha256": str(library.get("sha256", library.get("hash", ""))),
        "engine": str(result.get("engine", {}).get("version", "")),
        "scan_sha256": scan_sha256,
        "notes": " ".join(map(str, result.get("notes", ()))),
        "packaging": "; ".join(str(part["substance"]) for part in result.get("packaging", ())),
    }


def _component(part: Mapping[str, Any]) -> dict[str, str]:
    low, high = part.get("spectral_fraction_interval", (None, None))
    mass = part.get("mass_fraction_interval") or (None, None)
    probability = part.get("probability")
    return {
        "substance": str(part["substance"]),
        "form": str(part.get("form", "")),
        "family": str(part.get("family", "")),
        "class": str(part.get("class", "")),
        "tier": str(part.get("tier", "")),
        "probability": "" if probability is None else f"{probability:.4g}",
        "signal_percent": _percent(part.get("spectral_fraction")),
        "signal_percent_low": _percent(low),
        "signal_percent_high": _percent(high),
        "mass_percent_low": _percent(mass[0]),
        "mass_percent_high": _percent(mass[1]),
    }


def substance_rows(
    result: Identification | Mapping[str, Any], *, sample: str = "", time: str = "", scan_sha256: str = ""
) -> list[dict[str, str]]:
    """Return one row a component; a single row without a substance where none is named.

    A share of the signal is not a share of the mass: both have columns of their own, and those of the mass
    are empty where the result states none.

    Parameters
    ----------
    result
        An identification, or its JSON object as a journal keeps it.
    sample
        What the laboratory calls the sample; by default the input's name.
    time
        When it was measured, ISO 8601.
    scan_sha256
        Hash of the scan or file that was identified.

    Returns
    -------
    list of dict
        Each with all of `COLUMNS`, as text.
    """
    known = result.to_json() if isinstance(result, Identification) else result
    shared = _shared(known, sample, time, scan_sha256)
    parts = [_component(part) for part in known.get("components", ())] or [{}]
    return [{name: {**shared, **part}.get(name, "") for name in COLUMNS} for part in parts]


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def to_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as CSV with a header; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_safe(row[name]) for name in COLUMNS] for row in rows)
    return text.getvalue()
