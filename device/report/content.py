"""What a report of one record says, in order: the same for the page on a screen and on paper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from spectriage.device.calibration.calibration import problem_code
from spectriage.device.session.power import objection_code
from spectriage.device.wording import Words, answers
from spectriage.device.wording.answering import limit, missed_targets, uncovered
from spectriage.library.journal import JournalError, Record

MARKS = {"ALARM": "!!", "WARNING": "!", "INCONCLUSIVE": "?", "NO_ALARM": "–"}


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
    code, verdict, mark, summary, next_step
        The verdict's code and word, its symbol, the answer, and what to do.
    origin
        ``measured``, or what it is instead: printed where it cannot be missed.
    sections
        Tables.
    hash, number
        Of the record.
    picture
        SVG and PNG of the spectrum, by file type; empty where there is none.
    labels, language
        The words of the page itself, and what language they are.
    """

    code: str
    verdict: str
    mark: str
    summary: str
    next_step: str
    origin: str
    sections: tuple[Section, ...]
    hash: str
    number: int
    picture: dict[str, bytes]
    presumptive: str
    labels: dict[str, str]
    language: str


def report_content(
    record: Record,
    picture: dict[str, bytes] | None = None,
    *,
    private: bool = True,
    language: str = "en",
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
    language
        Of the page; the names of files and units stay as they are.

    Raises
    ------
    JournalError
        When the record holds no answer.
    ParameterError
        When the language is not spoken.
    """
    words = Words(language)
    said = json.loads(record.payload)
    result = said.get("result")
    if not isinstance(result, dict):
        raise JournalError("a report is made of a scan or an identification", where=f"record {record.number}")
    sections = (
        _found(result, words),
        _limits(result, words),
        _circumstances(said, private, words),
        _provenance(said, record, words),
    )
    found = answers(result, words)
    english = language == "en"
    return Content(
        code=found.verdict,
        verdict=found.verdict.replace("_", " ") if english else found.title,
        mark=MARKS.get(found.verdict, "?"),
        # in English every word of the engine stands: it is what was recorded
        summary=str(result["summary"]) if english else found.what[0],
        next_step=str(result["next_step"]) if english else " ".join(found.now),
        origin=_origin(said),
        sections=sections,
        hash=record.hash.hex(),
        number=record.number,
        picture=picture or {},
        presumptive=words("report_presumptive"),
        labels={
            "title": words("report_title"),
            "record": words("record", number=record.number),
            "origin": words("report_origin", origin=words.get(f"origin_{_origin(said)}", _origin(said))),
            "next": words("report_next"),
            "spectrum": words("spectrum"),
        },
        language=language,
    )


def _origin(said: dict[str, Any]) -> str:
    device = said.get("device", {})
    metadata = said.get("spectrum", {}).get("metadata", {})
    return str(device.get("origin") or metadata.get("origin") or "measured")


def _found(result: dict[str, Any], words: Words) -> Section:
    rows = []
    hazards_first = sorted(result["components"], key=lambda part: part["hazard"] == "none")
    for part in hazards_first:
        low, high = part["spectral_fraction_interval"]
        probability = part.get("probability")
        rows.append(
            (
                words.name(str(part["substance"])),
                f"{part['spectral_fraction']:.0%} ({low:.0%}–{high:.0%})",
                _range(part.get("mass_fraction_interval"), words),
                words.get(f"tier_{part['tier']}", str(part["tier"])),
                "" if probability is None else f"{probability:.2f}",
            )
        )
    packaging = ", ".join(words.name(str(part["substance"])) for part in result["packaging"])
    return Section(
        words("report_found"),
        (
            words("report_substance"),
            words("report_share"),
            words("report_by_mass"),
            words("report_known_from"),
            words("report_probability"),
        ),
        tuple(rows) or ((words("nothing_named"), "", "", "", ""),),
        words("fact_packaging", names=packaging) if packaging else "",
    )


def _range(interval: Any, words: Words) -> str:
    return words("report_not_stated") if not interval else f"{interval[0]:.0%}–{interval[1]:.0%}"


def _limits(result: dict[str, Any], words: Words) -> Section:
    rows = [
        (
            words.name(str(target["target"])),
            words("invisible") if target["lod"] is None else words("report_from", low=f"{target['lod']:.0%}"),
            words("report_not_stated")
            if target["lod"] is None or not target.get("mass_limit")
            else words("report_from", low=limit(target)),
        )
        for target in missed_targets(result)
    ]
    names = ", ".join(words.name(name) for name in uncovered(result))
    return Section(
        words("report_missed"),
        (words("report_watched"), words("report_share"), words("report_by_mass")),
        tuple(rows) or ((words("report_nothing_watched"), "", ""),),
        words("report_not_covered", names=names) if names else "",
    )


def _circumstances(said: dict[str, Any], private: bool, words: Words) -> Section:
    result, scan, device = said["result"], said.get("scan", {}), said.get("device", {})
    quality, english = result["quality"], words.language == "en"
    power, health = said.get("power_mw"), str(said.get("health") or "")
    state = words(f"calibration_{problem_code(health) or 'other'}") if health and not english else health
    pairs = [
        (words("report_time"), str(said["time"])[:19].replace("T", " ")),
        (words("report_item"), str(said.get("item") or "–")),
        *([(words("operator"), str(said.get("operator") or "–"))] if private else []),
        *([(words("report_place"), str(said.get("place") or "–"))] if private else []),
        (words("report_input"), str(said.get("input", ""))),
        (words("report_instrument"), _unit(device) or words("report_file")),
        (
            words("report_exposure"),
            f"{scan['integration_ms']:g} ms × {scan['accumulations']}"
            if scan
            else words("report_as_in_file"),
        ),
        (words("report_power"), f"{power:g} mW" if power else words("report_not_known")),
        (
            words("report_signal"),
            words(
                "report_signal_said",
                snr=f"{quality['snr']:.0f}",
                range=f"{quality['low_cm']:.0f}–{quality['high_cm']:.0f}",
            ),
        ),
        (words("report_state"), state or words("report_state_good")),
    ]
    limited = str(said.get("limited") or "")
    if not english and limited:
        limited = words(f"limited_{objection_code(limited) or 'other'}")
    notes = " ".join([*(map(str, result["notes"]) if english else ()), limited]).strip()
    return Section(words("report_circumstances"), (), tuple(pairs), notes)


def _unit(device: dict[str, Any]) -> str:
    return " ".join(str(device.get(name, "")) for name in ("maker", "model", "serial")).strip()


def _provenance(said: dict[str, Any], record: Record, words: Words) -> Section:
    library, program = said["result"]["library"], said["program"]
    calibration = said.get("blobs", {}).get("calibration", "")
    engine, rules, axis = words("report_engine"), words("policy"), words("check_calibration")
    pairs = (
        (words("check_library"), f"{library.get('name', '')} {library.get('version', '')}".strip()),
        (f"{words('check_library')} SHA-256", str(library.get("sha256", ""))),
        (engine, f"Spectriage {program['version']}"),
        (f"{engine} SHA-256", str(program["sha256"])),
        (f"{rules} SHA-256", str(said["policy_sha256"])),
        (f"{axis} SHA-256", calibration or words("report_factory_axis")),
        (words("report_record"), str(record.number)),
        (f"{words('report_record')} SHA-256", record.hash.hex()),
    )
    command = f"spectriage journal verify --hash {record.hash.hex()[:16]}"
    return Section(words("report_rests"), (), pairs, words("report_check", command=command))
