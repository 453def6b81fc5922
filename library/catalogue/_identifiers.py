"""Chemical identifiers: is it well formed, do its check digits hold, what does a formula count."""

from __future__ import annotations

import re
from collections import Counter

_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr
Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir
Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U D
"""
ELEMENTS = frozenset(_SYMBOLS.split())

_CAS = re.compile(r"[1-9][0-9]{1,6}-[0-9]{2}-[0-9]")
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{8}[SN]A-[A-Z]")
_COMPONENT = re.compile(r"([0-9]+(?:/[0-9]+)?)?(.+)")
_TOKEN = re.compile(r"([A-Z][a-z]?)([0-9]*)|(\()|(\))(n|[0-9]*)")


def is_cas(text: str) -> bool:
    """Whether `text` is a CAS registry number whose check digit holds.

    The check digit is the sum of the other digits, each times its place counted from the right, modulo 10.
    """
    if not _CAS.fullmatch(text):
        return False
    digits = [int(digit) for digit in text.replace("-", "")]
    return sum(place * digit for place, digit in enumerate(reversed(digits[:-1]), 1)) % 10 == digits[-1]


def is_inchikey(text: str) -> bool:
    """Whether `text` has the form of a standard or non-standard InChIKey."""
    return _INCHIKEY.fullmatch(text) is not None


def _count(component: str) -> Counter[str]:
    stack: list[Counter[str]] = [Counter()]
    at = 0
    while at < len(component):
        token = _TOKEN.match(component, at)
        if token is None:
            raise ValueError(f"{component[at:]!r} is not a formula")
        element, number, opening, closing, times = token.groups()
        if element:
            if element not in ELEMENTS:
                raise ValueError(f"{element!r} is not an element")
            stack[-1][element] += int(number or 1)
        elif opening:
            stack.append(Counter())
        elif closing:
            if len(stack) == 1:
                raise ValueError("a bracket closes that was not opened")
            # A repeat unit "(C2H4O)n" counts once.
            factor = 1 if times in ("", "n") else int(times)
            for name, inner in stack.pop().items():
                stack[-1][name] += inner * factor
        at = token.end()
    if len(stack) != 1:
        raise ValueError("a bracket is not closed")
    if not stack[0]:
        raise ValueError("an empty part")
    return stack[0]


def count_elements(formula: str) -> dict[str, float]:
    """Count the atoms of a formula.

    Parameters
    ----------
    formula
        Elements with counts, round brackets, components joined by a full stop with an optional leading
        number or fraction: ``C8H10N4O2``, ``CaSO4.1/2H2O``, ``2Na2CO3.3H2O2``, ``(C2H4O)n``.

    Returns
    -------
    dict
        Atoms by element; one repeat unit of a polymer.

    Raises
    ------
    ValueError
        When it is not such a formula.
    """
    total: dict[str, float] = {}
    for component in formula.split("."):
        match = _COMPONENT.fullmatch(component)
        if match is None:
            raise ValueError("an empty part")
        top, _, bottom = (match[1] or "1").partition("/")
        if int(bottom or 1) == 0:
            raise ValueError("a fraction of zero")
        for element, number in _count(match[2]).items():
            total[element] = total.get(element, 0.0) + number * int(top) / int(bottom or 1)
    return total
