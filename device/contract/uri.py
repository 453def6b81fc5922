"""Device URIs, ``scheme:path?option=value&…``: parsing with errors that name the part that is wrong."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

from spectriage.device.contract.errors import DeviceURIError

MAX_LENGTH = 4096


@dataclass(frozen=True)
class DeviceURI:
    """A parsed device URI.

    Parameters
    ----------
    scheme
        Which driver: ``sim``, ``replay``, ``ocean``, ``wasatch``, … in lower case.
    path
        What the driver makes of it: a serial number, a mixture, a file; percent-decoded. Empty for the
        first device found.
    options
        ``?key=value&…``, decoded; read-only.
    text
        The URI as it was given.
    """

    scheme: str
    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    def error(self, what: str, remedy: str = "") -> DeviceURIError:
        """Return (not raise) an error about this URI."""
        return DeviceURIError(what, where=self.text, remedy=remedy)

    def number(self, key: str, default: float, low: float = -math.inf, high: float = math.inf) -> float:
        """Return the number given for `key`, within [low, high].

        Raises
        ------
        DeviceURIError
            When the value is not a finite number or lies outside.
        """
        if key not in self.options:
            return default
        text = self.options[key]
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{key}={text!r} is not a number") from None
        if not math.isfinite(value) or not low <= value <= high:
            raise self.error(f"{key}={text} is not between {low:g} and {high:g}")
        return value

    def integer(self, key: str, default: int, low: int = 0, high: int = 2**63 - 1) -> int:
        """Return the whole number given for `key`, within [low, high].

        Raises
        ------
        DeviceURIError
            When the value is not a whole number or lies outside.
        """
        if key not in self.options:
            return default
        text = self.options[key]
        digits = text.removeprefix("-")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
            raise self.error(f"{key}={text!r} is not a whole number")
        value = int(text)
        if not low <= value <= high:
            raise self.error(f"{key}={text} is not between {low} and {high}")
        return value

    def choice(self, key: str, default: str, allowed: Collection[str]) -> str:
        """Return the word given for `key`, one of `allowed`.

        Raises
        ------
        DeviceURIError
            When it is another word.
        """
        value = self.options.get(key, default)
        if value not in allowed:
            raise self.error(f"{key}={value!r} is not one of {', '.join(sorted(allowed))}")
        return value

    def only(self, allowed: Collection[str]) -> None:
        """Check that no option but those of `allowed` is given: a misspelt option must not be ignored.

        Raises
        ------
        DeviceURIError
            Names the first unknown option and lists the known ones.
        """
        for key in self.options:
            if key not in allowed:
                known = ", ".join(sorted(allowed)) or "none"
                raise self.error(f"option {key!r} is unknown to {self.scheme}:", f"options: {known}")


def _decode(text: str, part: str, where: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DeviceURIError(f"{part} is not percent-encoded UTF-8: {text!r}", where=where) from None
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in decoded):
        raise DeviceURIError(f"{part} holds a control character", where=where)
    return decoded


def _parse_options(query: str, where: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in query.split("&"):
        key, equals, value = part.partition("=")
        if not key or not equals:
            raise DeviceURIError(f"option {part!r} is not key=value", where=where)
        key = _decode(key, "an option's name", where)
        if key in options:
            raise DeviceURIError(f"option {key!r} is given twice", where=where)
        options[key] = _decode(value, f"option {key!r}", where)
    return options


def parse_uri(text: str) -> DeviceURI:
    """Parse a device URI.

    Parameters
    ----------
    text
        ``scheme:path?key=value&key=value``. A literal ``?`` in the path is written ``%3F``, a ``%`` ``%25``.

    Raises
    ------
    DeviceURIError
        Names the part that is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise DeviceURIError(f"a device URI has at most {MAX_LENGTH} characters", where=text[:40] + "…")
    scheme, colon, rest = text.partition(":")
    if not colon:
        raise DeviceURIError(
            "a device URI starts with a scheme and a colon", where=text, remedy='for example "sim:caffeine"'
        )
    scheme = scheme.strip().lower()
    legal = scheme.isascii() and scheme[:1].isalpha() and scheme.replace("-", "").isalnum()
    if not legal:
        raise DeviceURIError(f"{scheme!r} is not a scheme", where=text, remedy="letters, digits and hyphens")
    path, mark, query = rest.partition("?")
    options = _parse_options(query, text) if mark and query else {}
    return DeviceURI(scheme, _decode(path, "the path", text), MappingProxyType(options), text)
