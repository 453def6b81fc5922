"""`Change`: what differs between two answers to one spectrum, and which differences explain it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spectriage.spectra.verdict.verdict import Verdict

if TYPE_CHECKING:
    from spectriage.library.building.lifecycle import Difference

ERROR = "error"
LIMIT_CHANGE = 0.01
"""A limit of detection has moved when it differs by more than this share."""
MAKERS = ("library", "engine", "policy")


@dataclass(frozen=True)
class Change:
    """What two answers to one spectrum differ in.

    Parameters
    ----------
    name, spectrum
        The input, and which of its spectra.
    before, now
        The verdicts, or `ERROR`.
    reason
        The reasons' codes, then and now.
    gained, lost, kept
        Substances that are components now and were not, were and are not, and were and are.
    found, missed
        Targets that are found now and were not, and the other way round.
    limits
        Limits of detection of targets that moved, then and now; None where no amount would show.
    causes
        What explains it, most particular first.
    """

    name: str
    spectrum: str
    before: str
    now: str
    reason: tuple[str, str] = ("", "")
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    causes: tuple[str, ...] = ()

    @property
    def alarm(self) -> str:
        """``gained``, ``lost``, or nothing."""
        if (self.before == Verdict.ALARM) == (self.now == Verdict.ALARM):
            return ""
        return "gained" if self.now == Verdict.ALARM else "lost"

    @property
    def rank(self) -> int:
        """How much it matters: 0 an alarm lost, 1 gained, 2 verdict, 3 components, 4 limits, 5 nothing."""
        if self.alarm:
            return 0 if self.alarm == "lost" else 1
        if self.before != self.now:
            return 2
        if self.gained or self.lost or self.found or self.missed:
            return 3
        return 4 if self.limits else 5

    def to_json(self) -> dict[str, Any]:
        """Return it for a script."""
        return {
            "name": self.name,
            "spectrum": self.spectrum,
            "verdict": [self.before, self.now],
            "reason": list(self.reason),
            "alarm": self.alarm,
            "gained": list(self.gained),
            "lost": list(self.lost),
            "found": list(self.found),
            "missed": list(self.missed),
            "limits": {target: list(pair) for target, pair in self.limits.items()},
            "causes": list(self.causes),
        }


def made_by(result: Mapping[str, Any]) -> dict[str, str]:
    """Return what made a result: library, engine and policy, each by its name and hash or version."""

    def named(key: str) -> str:
        said = result.get(key) or {}
        parts = (said.get("name", ""), said.get("version", ""), str(said.get("sha256", ""))[:16])
        return " ".join(str(part) for part in parts if part)

    return {key: named(key) for key in MAKERS}


def compared(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    references: Difference | None = None,
    packaging_differs: bool = False,
) -> Change:
    """Compare two answers to one spectrum.

    Parameters
    ----------
    old, new
        Rows of results.
    references
        How the libraries differ, where both are there.
    packaging_differs
        Whether the runs differ although library, engine and policy are the same.
    """
    before, now = _verdict(old), _verdict(new)
    then, there = _components(old), _components(new)
    found_then, found_now = _found(old), _found(new)
    made = Change(
        str(new.get("name", "")),
        str(new.get("spectrum", "")),
        before,
        now,
        (_reason(old), _reason(new)),
        gained=tuple(sorted(there.keys() - then.keys())),
        lost=tuple(sorted(then.keys() - there.keys())),
        kept=tuple(sorted(then.keys() & there.keys())),
        found=tuple(sorted(found_now - found_then)),
        missed=tuple(sorted(found_then - found_now)),
        limits=_limits(old, new) if ERROR not in (before, now) else {},
    )
    if made.rank == 5:
        return made
    ids = {id_ for ids in (*then.values(), *there.values()) for id_ in ids} | _target_ids(old, new, made)
    causes = [*_by_references(ids, references), *_by_makers(old, new, references)]
    if packaging_differs:
        causes.append("packaging, or another option of the engine, differs")
    return Change(**{**made.__dict__, "causes": tuple(causes)})


def _verdict(result: Mapping[str, Any]) -> str:
    return ERROR if "error" in result else str(result.get("verdict"))


def _reason(result: Mapping[str, Any]) -> str:
    failed = result.get("error")
    return str(failed.get("what", "")) if isinstance(failed, Mapping) else str(result.get("reason", ""))


def _components(result: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the components' references by substance."""
    found: dict[str, set[str]] = {}
    for part in result.get("components", ()):
        found.setdefault(str(part.get("substance")), set()).add(str(part.get("reference_id")))
    return found


def _targets(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(target.get("target")): target for target in result.get("targets", ())}


def _found(result: Mapping[str, Any]) -> set[str]:
    return {name for name, target in _targets(result).items() if target.get("found")}


def _limits(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    then, now = _targets(old), _targets(new)
    moved = {}
    for name in sorted(then.keys() & now.keys()):
        first, second = then[name].get("lod"), now[name].get("lod")
        if first is None or second is None:
            if first is not second:
                moved[name] = (first, second)
        elif abs(second - first) > LIMIT_CHANGE * max(abs(first), abs(second)):
            moved[name] = (float(first), float(second))
    return moved


def _target_ids(old: Mapping[str, Any], new: Mapping[str, Any], made: Change) -> set[str]:
    names = {*made.found, *made.missed, *made.limits}
    return {
        str(target.get("reference_id"))
        for result in (old, new)
        for name, target in _targets(result).items()
        if name in names
    }


def _by_references(ids: Iterable[str], references: Difference | None) -> list[str]:
    if references is None:
        return []
    said = []
    for id_ in sorted(ids):
        if id_ in references.added:
            said.append(f"reference {id_} is new")
        elif id_ in references.removed:
            said.append(f"reference {id_} is gone")
        elif id_ in references.changed:
            said.append(f"reference {id_} changed: {', '.join(references.changed[id_])}")
    return said


def _by_makers(old: Mapping[str, Any], new: Mapping[str, Any], references: Difference | None) -> list[str]:
    then, now = made_by(old), made_by(new)
    said = []
    for key in MAKERS:
        if then[key] and now[key] and then[key] != now[key]:
            other = " in other references, null or limits" if key == "library" and references else ""
            said.append(f"the {key} differs{other}")
    return said
