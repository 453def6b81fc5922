"""What a report of one record says, in order: the same for the page on a screen and on paper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from spectriage.library.journal import JournalError, Record

MARKS = {"ALARM": "!!", "WARNING": "!", "INCONCLUSIVE": "?", "NO_ALARM": "–"}
TIERS = {
    "measured": "measured reference",
    "bands": "band model",
    "recalled": "recalled bands",
    "estimated": "estimated, unverified",
    "computed": "computed",
}
PRESUMPTIVE = (
    "PRESUMPTIVE. This is a screening result from one Raman spectrum, not proof of identity or of absence. "
    "It speaks of the spot that was lit. Confirm in a laboratory before relying on it."
)


@dataclass(frozen=True)
class Section:
    """A heading with a table; `head` is empty where the rows are pairs of a name and a value."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Content:
    """One page.

    Parameters
    ----------
    verdict, mark, summary, next_step
        The answer, its symbol, and what to do.
    origin
        ``measured``, or what it is instead: printed where it cannot be missed.
    sections
        Tables.
    hash, number
        Of the record.
    picture
        SVG and PNG of the spectrum, by file type; empty where there is none.
    """

    verdict: str
    mark: str
    summary: str
    next_step: str
    origin: str
    sections: tuple[Section, ...]
    hash: str
    number: int
    picture: dict[str, bytes]
    presumptive: str = PRESUMPTIVE


def report_content(
    record: Record, picture: dict[str, bytes] | None = None, *, private: bool = True
) -> Content:
    """Return what the report of a record says.

    Parameters
    ----------
    record
        Of a scan or an identification.
    picture
        Of its spectrum.
    private
        Whether operator and place are printed.

    Raises
    ------
    JournalError
        When the record holds no answer.
    """
    said = json.loads(record.payload)
    result = said.get("result")
    if not isinstance(result, dict):
        raise JournalError("a report is made of a scan or an identification", where=f"record {record.number}")
    sections = (_found(result), _limits(result), _circumstances(said, private), _provenance(said, record))
    verdict = str(result["verdict"])
    return Content(
        verdict=verdict.replace("_", " "),
        mark=MARKS.get(verdict, "?"),
        summary=str(result["summary"]),
        next_step=str(result["next_step"]),
        origin=_origin(said),
        sections=sections,
        hash=record.hash.hex(),
        number=record.number,
        picture=picture or {},
    )


def _origin(said: dict[str, Any]) -> str:
    device = said.get("device", {})
    metadata = said.get("spectrum", {}).get("metadata", {})
    return str(device.get("origin") or metadata.get("origin") or "measured")


def _found(result: dict[str, Any]) -> Section:
    rows = []
    hazards_first = sorted(result["components"], key=lambda part: part["hazard"] == "none")
    for part in hazards_first:
        low, high = part["spectral_fraction_interval"]
        probability = part.get("probability")
        rows.append(
            (
                str(part["substance"]),
                f"{part['spectral_fraction']:.0%} ({low:.0%} to {high:.0%})",
                _mass(part),
                TIERS.get(part["tier"], str(part["tier"])),
                "" if probability is None else f"{probability:.2f}",
            )
        )
    packaging = ", ".join(str(part["substance"]) for part in result["packaging"])
    return Section(
        "What was found",
        ("substance or class", "share of the Raman signal", "by mass", "known from", "probability"),
        tuple(rows) or (("nothing could be named", "", "", "", ""),),
        f"Packaging: {packaging}." if packaging else "",
    )


def _mass(part: dict[str, Any]) -> str:
    interval = part.get("mass_fraction_interval")
    return "not stated" if not interval else f"{interval[0]:.0%} to {interval[1]:.0%}"


def _limits(result: dict[str, Any]) -> Section:
    missed = [target for target in result["targets"] if not target["found"]]
    rows = [
        (
            str(target["target"]),
            "not visible in any amount" if target["lod"] is None else f"from {target['lod']:.0%}",
            _mass_limit(target),
        )
        for target in sorted(missed, key=lambda target: -(target["lod"] or 2.0))
    ]
    uncovered = result.get("not_covered") or []
    note = f"Not covered, no measured reference: {', '.join(map(str, uncovered))}." if uncovered else ""
    return Section(
        "What this scan could not have seen, below these amounts",
        ("watched for, not found", "share of the Raman signal", "by mass"),
        tuple(rows) or (("nothing was watched for", "", ""),),
        note,
    )


def _mass_limit(target: dict[str, Any]) -> str:
    interval = target.get("lod_mass_interval")
    return "not stated" if not interval else f"{interval[0]:.0%} to {interval[1]:.0%}"


def _circumstances(said: dict[str, Any], private: bool) -> Section:
    result, scan, device = said["result"], said.get("scan", {}), said.get("device", {})
    quality = result["quality"]
    pairs = [
        ("Time (UTC)", str(said["time"])[:19].replace("T", " ")),
        ("Item", str(said.get("item") or "–")),
        *([("Operator", str(said.get("operator") or "–"))] if private else []),
        *([("Place", str(said.get("place") or "–"))] if private else []),
        ("Input", str(said.get("input", ""))),
        (
            "Instrument",
            _unit(device),
        ),
        (
            "Exposure",
            f"{scan['integration_ms']:g} ms × {scan['accumulations']}" if scan else "as in the file",
        ),
        ("Laser power", f"{said['power_mw']:g} mW" if said.get("power_mw") else "not known"),
        (
            "Signal",
            f"{quality['snr']:.0f} times the noise, {quality['low_cm']:.0f}–{quality['high_cm']:.0f} cm⁻¹",
        ),
        ("Instrument state", str(said.get("health") or "nothing against it")),
    ]
    notes = " ".join([*map(str, result["notes"]), str(said.get("limited") or "")]).strip()
    return Section("Circumstances", (), tuple(pairs), notes)


def _unit(device: dict[str, Any]) -> str:
    named = " ".join(str(device.get(name, "")) for name in ("maker", "model", "serial")).strip()
    return named or "file"


def _provenance(said: dict[str, Any], record: Record) -> Section:
    library, program = said["result"]["library"], said["program"]
    calibration = said.get("blobs", {}).get("calibration", "")
    pairs = (
        ("Library", f"{library.get('name', '')} {library.get('version', '')}".strip()),
        ("Library SHA-256", str(library.get("sha256", ""))),
        ("Engine", f"Spectriage {program['version']}"),
        ("Engine SHA-256", str(program["sha256"])),
        ("Policy SHA-256", str(said["policy_sha256"])),
        ("Calibration SHA-256", calibration or "none: factory axis"),
        ("Record", str(record.number)),
        ("Record SHA-256", record.hash.hex()),
    )
    check = f"spectriage journal verify --hash {record.hash.hex()[:16]}"
    return Section("What it rests on", (), pairs, f"Is the record unchanged? {check}")
