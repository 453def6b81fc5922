"""What the lines before the numbers say of the measurement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_MAX_CHARS = 2_000
_PAIR = re.compile(r"([^:=,;\t]{1,120})[:=,;\t](.*)")
_NANOMETRES = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(?:nm.*)?", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]+")
_EXCITATION = frozenset({"laser", "excitation"})
_BESIDE_EXCITATION = _EXCITATION | {
    "wavelength",
    "wave",
    "length",
    "nm",
    "line",
    "nominal",
    "raman",
    "enlighten",
}


def pairs(lines: Iterable[str]) -> dict[str, str]:
    """Return the ``key: value`` pairs of head lines; the comment signs before them are left out.

    A line that is no pair is kept under its number as ``line N``, and a key that comes again gets its number
    too, so that nothing said in a head is lost.
    """
    head: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip().strip('"').lstrip("#%!/; \t").strip()
        if not text:
            continue
        match = _PAIR.match(text)
        key, value = (match[1].strip(), match[2].strip(' \t,;"')) if match else (f"line {number}", text)
        key = key if key not in head else f"{key} (line {number})"
        head[key] = value[:_MAX_CHARS]
    return head


def number(head: Mapping[str, str], *keys: str) -> float | None:
    """Return the first of `keys` that holds a finite number; keys compare without case."""
    for value in _values(head, keys):
        try:
            found = float(value.strip().replace(",", "."))
        except ValueError:
            continue
        if abs(found) < 1e300:
            return found
    return None


def text(head: Mapping[str, str], *keys: str) -> str | None:
    """Return the first of `keys` that holds a word; keys compare without case."""
    return next((value.strip() for value in _values(head, keys) if value.strip()), None)


def _values(head: Mapping[str, str], keys: tuple[str, ...]) -> list[str]:
    lowered = {key.lower(): value for key, value in head.items()}
    return [lowered[key.lower()] for key in keys if key.lower() in lowered]


def excitation_nm(head: Mapping[str, str]) -> float | None:
    """Return the laser wavelength in nm that a head states, as in ``Laser (nm)=785`` or ``Laser=532nm_Edge``.

    None when the head states none between 200 and 2,000 nm, or two that differ.
    """
    found: set[float] = set()
    for key, value in head.items():
        words = set(_WORDS.findall(key.lower()))
        if not words & _EXCITATION or words - _BESIDE_EXCITATION:
            continue
        match = _NANOMETRES.fullmatch(value.strip())
        if match and 200.0 <= float(match[1].replace(",", ".")) <= 2000.0:
            found.add(float(match[1].replace(",", ".")))
    return found.pop() if len(found) == 1 else None


def described(**known: float | int | str | None) -> dict[str, float | int | str]:
    """Return the metadata that are known."""
    return {key: value for key, value in known.items() if value is not None}
