"""The report: one HTML file that loads nothing, with JSON and CSV beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from spectriage.bench.report.tables import cell_text
from spectriage.bench.validation.analysis import CHAPTERS, Results, analyse
from spectriage.bench.validation.plan_file import load_plan
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.store import RunFolder, latest_run, read_log, runs_of, write_atomic
from spectriage.spectra.errors import ParameterError, SpectriageError

CHAPTER_TITLES = {
    "measured": "Measured spectra",
    "simulated": "Simulated scans, perturbed to the mismatch between real instruments",
    "unperturbed": "Unperturbed simulated scans: a check of the machinery, evidence for nothing",
}
CHAPTER_NOTES = {
    "measured": "The only evidence here for what happens on real materials, and only for these materials on "
    "these instruments. Spectra of one material on one instrument are not independent.",
    "simulated": "Drawn from the catalogue's bands with positions, heights, widths, axis, resolution and "
    "response disturbed as much as real instruments and samples differ. What the catalogue does not know "
    "of a material, the simulation does not know either: these figures bound what the engine can do, not "
    "what real samples are like.",
    "unperturbed": "Drawn from the catalogue's own bands as they are: the engine sees its own references.",
}


@dataclass(frozen=True)
class Failure:
    """One failure for the report: its record and the path of its small plot."""

    record: Record
    path: str
    low_cm: float = 0.0
    high_cm: float = 0.0

    @property
    def condition(self) -> str:
        """Its factors in words."""
        said = {k: v for k, v in self.record.factors.items() if k not in ("target", "level", "replicate")}
        return ", ".join(f"{k} {v}" for k, v in said.items() if v not in ("", "none", -1))

    @property
    def what(self) -> str:
        """Why it is listed."""
        if self.record.error:
            return f"no answer: {self.record.error}"
        problems = []
        if self.record.detected is False:
            problems.append("not found")
        if self.record.false_alarm:
            there = {part.family for part in self.record.sample}
            wrong = [family for family in self.record.raised if family not in there]
            problems.append(f"raised {', '.join(wrong) or self.record.verdict}, which is not there")
        if not problems:
            said = ", ".join(part.claim for part in self.record.named if not part.right)
            problems.append(f"named {said} for what the library does not have")
        return "; ".join(problems)


def require_report() -> None:
    """Check that a report can be written: after hours of scans is too late to find out.

    Raises
    ------
    ParameterError
        Names what is not installed.
    """
    from importlib.util import find_spec

    missing = [name for name in ("jinja2", "matplotlib", "statsmodels") if find_spec(name) is None]
    if missing:
        raise ParameterError(
            f"reports need {', '.join(missing)}", remedy='pip install "spectriage[report]", or --no-report'
        )


def write_report(folder: Path | str, run: int | None = None) -> Path:
    """Write report and tables of a finished run beside its records; return the report's path.

    Parameters
    ----------
    folder
        Of the records.
    run
        Number; the last by default.

    Raises
    ------
    FormatError
        When the run is not finished, or its records were altered.
    """
    folder = Path(folder)
    chosen = latest_run(folder, run)
    plan = load_plan(folder / "plan.toml")
    records = chosen.records()
    header = chosen.header()
    if header.get("plan", {}).get("sha256") != plan.sha256:
        raise ParameterError("the plan is not the one that was run", where=str(folder))
    results = analyse(plan, chosen.number, header, records)
    text = json.dumps(results.to_json(), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    write_atomic(chosen.path / "results.json", text + "\n")
    write_atomic(chosen.path / "scans.csv", scans_csv(records))
    write_atomic(chosen.path / "criteria.csv", criteria_csv(results))
    report = chosen.path / "report.html"
    write_atomic(report, render(results, folder, chosen, records))
    return report


def render(results: Results, folder: Path, run: RunFolder, records: Sequence[Record]) -> str:
    """Return the HTML; every text in it is escaped."""
    from spectriage.bench.validation.plots import SPARK_HEIGHT, SPARK_WIDTH, draw

    html: str = _template().render(
        results=results,
        plan=results.plan,
        header=results.header,
        chapters=[(name, CHAPTER_TITLES[name], CHAPTER_NOTES[name]) for name in CHAPTERS],
        untested=[name for name in CHAPTERS if name != "unperturbed" and not results.chapter(name)],
        limits=limits(results, records),
        log=read_log(folder),
        runs=[other.number for other in runs_of(folder)],
        seal=json.loads(run.complete_path.read_text(encoding="utf-8")),
        failures=[_failure(run, record) for record in results.failures],
        devices=_devices(records),
        draw=draw,
        cell=cell_text,
        spark=(SPARK_WIDTH, SPARK_HEIGHT),
        libraries=_libraries(results.header),
    )
    return html


def _libraries(header: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], str]]:
    """Return each library once, with the panels that were searched in it."""
    found: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for panel, library in header["libraries"].items():
        found.setdefault(json.dumps(library, sort_keys=True), (library, []))[1].append(panel)
    return [(library, ", ".join(panels)) for library, panels in found.values()]


def _template() -> Any:
    require_report()
    from jinja2 import Environment, StrictUndefined

    text = resources.files("spectriage.bench.validation").joinpath("templates/report.html").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)


def limits(results: Results, records: Sequence[Record]) -> list[str]:
    """Return what the results do not say: the plan's own limits, and those that follow from the records."""
    found = list(results.plan.limits)
    measured = {record.target for record in records if record.chapter == "measured" and record.target}
    simulated = sorted({r.target for r in records if r.chapter != "measured" and r.target} - measured)
    if simulated:
        names = ", ".join(simulated[:8]) + (f" and {len(simulated) - 8} more" if len(simulated) > 8 else "")
        found.append(
            f"No measured spectrum of {names} was tested: nothing here says how often they are found in "
            "real samples."
        )
    guessed = sorted({r.target for r in records if r.target and _is_guess(r.target)})
    if guessed:
        found.append(
            f"The library knows {', '.join(guessed[:8])}{' and others' if len(guessed) > 8 else ''} by "
            "analogy or from memory only, and the simulation draws them from the same entries: their figures "
            "test the program, not the chemistry."
        )
    if any(panel.panel.basis == "weight" for panel in results.panels):
        found.append(
            "Weights were brought to Raman signal with assumed relative strengths, good to a factor of two "
            "or three: levels by weight are of that quality."
        )
    found.append("Levels are fractions of the Raman signal unless a panel says weight; never of mass.")
    found.append("A result of the method is presumptive; it needs confirmation by a laboratory.")
    return found


def _is_guess(name: str) -> bool:
    from spectriage.bench.validation.trial import entry_of

    entry = entry_of(name)
    return entry is not None and str(entry.tier) in ("recalled", "estimated", "computed")


def _devices(records: Sequence[Record]) -> list[tuple[str, int, int, int]]:
    """Return per kind of instrument: its units, distinct axis calibrations, scans."""
    kinds: dict[str, list[Record]] = {}
    for record in records:
        name = str(record.factors.get("instrument", record.device))
        kinds.setdefault(f"{name} ({record.chapter})", []).append(record)
    return [
        (kind, len({r.device for r in mine}), len({r.axis_sha256 for r in mine}), len(mine))
        for kind, mine in sorted(kinds.items())
    ]


def _failure(run: RunFolder, record: Record) -> Failure:
    from spectriage.bench.validation.plots import spark_path
    from spectriage.spectra.formats import read_spectrum

    try:
        spectrum = read_spectrum(run.failure_path(record), column="intensity")
    except SpectriageError:
        return Failure(record, "")
    path = spark_path(spectrum.shift.tolist(), spectrum.intensity.tolist())
    return Failure(record, path, float(spectrum.shift[0]), float(spectrum.shift[-1]))


# -- tables beside the report ----------------------------------------------------------------------

SCAN_COLUMNS = (
    *("trial", "repeat", "chapter", "panel", "target", "level", "matrix", "packaging", "instrument"),
    *("conditions", "device", "axis_sha256", "spectrum_sha256", "verdict", "reason", "raised", "components"),
    *("best", "best_probability", "best_right", "detected", "false_alarm", "correct", "amount", "snr"),
    *("similarity", "result_sha256", "error", "source"),
)


def scans_csv(records: Sequence[Record]) -> str:
    """Return one row a scan."""
    return _csv(SCAN_COLUMNS, (_scan_row(record) for record in records))


def _scan_row(record: Record) -> dict[str, Any]:
    known = ("target", "level", "matrix", "packaging", "instrument")
    others = {k: v for k, v in record.factors.items() if k not in known}
    return {
        **{name: getattr(record, name, "") for name in SCAN_COLUMNS},
        **{name: record.factors.get(name, "") for name in known},
        "trial": record.index,
        "conditions": "; ".join(f"{k}={v}" for k, v in others.items()),
        "raised": "; ".join(record.raised),
        "components": "; ".join(f"{part.claim} {part.fraction:.3f}" for part in record.named),
    }


def criteria_csv(results: Results) -> str:
    """Return one row a criterion."""
    columns = ("name", "kind", "panel", "chapter", "required", "observed", "outcome", "trials", "note")
    return _csv(columns, (item.to_json() for item in results.judged))


def _csv(columns: Sequence[str], rows: Any) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(row[name]) for name in columns})
    return out.getvalue()


def _safe(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def summary_rows(results: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return criterion, required, observed and outcome from a ``results.json``."""
    return [(c["name"], c["required"], c["observed"], c["outcome"]) for c in results["criteria"]]
