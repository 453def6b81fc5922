"""RRUFF's text files: lines ``##KEY=value``, then ``shift, intensity`` (rruff.info, Lafuente et al. 2015).

The file's name tells what its head leaves out: ``Quartz__R040031__Raman__532__0__…``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from spectriage.library.importing.found import Original
from spectriage.spectra.errors import FormatError, SpectrumError
from spectriage.spectra.spectrum import Spectrum

CITATION = "RRUFF (Lafuente, Downs, Yang & Stone 2015)"
LICENCE = "RRUFF project, see rruff.info; cite Lafuente et al. 2015"
_START = re.compile(rb"\s*##(NAMES|RRUFFID|FILETYPE=Raman)", re.IGNORECASE)
_NAME = re.compile(r"(?P<mineral>.+?)__(?P<id>[A-Z]\d{6}[^_]*)__Raman__(?P<nm>\d{3,4})__")


def is_rruff(content: bytes) -> bool:
    """Whether a file opens as RRUFF's do."""
    return _START.match(content[:200]) is not None and b"##" in content[:200]


def read_rruff(original: Original, where: str) -> tuple[Spectrum, dict[str, Any]]:
    """Return the spectrum of one of RRUFF's files, and the fields of its record.

    Raises
    ------
    FormatError
        Names the line that is no pair of numbers, or says what is missing.
    """
    try:
        text = original.content.decode("utf-8", "strict")
    except UnicodeDecodeError:
        text = original.content.decode("latin-1")
    head: dict[str, str] = {}
    points: list[tuple[float, float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.upper().startswith("##END"):
            break
        if stripped.startswith("##"):
            key, _, value = stripped[2:].partition("=")
            head[key.strip().upper()] = value.strip()
        elif stripped:
            try:
                shift, intensity = (float(part) for part in stripped.replace(",", " ").split())
            except ValueError:
                raise FormatError("not a shift and an intensity", where=f"{where}, line {number}") from None
            points.append((shift, intensity))
    named = _NAME.match(original.name)
    mineral = head.get("NAMES") or (named["mineral"].replace("_", " ") if named else "")
    if not mineral:
        raise FormatError("an RRUFF file that does not name its mineral", where=where)
    wavelength = (
        head.get("RAMAN WAVELENGTH") or head.get("LASER_WAVELENGTH") or (named["nm"] if named else "")
    )
    excitation = _wavelength(wavelength, where)
    try:
        table = np.array(points, dtype=np.float64).reshape(-1, 2)
        if len(table) > 1 and table[0, 0] > table[-1, 0]:
            table = table[::-1]
        history = (f"read RRUFF text {original.name}",)
        metadata = {"format": "rruff", "path": original.name, "head": head}
        spectrum = Spectrum(table[:, 0], table[:, 1], None, excitation, None, metadata, history)
    except SpectrumError as error:
        raise FormatError(str(error), where=where) from None
    source = " ".join(filter(None, (CITATION, head.get("RRUFFID") or (named["id"] if named else ""))))
    return spectrum, {
        "substance": mineral,
        "class": "mineral",
        "hazard": "none",
        "source": source,
        "licence": LICENCE,
    }


def _wavelength(text: str, where: str) -> float | None:
    digits = re.match(r"\s*(\d+(\.\d+)?)", text)
    if not digits:
        return None
    value = float(digits[1])
    if not 200.0 <= value <= 2000.0:
        raise FormatError(f"a laser of {value:g} nm", where=where)
    return value
