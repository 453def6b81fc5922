"""What changed between two runs of the same trials: verdicts, substances and limits, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectriage.bench.report.tables import Table
from spectriage.library.building.lifecycle import Difference, compare, read_content
from spectriage.library.rescore import Change, Tally, compared
from spectriage.spectra.origin import Origin

SHOWN = 40
"""So many changes are printed, the most serious ones; all go into the JSON."""

Answers = Mapping[tuple[Any, ...], Mapping[str, Any]]
"""Answers by what tells their trials apart, see `answer`."""


@dataclass(frozen=True)
class Libraries:
    """How two libraries differ, and the references of each substance in either.

    Parameters
    ----------
    difference
        None where the libraries are not at hand: then only that they differ is said.
    ids
        By substance.
    """

    difference: Difference | None = None
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_libraries(old: Path | None, new: Path | None) -> Libraries:
    """Read two library files; nothing where one of them is not named.

    Raises
    ------
    LibraryError
        When one cannot be read.
    """
    if old is None or new is None:
        return Libraries()
    contents = read_content(old), read_content(new)
    ids: dict[str, set[str]] = {}
    for content in contents:
        for record in content.references.records:
            ids.setdefault(record.substance, set()).add(record.id)
    return Libraries(compare(*contents), {name: sorted(some) for name, some in ids.items()})


def answer(
    name: str,
    verdict: str,
    reason: str = "",
    named: Iterable[str] = (),
    limits: Mapping[str, float | None] | None = None,
    found: Iterable[str] = (),
) -> dict[str, Any]:
    """Return one answer as results of a batch have it.

    Parameters
    ----------
    name
        Of the trial, for a reader.
    verdict, reason
        As said.
    named
        Substances.
    limits
        Of detection, by target; None where no amount would show.
    found
        Targets that were found.
    """
    targets: dict[str, dict[str, Any]] = {
        target: {"target": target, "lod": lod, "found": False} for target, lod in (limits or {}).items()
    }
    for target in found:
        targets.setdefault(target, {"target": target, "lod": None})["found"] = True
    return {
        "name": name,
        "verdict": verdict,
        "reason": reason,
        "components": [{"substance": substance, "reference_id": ""} for substance in named],
        "targets": list(targets.values()),
    }


def changes(
    before: Answers, after: Answers, makers: Sequence[Mapping[str, Any]], libraries: Libraries | None = None
) -> Tally:
    """Compare the answers of two runs to the trials that both have.

    Parameters
    ----------
    before, after
        The answers; trials of `after` alone are counted as added, those of `before` alone as passed over.
    makers
        What made each: ``library``, ``engine`` and ``policy`` as results of a batch have them.
    libraries
        Of then and now.
    """
    known = libraries or Libraries()
    tally = Tally(references=known.difference)
    tally.before, tally.now = (_named(each) for each in makers)
    for key, old in before.items():
        new = after.get(key)
        if new is None:
            tally.pass_over("the newer run has no such trial")
            continue
        both = (_with_ids({**row, **made}, known) for row, made in zip((old, new), makers, strict=True))
        tally.add(compared(*both, references=known.difference))
    tally.added = len(after.keys() - before.keys())
    return tally


def _named(makers: Mapping[str, Any]) -> dict[str, str]:
    from spectriage.library.rescore.change import made_by

    return made_by(makers)


def _with_ids(row: dict[str, Any], known: Libraries) -> dict[str, Any]:
    """Return an answer with all references of what it named: a run's records keep the substance alone."""
    parts = [
        {"substance": part["substance"], "reference_id": id_}
        for part in row["components"]
        for id_ in known.ids.get(part["substance"], ("",))
    ]
    return {**row, "components": parts}


def change_tables(tally: Tally, origin: Origin, of: str = "") -> list[Table]:
    """Return what changed as tables: verdicts, substances, limits, the most serious changes, and why."""
    said = f"{of}: " if of else ""
    counts = f"{tally.rows:,} trials of both runs, {tally.changed:,} changed"
    if tally.added or tally.passed_over:
        counts += f"; {tally.passed_over:,} only before, {tally.added:,} only after"
    made = [Table("changes", f"{said}verdicts", ("then, now", "trials"), _verdicts(tally), origin, (counts,))]
    for name, title, columns, rows in (
        ("substances", "substances named", ("substance", "gained", "lost", "kept"), _substances(tally)),
        (
            "limits",
            "limits of detection and targets",
            ("target", "lower", "higher", "median now / then", "found", "missed"),
            _limits(tally),
        ),
        ("trials", "most serious", ("trial", "verdict", "reason", "differs", "why"), _worst(tally)),
        ("why", "why", ("cause", "trials"), tally.causes.most_common(SHOWN)),
    ):
        if rows:
            made.append(Table(f"changes: {name}", f"{said}{title}", columns, rows, origin))
    return made


def _verdicts(tally: Tally) -> list[tuple[str, int]]:
    order = sorted(tally.verdicts.items(), key=lambda each: (each[0][0] == each[0][1], each))
    return [(_then_now(before, now), number) for (before, now), number in order]


def _then_now(before: str, now: str) -> str:
    return now if before == now else f"{before} → {now}"


def _substances(tally: Tally) -> list[tuple[str, int, int, int]]:
    order = sorted({*tally.gained, *tally.lost}, key=lambda n: (-tally.gained[n] - tally.lost[n], n))
    return [(name, tally.gained[name], tally.lost[name], tally.kept[name]) for name in order]


def _limits(tally: Tally) -> list[tuple[str | int | float | None, ...]]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for name in sorted({*tally.limits, *tally.found, *tally.missed}):
        moved = tally.limits[name].to_json() if name in tally.limits else {}
        lower = moved.get("lower", 0) + moved.get("visible_now", 0)
        higher = moved.get("higher", 0) + moved.get("never_now", 0)
        rows.append((name, lower, higher, moved.get("median_ratio"), tally.found[name], tally.missed[name]))
    return rows


def _differing(change: Change) -> str:
    signs = (("+ ", change.gained), ("− ", change.lost), ("found ", change.found), ("missed ", change.missed))
    return ", ".join(f"{sign}{name}" for sign, names in signs for name in names)


def _worst(tally: Tally) -> list[tuple[str, ...]]:
    return [
        (
            change.name,
            _then_now(change.before, change.now),
            _then_now(*change.reason),
            _differing(change),
            "; ".join(change.causes),
        )
        for change in tally.changes()[:SHOWN]
        if change.rank <= 3
    ]
