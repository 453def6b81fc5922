"""Entries of the Raman Open Database (ROD): CIF text with a loop of shift and intensity.

Names by ROD's dictionary: ``_raman_spectrum.raman_shift``, ``_raman_spectrum.intensity``,
``_raman_measurement_device.excitation_laser_wavelength``, ``_chemical_name_mineral``, ``_rod_database.code``
(El Mendili et al. 2019, J. Appl. Cryst. 52, 618). Values follow the CIF 1.1 grammar: bare words, words in
quotation marks, and text between lines that begin with a semicolon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from spectriage.library.importing.found import Original
from spectriage.spectra.errors import FormatError, SpectrumError
from spectriage.spectra.spectrum import Spectrum

SHIFT = "_raman_spectrum.raman_shift"
INTENSITIES = ("_raman_spectrum.intensity", "_raman_spectrum.raw_intensity")
NAMES = ("_chemical_name_mineral", "_chemical_name_common", "_chemical_name_systematic")
LASER = "_raman_measurement_device.excitation_laser_wavelength"
RESOLUTION = "_raman_measurement_device.resolution"
CITATION = "Raman Open Database"
LICENCE = "Raman Open Database, see solsa.crystallography.net/rod"
_TOKEN = re.compile(r"""'(?:[^'\n]|'(?=\S))*'(?=\s|$)|"(?:[^"\n]|"(?=\S))*"(?=\s|$)|\#[^\n]*|\S+""")


def is_rod(content: bytes) -> bool:
    """Whether a file is a ROD entry."""
    return b"_raman_spectrum." in content and re.search(rb"(?m)^data_", content[:100_000]) is not None


def read_rod(original: Original, where: str) -> tuple[Spectrum, dict[str, Any]]:
    """Return the spectrum of a ROD entry, and the fields of its record.

    Raises
    ------
    FormatError
        When it has no spectrum or no name, or its loop does not add up.
    """
    text = original.content.decode("utf-8", "replace")
    single, columns = _parse(text, where)
    intensity = next((name for name in INTENSITIES if name in columns), None)
    if SHIFT not in columns or intensity is None:
        raise FormatError("the entry has no loop of shift and intensity", where=where)
    substance = next((single[name] for name in NAMES if single.get(name, "?") not in ("?", ".")), "")
    if not substance:
        raise FormatError("the entry names no substance", where=where)
    try:
        table = np.array([columns[SHIFT], columns[intensity]], dtype=np.float64)
        order = np.argsort(table[0], kind="stable")
        metadata = {"format": "rod", "path": original.name, "head": dict(list(single.items())[:200])}
        spectrum = Spectrum(
            table[0, order],
            table[1, order],
            None,
            _number(single.get(LASER)),
            _number(single.get(RESOLUTION)),
            metadata,
            (f"read ROD entry {original.name}, {intensity}",),
        )
    except (SpectrumError, ValueError) as error:
        raise FormatError(f"the loop is no spectrum: {error}", where=where) from None
    code = single.get("_rod_database.code", "")
    return spectrum, {
        "substance": " ".join(substance.split()),
        "source": f"{CITATION} {code}".strip(),
        "licence": LICENCE,
    }


def _number(text: str | None) -> float | None:
    """Return a CIF number, its uncertainty in brackets left out; None for ``?``, ``.`` and anything else."""
    found = re.fullmatch(r"([-+]?\d+(?:\.\d*)?)(\(\d+\))?", text or "")
    return float(found[1]) if found and float(found[1]) > 0.0 else None


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words, each with whether it is a quoted value."""
    block: list[str] | None = None
    for line in text.splitlines():
        if line.startswith(";"):
            if block is None:
                block = [line[1:]]
            else:
                yield "\n".join(block).strip(), True
                block = None
            continue
        if block is not None:
            block.append(line)
            continue
        for found in _TOKEN.finditer(line):
            word = found[0]
            if word.startswith("#"):
                break
            quoted = len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
            yield (word[1:-1], True) if quoted else (word, False)


def _parse(text: str, where: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the single values and the columns of the loops."""
    single: dict[str, str] = {}
    columns: dict[str, list[str]] = {}
    names: list[str] = []
    values: list[str] = []
    in_loop, waiting = False, ""

    def close() -> None:
        if names and len(values) % len(names):
            raise FormatError(f"a loop of {len(names)} columns holds {len(values)} values", where=where)
        for at, name in enumerate(names):
            columns[name] = values[at :: len(names)]
        names.clear()
        values.clear()

    for word, quoted in _tokens(text):
        lower = word.casefold()
        if not quoted and lower == "loop_":
            close()
            in_loop, waiting = True, ""
        elif not quoted and lower.startswith("data_"):
            close()
            in_loop = False
        elif not quoted and word.startswith("_"):
            if in_loop and not values:
                names.append(lower)
                continue
            close()
            in_loop, waiting = False, lower
        elif in_loop:
            values.append(word)
        elif waiting:
            single[waiting] = word
            waiting = ""
    close()
    return single, columns
