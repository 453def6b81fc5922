"""Response: the Raman signal of a material per mass, which turns shares of signal into shares of mass.

Relative to acetaminophen powder at 785 nm. Few are measured; the others are assumed by the kind of bond that
scatters, and say so. The numbers stand in ``responses.toml``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from spectriage.library.catalogue._hazards import CLASS_HAZARDS
from spectriage.spectra.errors import CatalogueError

MEASURED, ASSUMED = "measured", "assumed"
_FALLBACK = "unlisted"


@dataclass(frozen=True, slots=True)
class Response:
    """Raman signal per mass.

    Parameters
    ----------
    value
        Area over the baseline, 400–1800 cm⁻¹, per mass, relative to acetaminophen powder at 785 nm.
    factor
        The standard uncertainty of its logarithm, as a factor: 2 says "within a half and the double".
    basis
        ``measured`` or ``assumed``.
    kind
        By which it is assumed; empty when measured.
    """

    value: float
    factor: float
    basis: str
    kind: str = ""


@dataclass(frozen=True)
class _Table:
    measured: dict[str, Response]
    kinds: dict[str, Response]
    by_substance: dict[str, Response]
    by_class: dict[str, Response]


def response_of(substance: str, material_class: str, kind: str = "") -> Response:
    """Return the response of a substance.

    Parameters
    ----------
    substance
        As the catalogue names it; a remark in brackets does not count.
    material_class
        What is assumed for its class holds where nothing is known of the substance.
    kind
        The kind that an entry states; goes before its class and the list, not before a measured value.

    Raises
    ------
    CatalogueError
        When the kind is not known.
    """
    table = _load()
    name = substance.casefold().split(" (")[0]
    if name in table.measured:
        return table.measured[name]
    if kind:
        if kind not in table.kinds:
            raise CatalogueError(f"'{kind}' is not a kind", remedy=f"known are {', '.join(table.kinds)}")
        return table.kinds[kind]
    found = table.by_substance.get(name) or table.by_class.get(material_class)
    return table.kinds[_FALLBACK] if found is None else found


@functools.lru_cache(maxsize=1)
def _load() -> _Table:
    from spectriage.library.catalogue._toml import read_toml

    path = Path(str(resources.files("spectriage.library.catalogue"))) / "responses.toml"
    document = read_toml(path)
    try:
        return _table(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CatalogueError(f"is not a table of responses: {error}", where=str(path)) from None


def _table(document: dict[str, Any]) -> _Table:
    measured = document["measured"]
    known = {
        name.casefold(): Response(float(value), float(measured["factor"]), MEASURED)
        for name, value in measured["values"].items()
    }
    kinds: dict[str, Response] = {}
    by_substance: dict[str, Response] = {}
    by_class: dict[str, Response] = {}
    for raw in document["kind"]:
        made = Response(float(raw["value"]), float(raw["factor"]), ASSUMED, raw["name"])
        if made.kind in kinds or made.value < 0.0 or made.factor < 1.0:
            raise ValueError(f"kind '{made.kind}' stands twice or is out of range")
        kinds[made.kind] = made
        for names, into in ((raw["substances"], by_substance), (raw["classes"], by_class)):
            for name in names:
                if name.casefold() in into or name.casefold() in known:
                    raise ValueError(f"'{name}' stands twice")
                into[name.casefold()] = made
    unknown = set(by_class) - set(CLASS_HAZARDS)
    if unknown or _FALLBACK not in kinds:
        raise ValueError(f"unknown classes {sorted(unknown)}, or no kind '{_FALLBACK}'")
    return _Table(known, kinds, by_substance, by_class)
