"""Trial by trial, what changed between two runs of a benchmark, read from their JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spectriage.bench.report.changes import Libraries, answer, change_tables, changes
from spectriage.bench.report.tables import Report
from spectriage.spectra.origin import Origin

Row = Mapping[str, Any]

KEYS: dict[str, tuple[str, ...]] = {
    "field": ("path",),
    "answers": ("kind", "name"),
    "limits": ("direction", "target", "main", "noise"),
    "hazards": ("hazard", "main", "share"),
    "garbage": ("kind", "number"),
    "trigger": ("sample",),
    "benign": ("instrument", "spectrum", "substance"),
    "mixtures": ("method", "level", "truth"),
    "open set": ("method", "split", "instrument", "key", "known"),
    "transfer": ("method", "instrument", "spectrum", "substance"),
    "packaging": ("fraction", "snr", "seed"),
}
"""By the name of a benchmark's details, before a colon: the fields that tell its trials apart."""
SIMULATED = ("label", "uri")
"""Those of details under any other name: scans of the simulator."""
NAMED = ("components", "named", "claims", "said")
"""Fields that hold what was named."""
UNDECIDED = "not decided"
LEFT_OUT = ("calibration", "changes")
"""Details that are no answers."""


def add_changes(
    report: Report, before: Row, after: Row, libraries: Libraries | None = None, title: str = "What changed"
) -> None:
    """Add to a report what changed in the trials that two runs have in common, measured and simulated apart.

    Parameters
    ----------
    report
        Where the tables go, and all changes as its details.
    before, after
        JSON of two runs, see `spectriage.bench.report.compare.read_report`.
    libraries
        Of then and now, so that a change can name references.
    title
        Of the tables.
    """
    makers = made_by(before), made_by(after)
    for origin in Origin:
        old, new = answers_of(before, origin), answers_of(after, origin)
        if not old.keys() & new.keys():
            continue
        _fill(old, new)
        tally = changes(old, new, makers, libraries)
        report.add(*change_tables(tally, origin, title))
        report.detail(origin, "changes", tally.to_json())


def made_by(data: Row) -> dict[str, Any]:
    """Return the library and the program of a run, as results of a batch have them."""
    settings, versions = data.get("settings") or {}, data.get("versions") or {}
    several = [str(pairing.get("library_sha256")) for pairing in settings.get("pairings") or ()]
    library = settings.get("library") or hashlib.sha256("".join(several).encode()).hexdigest()
    numbers = ", ".join(
        f"{name} {versions[name]}" for name in ("numpy", "scipy", "numba") if name in versions
    )
    return {
        "library": {"sha256": library},
        "engine": {
            "name": numbers,
            "version": versions.get("spectriage", ""),
            "sha256": versions.get("engine_and_catalogue", ""),
        },
    }


def answers_of(data: Row, origin: Origin) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the answers of a run by their trials; trials that cannot be told apart are numbered."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for name, rows in ((data.get(str(origin)) or {}).get("details") or {}).items():
        kind = name.partition(":")[0]
        if not isinstance(rows, list) or kind in LEFT_OUT:
            continue
        for row in rows:
            key = (name, *(_plain(row.get(part)) for part in KEYS.get(kind, SIMULATED)))
            number = 0
            while (*key, number) in found:
                number += 1
            said = " · ".join(str(part) for part in key if part not in (None, ""))
            found[*key, number] = READERS.get(kind, _said)(said, row)
    return found


def _fill(old: dict[tuple[Any, ...], Any], new: dict[tuple[Any, ...], Any]) -> None:
    """Add the made-up spectra that were not decided: the JSON has only the others."""
    for mine, theirs in ((old, new), (new, old)):
        for key in theirs:
            if key[0] == "garbage" and key not in mine:
                mine[key] = answer(theirs[key]["name"], UNDECIDED)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value


def _said(name: str, row: Row) -> dict[str, Any]:
    verdict = row.get("verdict")
    if verdict is None:
        verdict = "raised" if row.get("raised") else "not raised"
    return answer(name, str(verdict), str(row.get("reason") or ""), _named(row))


def _named(row: Row) -> Sequence[str]:
    for part in NAMED:
        value = row.get(part)
        if isinstance(value, str) and value:
            return (value,)
        # a run that was just made has tuples where one that was read has lists
        if isinstance(value, list | tuple):
            return [str(name) for name in value]
    return ()


def _limit(name: str, row: Row) -> dict[str, Any]:
    """Return the answer without the target, with the limit stated, and whether the target was found there."""
    target = str(row["target"])
    at_limit = any(held["found"] for held in row["held"] if held["factor"] == 1.0)
    return answer(name, str(row["blank"]), limits={target: row["limit"]}, found=[target] if at_limit else [])


def _transferred(name: str, row: Row) -> dict[str, Any]:
    """Return which reference came first."""
    return answer(name, "right" if row.get("rank") == 1 else "wrong", named=[str(row.get("winner"))])


READERS: dict[str, Callable[[str, Row], dict[str, Any]]] = {"limits": _limit, "transfer": _transferred}
"""For details that are not a verdict and names."""
