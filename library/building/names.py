"""What a spectrum is of, by the name of its file: a guess that is always shown, and never made of nothing."""

from __future__ import annotations

import re

_NOISE = re.compile(
    r"""
    ( copy\s?\d* | kopie
    | \d{3,4}\s?nm | \d+(\.\d+)?\s?(mw|ms|s|sec|x|cm-?1)   # laser, power, time, accumulations
    | \d{8}([-t_]?\d{4,6})? | \d{2}[-_]\d{2}[-_]\d{2}      # dates and times
    | (scan|spot|run|rep|replicate|acq|acquisition|measurement|raman|sers|spectrum|processed|raw)\s?\d*
    | \(?\d{1,3}\)? | [a-z]{2,4}-\d{4,6}                   # numbers of replicates, serial numbers
    ) $
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEFORE = re.compile(r"(copy|kopie)\s(of|von)\s(?=\S)", re.IGNORECASE)
_NOTHING = frozenset(
    ("spectra", "untitled", "title", "no title", "unknown", "sample", "unnamed", "data", "test")
)
_LETTERS = re.compile(r"[^\W\d_]{3}")
MAX_CHARS = 120


def substance_from_name(*names: str) -> str:
    """Return the first of some names that names a substance, without what only numbers its measurements.

    ``caffeine_785nm_02`` is caffeine, ``Methylene blue (3)`` methylene blue; ``20260406-121131`` names
    nothing, and then the next is tried (the folder's). Empty when none does. ``2-propanol`` stays.
    """
    for name in names:
        found = _cleaned(name)
        nothing = found.casefold() in _NOTHING or _NOISE.fullmatch(found)
        if not nothing and _LETTERS.search(found):
            return found
    return ""


def _cleaned(name: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in name.replace("_", " "))
    text = _BEFORE.sub("", " ".join(shown.split()))
    while True:
        head, between, last = max(text.rpartition(" "), text.rpartition("-"), key=lambda parts: len(parts[0]))
        # a number behind a hyphen may belong to the name: LSD-25
        if between == "-" and last.isdecimal():
            head, _, last = text.rpartition(" ")
        if head and _LETTERS.search(head) and _NOISE.fullmatch(last):
            text = head.rstrip(" -,;")
            continue
        joined = re.fullmatch(r"(.*[^\W\d_]{3,})[-\s]?\((\d{1,3})\)", text)
        if joined:
            text = joined[1].rstrip(" -,;")
            continue
        return text[:MAX_CHARS].strip()
