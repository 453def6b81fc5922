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
    LOD,
    LOW,
    MEASURED,
    MIDDLE,
    SHARE,
    TargetList,
    Told,
)
from spectriage.spectra.fitting.band_list import BandList
from spectriage.spectra.reference import Reference
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.verdict._kernels_numbers import INTEGER, LONGEST, NUMBER, SIX_DIGITS, fill_in
from spectriage.spectra.verdict.candidate_list import WORTH, CandidateList
from spectriage.spectra.verdict.component import Component

HERE = chr(NUMBER)
"""Stands where a number comes."""
_KEPT = 4096
_BOOLS = ("false", "true")
_DECIMALS = [bytes([number]) for number in range(256)]
_OF_BAND = bytes([1, 4, 4])
_BANDS = [
    f'{{"shift": {HERE}, "height": {HERE}, "remaining": {HERE}, "supports": {supports}}}'
    for supports in _BOOLS
]
_OF_CANDIDATE = bytes([6, SIX_DIGITS, SIX_DIGITS, SIX_DIGITS])
_WORTHS = ("score", "probability", "p_value", "likelihood_ratio")
_WORTH = ", " + ", ".join([f'"{name}": {HERE}' for name in _WORTHS]) + "}"
_OF_TARGET = {
    (seen, limited, weighed): bytes(
        [6, 6, 6, *[INTEGER] * seen, *[6] * limited, *[6, 6, 6] * weighed, 6, *[6, 4, 4] * seen]
    )
    for seen in (False, True)
    for limited in (False, True)
    for weighed in (False, True)
}
"""How the numbers of a target are rounded."""
_OF_UNSEEN = _OF_TARGET[False, True, True]


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
    if isinstance(value, str):
        return quoted(value)
    # an encoder is set up for each call of `dumps`
    if isinstance(value, bool):
        return _BOOLS[value]
    return "null" if value is None else json.dumps(value)


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
    worth, records = candidates.worth, candidates.references
    known = [value for value in worth if value is not None]
    if len(known) == len(worth):
        draft.numbers(known, _OF_CANDIDATE * len(candidates))
        texts = [f"{_reference(record)}{_WORTH}" for record in records]
    else:
        texts = [
            f"{_reference(record)}{_some_worth(draft, worth[WORTH * place : WORTH * (place + 1)])}"
            for place, record in enumerate(records)
        ]
    draft.text.append(", ".join(texts))


def _some_worth(draft: Draft, worth: Sequence[float | None]) -> str:
    """Note what is known of a candidate's worth and return the rest of its object."""
    numbers = [draft.number(value, decimals) for value, decimals in zip(worth, _OF_CANDIDATE, strict=True)]
    return ", " + ", ".join([f'"{name}": {text}' for name, text in zip(_WORTHS, numbers, strict=True)]) + "}"


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
        bands = []
        for at_cm, height, remaining, supports in BandList.of(part.bands).rows():
            draft.numbers((at_cm, height, remaining), _OF_BAND)
            bands.append(_BANDS[supports])
        add(", ".join(bands))
        add(
            f'], "supported": {number(part.sighting.supported, 4)}, '
            f'"contradicted": {number(part.sighting.contradicted, 4)}, '
            f'"alternatives": {literals(part.alternatives)}}}'
        )


def add_targets(draft: Draft, targets: TargetList) -> None:
    """Add the objects of targets, without the brackets."""
    values, decimals, looks, kinds = draft.values, draft.decimals, targets.looks, []
    for place, row in enumerate(targets.numbers.tolist()):
        look, limited, weighed = looks.get(place), row[LOD] <= 1.0, row[MIDDLE] < math.inf
        kinds.append(4 * limited + 2 * weighed + (row[MEASURED] == 0.0))
        if look is None and limited and weighed:
            values += row[:MEASURED]
            decimals.append(_OF_UNSEEN)
            continue
        decimals.append(_OF_TARGET[look is not None, limited, weighed])
        values += row[:LOD]
        if look is not None:
            values.append(look.supports)
        values += row[LOD:LOW] * limited
        values += row[LOW:SHARE] * weighed
        values.append(row[SHARE])
        if look is not None:
            values += (look.probability, look.sighting.supported, look.sighting.contradicted)
    # most gain too little for a look at their bands
    texts = list(map(_unseen_text, targets.told, kinds))
    for place, look in looks.items():
        texts[place] = _target_text(targets.told[place], kinds[place], look.found, (HERE, HERE, HERE))
    draft.text.append(", ".join(texts))


@lru_cache(maxsize=_KEPT)
def _unseen_text(told: Told, kind: int) -> str:
    """Return the object of a target that was not looked at."""
    return _target_text(told, kind, False, ("0", "0.0", "0.0"))


@lru_cache(maxsize=_KEPT)
def _target_text(told: Told, kind: int, found: bool, seen: tuple[str, str, str]) -> str:
    """Return what is the same of a target whenever it is found, or not, by one reference.

    Parameters
    ----------
    kind
        Adds 4 for a limit, 2 for one by mass, and 1 where a response was assumed for that.
    seen
        How many bands support it, its probability, and a share of bands.
    """
    mass = "null"
    if kind & 2:
        mass = f'{{"low": {HERE}, "middle": {HERE}, "high": {HERE}, "response_assumed": {_BOOLS[kind & 1]}}}'
    target, (supports, probability, of_bands) = told.target, seen
    return (
        f'{{"target": {literal(target.name)}, "found": {_BOOLS[found]}, "gain": {HERE}, '
        f'"carrying_gain": {HERE}, "margin": {HERE}, "supports": {supports}, '
        f'"lod": {HERE if kind & 4 else "null"}, '
        f'"reference_id": {literal(told.reference.id)}, "tier": {literal(told.tier)}, '
        f'"known_tier": {literal(target.known_tier)}, "families": {literal(target.families)}, '
        f'"not_covered": {literal(target.guessed)}, "mass_limit": {mass}, '
        f'"provisional": {_BOOLS[target.provisional]}, "policy_mass_limit": {literal(target.asked.mass)}, '
        f'"required": {_BOOLS[target.asked.required]}, "share": {HERE}, "probability": {probability}, '
        f'"supported": {of_bands}, "contradicted": {of_bands}}}'
    )
