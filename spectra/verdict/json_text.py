"""Parts of a result as JSON text: what `json.dumps` makes of their `to_json`, in a third of the time.

Most of it is the same from scan to scan: names, families, what a policy asks. That is put into words once.
What differs are some two hundred numbers, which a kernel writes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

import numpy as np

from spectriage.spectra.evidence.target_list import (
    HIGH,
    LOD,
    LOW,
    MEASURED,
    MIDDLE,
    NOT_LOOKED_AT,
    SHARE,
    Look,
    TargetList,
    Told,
)
from spectriage.spectra.reference import Reference
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.verdict._kernels_numbers import INTEGER, LONGEST, NUMBER, SIX_DIGITS, fill_in
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Component

HERE = chr(NUMBER)
"""Stands where a number comes."""
_KEPT = 4096
_BOOLS = ("false", "true")
_DECIMALS = [bytes([number]) for number in range(256)]
_OF_CANDIDATE = bytes([6, SIX_DIGITS, SIX_DIGITS, SIX_DIGITS])
_WORTH = f', "score": {HERE}, "probability": {HERE}, "p_value": {HERE}, "likelihood_ratio": {HERE}}}'
_OF_TARGET = 6


class Draft:
    """Text with `HERE` where a number comes, and the numbers in their order."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.values: list[float] = []
        self.decimals: list[bytes] = []

    def number(self, value: float | None, decimals: int) -> str:
        """Note a number and how it is rounded; return what stands for it."""
        if value is None:
            return "null"
        self.values.append(value)
        self.decimals.append(_DECIMALS[decimals])
        return HERE

    def numbers(self, values: Sequence[float], decimals: bytes) -> None:
        """Note several numbers."""
        self.values += values
        self.decimals.append(decimals)

    def finished(self) -> str:
        """Return the text with its numbers."""
        return filled("".join(self.text), self.values, b"".join(self.decimals))


def filled(template: str, values: Sequence[float], decimals: bytes) -> str:
    """Return a text with numbers where it has `HERE`, as `json.dumps` writes them when they were rounded.

    Parameters
    ----------
    template
        ASCII.
    values
        As many numbers.
    decimals
        To how many decimals each is rounded: fewer than 23, `INTEGER` or `SIX_DIGITS`.
    """
    codes = np.frombuffer(template.encode("ascii"), np.uint8)
    text = np.empty(codes.size + LONGEST * len(values), np.uint8)
    unsure = np.empty(len(values), np.intp)
    numbers = np.array(values, np.float64)
    size, missing = fill_in(codes, numbers, np.frombuffer(decimals, np.uint8), text, unsure)
    made = text[:size].tobytes().decode("ascii")
    for which in unsure[:missing].tolist():
        made = made.replace(HERE, _number_text(values[which], decimals[which]), 1)
    return made


def _number_text(value: float, decimals: int) -> str:
    if decimals == SIX_DIGITS:
        return json.dumps(float(f"{value:.5e}"))
    return json.dumps(int(value) if decimals == INTEGER else round(float(value), decimals))


def literal(value: object) -> str:
    """Return the JSON of what is written as it is."""
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def literals(texts: Sequence[str]) -> str:
    """Return the JSON of several texts."""
    return f"[{', '.join([literal(text) for text in texts])}]"


def fixed(names: Mapping[str, str]) -> str:
    """Return the JSON of what is the same in every scan."""
    return _fixed_items(tuple(names.items()))


@lru_cache(maxsize=64)
def _fixed_items(items: tuple[tuple[str, str], ...]) -> str:
    return literal(dict(items))


def add_quality(draft: Draft, quality: Quality) -> None:
    """Add the fields of a quality, without the braces."""
    draft.text.append(
        ", ".join(
            [
                f'"{name}": {draft.number(value, 4) if isinstance(value, float) else literal(value)}'
                for name, value in vars(quality).items()
            ]
        )
    )


def add_candidates(draft: Draft, candidates: CandidateList) -> None:
    """Add the objects of candidates, without the brackets."""
    number, worth = draft.number, candidates.worth
    known = [value for own in worth for value in own if value is not None]
    if len(known) == len(_OF_CANDIDATE) * len(worth):
        draft.numbers(known, _OF_CANDIDATE * len(worth))
        texts = [f"{_reference(record)}{_WORTH}" for record in candidates.references]
    else:
        texts = [
            f'{_reference(record)}, "score": {number(score, 6)}, '
            f'"probability": {number(probability, SIX_DIGITS)}, '
            f'"p_value": {number(p_value, SIX_DIGITS)}, "likelihood_ratio": {number(ratio, SIX_DIGITS)}}}'
            for record, (score, probability, p_value, ratio) in zip(candidates.references, worth, strict=True)
        ]
    draft.text.append(", ".join(texts))


def _reference(record: Reference) -> str:
    # by identity, which takes a tenth of the time of a look at all that a record holds
    known = _references.get(id(record))
    if known is None or known[0] is not record:
        if len(_references) >= _KEPT:
            _references.clear()
        known = _references[id(record)] = record, _of_reference(record)
    return known[1]


_references: dict[int, tuple[Reference, str]] = {}


def _of_reference(record: Reference) -> str:
    return (
        f'{{"reference_id": {literal(record.id)}, "substance": {literal(record.substance)}, '
        f'"family": {literal(record.family)}, "class": {literal(record.material_class)}, '
        f'"tier": {literal(record.tier)}'
    )


def add_components(draft: Draft, parts: Sequence[Component]) -> None:
    """Add the objects of components, without the brackets."""
    add, number = draft.text.append, draft.number
    for place, part in enumerate(parts):
        record = part.reference
        add(
            f'{", " if place else ""}{{"reference_id": {literal(record.id)}, '
            f'"substance": {literal(part.claim)}, "family": {literal(record.family)}, '
            f'"form": {literal(record.form if part.claim == record.substance else "")}, '
            f'"class": {literal(record.material_class)}, "hazard": {literal(record.hazard)}, '
            f'"tier": {literal(record.tier)}, "spectral_fraction": {number(part.spectral_fraction, 6)}, '
            f'"spectral_fraction_interval": [{number(part.fraction_low, 6)}, '
            f'{number(part.fraction_high, 6)}], "score": {number(part.score, 6)}, '
            f'"probability": {number(part.probability, SIX_DIGITS)}, '
            f'"p_value": {number(part.p_value, SIX_DIGITS)}, '
            f'"likelihood_ratio": {number(part.likelihood_ratio, SIX_DIGITS)}, "bands": ['
        )
        bands = [
            f'{{"shift": {number(band.shift_cm, 1)}, "height": {number(band.height, 4)}, '
            f'"remaining": {number(band.remaining, 4)}, "supports": {_BOOLS[band.supports]}}}'
            for band in part.bands
        ]
        add(", ".join(bands))
        add(
            f'], "supported": {number(part.sighting.supported, 4)}, '
            f'"contradicted": {number(part.sighting.contradicted, 4)}, '
            f'"alternatives": {literals(part.alternatives)}}}'
        )


def add_targets(draft: Draft, targets: TargetList) -> None:
    """Add the objects of targets, without the brackets."""
    numbers = targets.numbers
    limited, weighed = numbers[:, LOD] <= 1.0, numbers[:, MIDDLE] < math.inf
    written = np.ones((len(targets), SHARE + 1), np.bool_)
    written[:, LOD] = limited
    written[:, LOW : HIGH + 1] = weighed[:, None]
    values = numbers[:, : SHARE + 1][written].tolist()
    draft.values += values
    draft.decimals.append(_DECIMALS[_OF_TARGET] * len(values))
    kinds = (4 * limited + 2 * weighed + (numbers[:, MEASURED] == 0.0)).tolist()
    # most gain too little for a look at their bands
    texts = list(map(_unseen_text, targets.told, kinds))
    for place, look in targets.looks.items():
        texts[place] = _seen_text(targets.told[place], kinds[place], look)
    draft.text.append(", ".join(texts))


@lru_cache(maxsize=_KEPT)
def _unseen_text(told: Told, kind: int) -> str:
    """Return the object of a target that was not looked at."""
    return _seen_text(told, kind, NOT_LOOKED_AT)


def _seen_text(told: Told, kind: int, look: Look) -> str:
    sighting = look.sighting
    first, second, third = _target_texts(told, kind, look.found)
    return (
        f"{first}{_number_text(look.supports, INTEGER)}{second}{_number_text(look.probability, 6)}{third}"
        f'{_number_text(sighting.supported, 4)}, "contradicted": {_number_text(sighting.contradicted, 4)}}}'
    )


@lru_cache(maxsize=_KEPT)
def _target_texts(told: Told, kind: int, found: bool) -> tuple[str, str, str]:
    """Return what is the same of a target whenever it is found, or not, by one reference.

    The `kind` adds 4 for a limit, 2 for one by mass, and 1 where a response was assumed for that. What was
    seen of its bands comes between.
    """
    mass = "null"
    if kind & 2:
        mass = f'{{"low": {HERE}, "middle": {HERE}, "high": {HERE}, "response_assumed": {_BOOLS[kind & 1]}}}'
    return (
        f'{{"target": {literal(told.name)}, "found": {_BOOLS[found]}, "gain": {HERE}, '
        f'"carrying_gain": {HERE}, "margin": {HERE}, "supports": ',
        f', "lod": {HERE if kind & 4 else "null"}, '
        f'"reference_id": {literal(told.reference.id)}, "tier": {literal(told.tier)}, '
        f'"known_tier": {literal(told.known_tier)}, "families": {literal(told.families)}, '
        f'"not_covered": {literal(told.guessed)}, "mass_limit": {mass}, '
        f'"provisional": {_BOOLS[told.provisional]}, "policy_mass_limit": {literal(told.asked.mass)}, '
        f'"required": {_BOOLS[told.asked.required]}, "share": {HERE}, "probability": ',
        ', "supported": ',
    )
