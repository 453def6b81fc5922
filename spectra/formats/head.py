"""What the lines before and after the numbers say of the measurement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_MAX_CHARS = 2_000
_PAIR = re.compile(r"([^:=,;\t]{1,120})[:=,;\t](.*)", re.DOTALL)
_CIF_PAIR = re.compile(r"(_[^\s]{1,120})\s+(\S.*)", re.DOTALL)
_WORDS = re.compile(r"[A-Z]?[a-zà-ÿа-я]+|[A-Z]+(?![a-z])|[λ激光波长]+|[0-9]+|%")
# A value is a number with or without nm and words after it, a number with its uncertainty "785(1)", or words
# before it: "WP-785", never.
_VALUE = re.compile(r"~?\s*([0-9]{3,4}(?:[.,][0-9]+)?)(?:\([0-9]+\))?\s*(nm\b.*|nanomet.*|)", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?<![\d.,\-–/])([0-9]{3,4}(?:[.,][0-9]{1,4})?)\s?nm(?![a-z0-9])(?!\s*[-–/])", re.IGNORECASE
)
_LASER_KEYS = ("laser", "láser", "excit", "anreg", "激光", "λ", "lambda")
_ALSO_LASER = ({"wl"}, {"raman", "wavelength"})
_LASER_WORDS = re.compile(r"laser|láser|excit|anreg|激光|激发|\bex\b|λ")
_NOT_A_WAVELENGTH = frozenset(
    [
        *("power", "powerlevel", "level", "energy", "current", "percent", "%", "mw", "w", "ma", "leistung"),
        *("potencia", "puissance", "temp", "temperature", "temperatur", "tec", "mode", "state", "status"),
        *("time", "date", "ms", "sec", "secs", "seconds", "s", "id", "number", "num", "no", "serial", "sn"),
        *("filter", "spot", "width", "diameter", "density", "factor", "intensity", "on", "off", "enabled"),
        *("freq", "frequency", "wavenumber", "cm", "rate", "polarization", "polarisation", "count", "counts"),
        *("used", "range", "start", "end", "min", "max"),
    ]
)
_NOT_A_LASER = re.compile(
    r"grating|blaze|filter|range|slit|width|resolution|spot|pixel|step|start|stop|center|centre|detector|to\b",
    re.IGNORECASE,
)
_MILLISECONDS = {
    **dict.fromkeys(("us", "usec", "µs"), 1e-3),
    **dict.fromkeys(("ms", "msec", "milliseconds"), 1.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1e3),
}
_EXPOSURE = re.compile(
    r"integration|intigration|exposure|acq(?:uisition)?[. ]*time|belichtung", re.IGNORECASE
)
_ACCUMULATIONS = re.compile(
    r"accumulations?|averages?|average number|number of accumulations|repetitioncount|scan averaging"
    r"|scans to average|no\.? of scans|number of scans|co-?adds?",
    re.IGNORECASE,
)


def pairs(lines: Iterable[str], first_line: int = 1) -> dict[str, str]:
    """Return the ``key: value`` pairs of head lines; the comment signs before them are left out.

    A line that is no pair is kept under its number as ``line N``, and a key that comes again gets its number
    too, so that nothing said in a head is lost.
    """
    head: dict[str, str] = {}
    for number, line in enumerate(lines, start=first_line):
        text = line[: 2 * _MAX_CHARS].strip().strip('"').lstrip("#%!/; \t").strip()
        if not text:
            continue
        match = _CIF_PAIR.match(text) if text.startswith("_") else _PAIR.match(text)
        # "10:30" is a time and no pair
        named = match is not None and any(map(str.isalpha, match[1]))
        key, value = (
            (match[1].strip(), match[2].strip(" \t,;\"'")) if match and named else (f"line {number}", text)
        )
        key = key if key and key not in head else f"{key} (line {number})".lstrip()
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


def _words(key: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(key[:200])}


def _nanometres(value: str) -> float | None:
    found = float(value.replace(",", "."))
    return found if 200.0 <= found <= 2000.0 else None


def _keyed_laser(key: str, value: str) -> float | None:
    """Return the wavelength of a pair such as ``LaserWavelength_nm: 785``."""
    words = _words(key)
    asks = any(word.startswith(_LASER_KEYS) for word in words) or words in _ALSO_LASER
    match = _VALUE.fullmatch(value.strip()[:80]) if asks and not words & _NOT_A_WAVELENGTH else None
    if match is None:
        return None
    # "785" alone after a key of foreign words may be anything
    return _nanometres(match[1])


def excitation_nm(head: Mapping[str, str]) -> float | None:
    """Return the laser wavelength in nm that a head states.

    Pairs as ``Laser (nm)=785``, ``Laser=532nm_Edge``, ``LaserWavelength_nm 785`` come first; else a line of
    free text with one wavelength and a word on the laser (``excited at 785 nm``), or nothing but settings
    (``785 nm, 50 mW``). None when the head states none between 200 and 2,000 nm, or two that differ.
    """
    found = {laser for key, value in head.items() if (laser := _keyed_laser(key, value)) is not None}
    if not found:
        for key, value in head.items():
            whole = value if key.startswith("line ") else f"{key}: {value}"
            values = [_nanometres(v) for v in _IN_TEXT.findall(whole[:400])]
            starts = _IN_TEXT.match(whole.strip())
            says = _LASER_WORDS.search(whole[:400].lower()) or (starts and key.startswith("line "))
            starts_key = _IN_TEXT.fullmatch(key.strip())
            if (
                len(values) == 1
                and values[0]
                and (says or starts_key)
                and not _NOT_A_LASER.search(whole[:400])
            ):
                found.add(values[0])
    return found.pop() if len(found) == 1 else None


def integration_ms(head: Mapping[str, str]) -> float | None:
    """Return the integration time in ms where a head states it with its unit, in the key or the value."""
    for key, value in head.items():
        if not _EXPOSURE.search(key[:200]):
            continue
        match = re.match(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*([a-zµ]*)", value[:80])
        if match is None:
            continue
        units = [match[2].lower()] if match[2] else [w for w in _words(key) if w in _MILLISECONDS]
        if len(units) == 1 and units[0] in _MILLISECONDS:
            return float(match[1].replace(",", ".")) * _MILLISECONDS[units[0]]
    return None


def accumulations(head: Mapping[str, str]) -> int | None:
    """Return the number of scans that were averaged or summed, where a head states it."""
    for key, value in head.items():
        if _ACCUMULATIONS.fullmatch(key.strip()[:60]) and re.fullmatch(r"\s*[0-9]{1,6}\s*", value[:20]):
            return max(int(value), 1)
    return None


_COEFFICIENT = re.compile(
    r"(?:coefs?_a|(?:ccd|wavecal|wavelength)[ _]?(?:coeffs?|coefficients?)?[ _]?c?)([0-5])"
)


def wavelength_coefficients(head: Mapping[str, str]) -> tuple[float, ...]:
    """Return the polynomial from pixel number to nm that a head states, lowest power first; else nothing.

    As ``coefs_a0 …`` (B&W Tek) and ``CCD C0 …`` (Wasatch).
    """
    found: dict[int, float] = {}
    for key in head:
        match = _COEFFICIENT.fullmatch(key.strip().lower()[:60])
        value = number(head, key) if match else None
        if match and value is not None:
            found[int(match[1])] = value
    powers = range(len(found))
    return tuple(found[k] for k in powers) if len(found) >= 2 and set(found) == set(powers) else ()


def described(**known: float | int | str | None) -> dict[str, float | int | str]:
    """Return the metadata that are known."""
    return {key: value for key, value in known.items() if value is not None}
