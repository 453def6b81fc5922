"""The five questions of an officer, answered from a recorded result; nothing is decided here.

Every sentence is put together from the result's stable codes, names and numbers, in one language; only what
has no words there, such as the reasons of a newer engine, is said as the engine does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spectriage.device.wording.words import Words

MARKS = {"ALARM": "✖", "WARNING": "▲", "INCONCLUSIVE": "?", "NO_ALARM": "–"}
MOST_LIMITS = 3
MOST_OTHERS = 3
EXPLODES = ("explosive", "oxidiser")
WITHOUT_ADVICE = ("instrument", "saturated", "axis", "packaging-only", "weak-signal")

RESEMBLES = re.compile(r"Something that resembles (.+), without enough evidence")
"""The rules' sentence on hazards that could not be ruled out: their names stand nowhere else."""

Known = Mapping[str, tuple[str, str]]
"""Substance and hazard of each reference, by its id."""


@dataclass(frozen=True)
class Answers:
    """What a result screen says.

    Parameters
    ----------
    verdict, mark, title, means
        The verdict's code, symbol, word, and what it means for whoever stands there.
    what, sure, missed, now
        Lines for each question.
    others
        What it could also be: controlled ones first, and always.
    """

    verdict: str
    mark: str
    title: str
    means: str
    what: tuple[str, ...]
    sure: tuple[str, ...]
    missed: tuple[str, ...]
    now: tuple[str, ...]
    others: tuple[str, ...]


def answers(result: dict[str, Any], words: Words, known: Known | None = None) -> Answers:
    """Return the answers of a result's JSON, version 1.

    Parameters
    ----------
    known
        The library's references, to name alternatives by their substance.
    """
    verdict = str(result.get("verdict", "INCONCLUSIVE"))
    return Answers(
        verdict=verdict,
        mark=MARKS.get(verdict, "?"),
        title=words.get(f"verdict_{verdict}", verdict.replace("_", " ")),
        means=words.get(f"means_{verdict}", ""),
        what=(what(result, words),),
        sure=tuple(_sure(result, words)),
        missed=tuple(_missed(result, words)),
        now=tuple(_now(result, verdict, words)),
        others=tuple(_others(result, words, known or {})),
    )


def percent(value: float) -> str:
    """Return a share in per cent, small ones with a decimal."""
    return f"{value:.0%}" if value >= 0.0095 else f"{value:.1%}"


def limit(target: dict[str, Any]) -> str:
    """Return from what amount a target would have been seen: a range by weight, else of the signal."""
    mass = target.get("mass_limit")
    if not mass:
        return percent(target["lod"])
    middle, high = percent(min(mass["middle"], 1.0)), percent(min(mass["high"], 1.0))
    return middle if middle == high else f"{middle.removesuffix('%')}–{high}"


def missed_targets(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was watched for and not found, the least visible first."""
    targets = [target for target in result.get("targets") or [] if not target.get("found")]
    return sorted(targets, key=lambda target: -_least(target))


def uncovered(result: dict[str, Any]) -> list[str]:
    """Return what no measured reference stands for, so that no scan could have named it."""
    return sorted(
        {str(name) for target in result.get("targets") or [] for name in target.get("not_covered") or []}
    )


def what(result: dict[str, Any], words: Words) -> str:
    """Return what it is, in one line."""
    code, _, name = str(result.get("reason", "")).partition(":")
    parts = _hazards_first(result)
    if name:
        possible = not _carried(result, name)
        text = words("summary_possible" if possible else "summary_hazard", name=words.name(name))
        beside = [part for part in parts if part.get("hazard", "none") == "none"]
        return f"{text} {words('summary_beside', names=_listed(beside, words))}" if beside else text
    key = f"summary_{code}"
    if code == "unresolved" and (suspected := RESEMBLES.match(str(result.get("summary", "")))):
        families = ", ".join(words.name(name) for name in suspected[1].split(", "))
        return words("summary_resembles", names=families)
    named = _listed(parts, words)
    names = named[:1].upper() + named[1:] if named else words("nothing_named")
    return words(key, names=names) if key in words else str(result.get("summary", ""))


def facts(result: dict[str, Any], words: Words) -> list[str]:
    """Return the numbers behind an answer, a line each."""
    quality, rest = result.get("quality") or {}, result.get("residual") or {}
    axis, exposure = result.get("axis") or {}, float(result.get("useful_exposure") or 1.0)
    found = []
    if "similarity" in rest:
        found.append(words("fact_agreement", value=f"{rest['similarity']:.2f}"))
    if quality.get("snr") is not None:
        found.append(words("fact_noise", value=f"{quality['snr']:.0f}"))
    if rest.get("unexplained_bands"):
        found.append(words("fact_unexplained", count=rest["unexplained_bands"]))
    if quality.get("fluorescence_ratio") is not None:
        found.append(words("fact_background", value=f"{quality['fluorescence_ratio']:.1f}"))
    if "offset_cm" in axis:
        found.append(words("fact_axis", value=f"{axis['offset_cm']:+.1f}"))
    found.append(words("fact_light", times=f"{exposure:.0f}") if exposure > 1.0 else words("fact_no_light"))
    packaging = _listed(result.get("packaging") or [], words)
    found.append(words("fact_packaging", names=packaging) if packaging else words("fact_no_packaging"))
    return found


def _least(target: dict[str, Any]) -> float:
    mass, lod = target.get("mass_limit"), target.get("lod")
    return 2.0 if lod is None else float(mass["middle"] if mass else lod)


def _carried(result: dict[str, Any], family: str) -> bool:
    """Whether what was raised rests on more than estimated references, as the verdict says of it."""
    return not str(result.get("summary", "")).startswith("Possible ")


def _hazards_first(result: dict[str, Any]) -> list[dict[str, Any]]:
    parts = list(result.get("components") or [])
    return sorted(
        parts, key=lambda part: (part.get("hazard", "none") == "none", -part.get("spectral_fraction", 0.0))
    )


def _listed(parts: Iterable[dict[str, Any]], words: Words) -> str:
    return ", ".join(words.name(str(part.get("substance", "?"))) for part in parts)


def _sure(result: dict[str, Any], words: Words) -> Iterable[str]:
    parts = _hazards_first(result)
    # one line at arm's length: of hazards first, else of the largest; the others' shares follow in short
    for part in parts[:1]:
        probability = part.get("probability")
        mass = part.get("mass_fraction_interval")
        amount = (
            words("by_mass", low=percent(mass[0]), high=percent(mass[1]))
            if mass
            else words("of_signal", share=percent(part.get("spectral_fraction", 0.0)))
        )
        sure = words("no_probability")
        if probability is not None:
            sure = words("probability", value=percent(probability) if probability < 0.995 else "> 99%")
        tier = words.get(f"tier_{part.get('tier')}", str(part.get("tier", "")))
        yield f"{words.name(str(part.get('substance', '?')))}: {sure}, {amount} ({tier})."
    beside = [
        f"{words.name(str(part.get('substance', '?')))} {percent(part.get('spectral_fraction', 0.0))}"
        for part in parts[1:]
    ]
    said = [words("nothing_named")] if not parts else []
    if beside:
        said.append(words("beside", names=", ".join(beside)))
    if not any(part.get("alternatives") for part in parts) and parts:
        said.append(words("no_others"))
    if said:
        yield " ".join(said)


def _missed(result: dict[str, Any], words: Words) -> Iterable[str]:
    missed = missed_targets(result)
    blind = [words.name(str(target["target"])) for target in missed if target.get("lod") is None]
    provisional = False
    seen = [target for target in missed if target.get("lod") is not None]
    if blind:
        yield words("in_any_amount", names=_first(blind))
    if seen:
        kind = (
            "limits_mass"
            if all(target.get("mass_limit") for target in seen[:MOST_LIMITS])
            else "limits_signal"
        )
        marks = ["*" if target.get("provisional") else "" for target in seen]
        limits = [
            f"{words.name(str(target['target']))} {limit(target)}{mark}"
            for target, mark in zip(seen, marks, strict=True)
        ]
        yield words("under", kind=words(kind), names=_first(limits))
        provisional = any(marks[:MOST_LIMITS])
    covered = f"{words('provisional')} {words('only_spot')}" if provisional else words("only_spot")
    if names := [words.name(name) for name in uncovered(result)]:
        covered = f"{words('not_covered', names=_first(names))} {covered}"
    yield covered


def _first(names: list[str], most: int = MOST_LIMITS) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" +{more}" if more > 0 else "")


def _now(result: dict[str, Any], verdict: str, words: Words) -> Iterable[str]:
    code = str(result.get("reason", "")).partition(":")[0]
    if code in EXPLODES:
        yield words("next_explosive")
        return
    key = next((f"next_{each}" for each in (code, verdict) if f"next_{each}" in words), "")
    if not key:
        yield str(result.get("next_step", ""))
        return
    yield words(key)
    policy = str((result.get("policy") or {}).get("name", ""))
    if code not in WITHOUT_ADVICE and (advice := words.get(f"advice_{policy}", "")):
        yield advice


def _others(result: dict[str, Any], words: Words, known: Known) -> Iterable[str]:
    """Yield what else it could be: all that are controlled, then a few of the rest.

    What could stand in a component's place; where nothing is named, what the scan resembles most.
    """
    candidates = {str(each.get("reference_id")): each for each in result.get("candidates") or []}
    ids = [str(name) for part in _hazards_first(result) for name in part.get("alternatives") or []]
    if not result.get("components"):
        ids = list(candidates)
    seen = {str(part.get("substance")) for part in result.get("components") or []}
    controlled: list[str] = []
    harmless: list[str] = []
    for each in ids:
        said = candidates.get(each) or {}
        substance, hazard = known.get(each, (str(said.get("substance") or each), ""))
        if substance not in seen:
            seen.add(substance)
            (harmless if hazard == "none" else controlled).append(words.name(substance))
    yield from controlled
    yield from harmless[: max(0, MOST_OTHERS - len(controlled))]
