"""The sample of a ``sim:`` URI: ``NAME+NAME:0.1``, fractions of the Raman signal, and its packaging.

Fractions
    A component without a fraction shares, equally with the others without one, what the given fractions
    leave. The given fractions sum to at most 1, and to exactly 1 where every component has one: nothing is
    scaled in silence. A *signal* fraction is the component's share of the Raman
    photons within the instrument's range.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spectriage.device.contract.errors import DeviceNotFoundError
from spectriage.device.contract.uri import DeviceURI
from spectriage.spectra.errors import CatalogueError

if TYPE_CHECKING:
    from spectriage.library.catalogue import CatalogueEntry

MAX_COMPONENTS = 16
SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Component:
    """One material of a mixture and its fraction, 0 to 1."""

    name: str
    fraction: float


@dataclass(frozen=True)
class Packaging:
    """One wrapping.

    Parameters
    ----------
    name
        As ``?packaging=`` takes it.
    entry
        The catalogue entry whose bands it shows; empty for none.
    signal
        Its Raman photons relative to those of an unwrapped sample.
    transmission
        Of one pass of light; the laser passes in and the Raman light out.
    fluorescence
        Its broad light relative to the Raman peak of a sample.
    """

    name: str
    entry: str
    signal: float
    transmission: float
    fluorescence: float = 0.0


PACKAGINGS = {
    p.name: p
    for p in (
        Packaging("none", "", 0.0, 1.0),
        Packaging("ldpe", "polyethylene-ldpe-nist", 0.15, 0.95),
        Packaging("hdpe", "polyethylene-hdpe-nist", 0.45, 0.60),
        Packaging("pp", "polypropylene-isotactic-nist", 0.25, 0.90),
        Packaging("pet", "pet-nist", 0.35, 0.90, 0.10),
        Packaging("ps", "polystyrene-nist", 0.50, 0.90),
        Packaging("pvc", "pvc-nist", 0.20, 0.90, 0.05),
        Packaging("pc", "polycarbonate-jrc", 0.45, 0.88, 0.10),
        Packaging("nylon", "nylon-6-cabernard-1", 0.20, 0.90, 0.05),
        Packaging("cellophane", "regenerated-cellulose-viscose-cabernard", 0.10, 0.90, 0.15),
        Packaging("glass", "glass-soda-lime-luminescence-785", 0.30, 0.92),
    )
}
"""Wrappings. The numbers are assumptions of a plausible bag, bottle or vial, not measurements: a bag's film
is some 50 µm in front of the focus, a bottle's wall a millimetre."""


def parse_mixture(uri: DeviceURI) -> tuple[Component, ...]:
    """Read the mixture in a URI's path; whether its fractions are of signal or weight is told elsewhere.

    Raises
    ------
    DeviceURIError
        Names the component and what is wrong with it.
    """
    parts = [part.strip() for part in uri.path.split("+")]
    if parts == [""]:
        raise uri.error("no sample is named", 'for example "sim:caffeine" or "sim:lactose+caffeine:0.2"')
    if len(parts) > MAX_COMPONENTS:
        raise uri.error(f"{len(parts)} components are more than {MAX_COMPONENTS}")
    names: list[str] = []
    given: list[float | None] = []
    for part in parts:
        name, colon, text = part.rpartition(":")
        if not colon:
            name, text = part, ""
        name = name.strip()
        if not name:
            raise uri.error(f"component {part!r} has no name")
        if name.casefold() in (other.casefold() for other in names):
            raise uri.error(f"component {name!r} stands twice")
        names.append(name)
        given.append(_fraction(uri, name, text) if colon else None)
    return tuple(Component(name, f) for name, f in zip(names, _shared(uri, given), strict=True))


def _fraction(uri: DeviceURI, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise uri.error(f"the fraction {text!r} of {name!r} is not a number") from None
    if not 0.0 < value <= 1.0:
        raise uri.error(f"the fraction {text} of {name!r} is not above 0 and at most 1")
    return value


def _shared(uri: DeviceURI, given: list[float | None]) -> list[float]:
    total = sum(value for value in given if value is not None)
    missing = given.count(None)
    rest = 1.0 - total
    if rest < -SUM_TOLERANCE:
        raise uri.error(f"the fractions sum to {total:g}, more than 1")
    if missing and rest <= SUM_TOLERANCE:
        raise uri.error("the fractions leave nothing for the component without one")
    if not missing and rest > SUM_TOLERANCE:
        raise uri.error(
            f"the fractions sum to {total:g}", "leave one component without a fraction to take the rest"
        )
    return [value if value is not None else rest / missing for value in given]


def parse_packaging(uri: DeviceURI) -> Packaging:
    """Read ``packaging=NAME[:strength]``; a strength replaces the material's usual signal, 0 to 10.

    Raises
    ------
    DeviceURIError
        The material is unknown or the strength is not a number from 0 to 10.
    """
    text = uri.options.get("packaging", "none")
    name, colon, strength = text.partition(":")
    if name not in PACKAGINGS:
        raise uri.error(f"packaging={name!r} is not one of {', '.join(PACKAGINGS)}")
    packaging = PACKAGINGS[name]
    if not colon:
        return packaging
    try:
        signal = float(strength)
    except ValueError:
        raise uri.error(f"the strength {strength!r} of packaging={name} is not a number") from None
    if not 0.0 <= signal <= 10.0:
        raise uri.error(f"the strength {strength} of packaging={name} is not between 0 and 10")
    return Packaging(name, packaging.entry, signal, packaging.transmission, packaging.fluorescence)


@functools.lru_cache(maxsize=1024)
def _found(name: str) -> CatalogueEntry:
    """Search the shipped catalogue once for a name: a bench asks for the same few very often."""
    from spectriage.library.catalogue import find_entry

    return find_entry(name)


def find_material(name: str, where: str) -> CatalogueEntry:
    """Find a catalogue entry by id, substance or alias.

    Raises
    ------
    DeviceNotFoundError
        With the closest names.
    """
    try:
        return _found(name)
    except CatalogueError as error:
        raise DeviceNotFoundError(error.what, where=where, remedy=error.remedy) from None
