"""The five questions of an officer, answered from a recorded result; nothing is decided here.

English sentences are the engine's own. In another language they are put together from the result's stable
code and names; a code that has no words there is said in the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spectriage.device.serve.screen.words import Words

MARKS = {"ALARM": "✖", "WARNING": "▲", "INCONCLUSIVE": "?", "NO_ALARM": "–"}
MOST_LIMITS = 3


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
        What it could also be.
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


def answers(result: dict[str, Any], words: Words) -> Answers:
    """Return the answers of a result's JSON, version 1."""
    verdict = str(result.get("verdict", "INCONCLUSIVE"))
    return Answers(
        verdict=verdict,
        mark=MARKS.get(verdict, "?"),
        title=_or_plain(words, f"verdict_{verdict}", verdict.replace("_", " ")),
        means=_or_plain(words, f"means_{verdict}", ""),
        what=(_what(result, words),),
        sure=tuple(_sure(result, words)),
        missed=tuple(_missed(result, words)),
        now=(_now(result, verdict, words),),
        others=tuple(_others(result)),
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


def _least(target: dict[str, Any]) -> float:
    mass, lod = target.get("mass_limit"), target.get("lod")
    return 2.0 if lod is None else float(mass["middle"] if mass else lod)


def _or_plain(words: Words, key: str, plain: str) -> str:
    return words(key) if key in words else plain


def _hazards_first(result: dict[str, Any]) -> list[dict[str, Any]]:
    parts = list(result.get("components") or [])
    return sorted(
        parts, key=lambda part: (part.get("hazard", "none") == "none", -part.get("spectral_fraction", 0.0))
    )


def _listed(parts: Iterable[dict[str, Any]]) -> str:
    return ", ".join(str(part.get("substance", "?")) for part in parts)


def _names(parts: Iterable[dict[str, Any]]) -> str:
    text = _listed(parts)
    return text[:1].upper() + text[1:]


def _what(result: dict[str, Any], words: Words) -> str:
    said = str(result.get("summary", ""))
    if words.language == "en":
        # what was missed has its own line: it need not be said twice
        return said.partition("; but this scan could not have seen")[0].rstrip(".") + "."
    code, _, name = str(result.get("reason", "")).partition(":")
    parts = _hazards_first(result)
    if name:
        possible = said.casefold().startswith("possible")
        text = words("summary_possible" if possible else "summary_hazard", name=name)
        beside = [part for part in parts if part.get("hazard", "none") == "none"]
        return f"{text} {words('summary_beside', names=_listed(beside))}" if beside else text
    key = f"summary_{code}"
    return words(key, names=_names(parts) or words("nothing_named")) if key in words else said


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
        tier = _or_plain(words, f"tier_{part.get('tier')}", str(part.get("tier", "")))
        yield f"{part.get('substance', '?')}: {sure}, {amount} ({tier})"
    if not parts:
        yield words("nothing_named")
    beside = [
        f"{part.get('substance', '?')} {percent(part.get('spectral_fraction', 0.0))}" for part in parts[1:]
    ]
    yield " ".join(
        [*([f"{words('beside', names=', '.join(beside))}"] if beside else []), words("presumptive")]
    )


def _missed(result: dict[str, Any], words: Words) -> Iterable[str]:
    missed = missed_targets(result)
    blind = [str(target["target"]) for target in missed if target.get("lod") is None]
    seen = [target for target in missed if target.get("lod") is not None]
    if blind:
        yield words("in_any_amount", names=_first(blind))
    if seen:
        kind = (
            "limits_mass"
            if all(target.get("mass_limit") for target in seen[:MOST_LIMITS])
            else "limits_signal"
        )
        limits = [f"{target['target']} {limit(target)}" for target in seen]
        yield words("under", kind=words(kind), names=_first(limits))
    if names := uncovered(result):
        yield words("not_covered", names=_first(names))
    yield words("only_spot")


def _first(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - MOST_LIMITS
    return ", ".join(names[:MOST_LIMITS]) + (f" +{more}" if more > 0 else "")


def _now(result: dict[str, Any], verdict: str, words: Words) -> str:
    code = str(result.get("reason", "")).partition(":")[0]
    if words.language == "en":
        # that it is presumptive stands beside how sure it is
        said = str(result.get("next_step", "")).removeprefix("Presumptive result: ")
        return said[:1].upper() + said[1:]
    key = f"next_{code}" if f"next_{code}" in words else f"next_{verdict}"
    return _or_plain(words, key, str(result.get("next_step", "")))


def _others(result: dict[str, Any]) -> Iterable[str]:
    """Yield what could stand in a component's place: of hazards first."""
    seen: set[str] = set()
    for part in _hazards_first(result):
        for name in part.get("alternatives") or []:
            text = str(name.get("substance", name) if isinstance(name, dict) else name)
            if text not in seen:
                seen.add(text)
                yield text
