"""Text of WITec: the TrueMatch export with its sections, one spectrum or several below one another.

Other exports of WITec are plain tables and are read as such.
"""

from __future__ import annotations

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.numbers import read_block, separator_of
from spectriage.spectra.formats.source import Source
from spectriage.spectra.spectrum import Spectrum

_OPENING = "[WITEC_TRUEMATCH_ASCII_HEADER]"
_BEGIN, _DATA = "[SpectrumHeader]", "[SpectrumData]"


def is_witec(source: Source) -> bool:
    """Whether a text opens as WITec's TrueMatch export."""
    return any(line.strip() == _OPENING for line in source.lines[:5])


def _load(source: Source, start: int, data: int, end: int) -> Spectrum:
    """Read the spectrum whose section begins at `start`, its rows after `data`, up to `end`."""
    head = heads.pairs(source.lines[start:data], start + 1)
    title = heads.text(head, "title") or "spectrum"
    unit = heads.text(head, "xdatakind", "xaxisunit") or ""
    part = Source(source.path, source.name, source.lines[:end])
    first = next((i for i in range(data + 1, end) if source.lines[i].strip()), data)
    separator = separator_of(source.lines[first])
    if separator is None:
        raise FormatError(
            "the spectrum has no rows of two numbers", where=source.where(first + 1), remedy="export it again"
        )
    block = read_block(part, first, separator, width=2)
    return to_spectrum(
        source,
        block.values[:, 0].copy(),
        block.values[:, 1].copy(),
        lambda i: source.where(int(block.lines[i])),
        role=role_of(unit) if unit else Role.UNNAMED,
        name=unit,
        metadata={
            **heads.described(
                format="witec", path=source.name, axis=unit or None, title=title, instrument="WITec"
            ),
            "head": head,
        },
        history=(f"read witec: {title!r}",),
        excitation_nm=heads.excitation_nm(head),
    )


def read_witec(source: Source, column: str | None) -> Contents:
    """Read WITec's TrueMatch text; its spectra go by their titles.

    Raises
    ------
    FormatError
        For a spectrum without rows of numbers.
    NotAShiftAxisError
        When the axis is neither a Raman shift, nor nm with a stated laser.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns", where=source.where(), remedy="leave out the column"
        )
    begins = [i for i, line in enumerate(source.lines) if line.strip() == _BEGIN]
    ends = [*begins[1:], len(source.lines)] if begins else []
    found: list[tuple[int, int, int]] = []
    titles: list[str] = []
    for start, end in zip(begins, ends, strict=True):
        data = next((i for i in range(start, end) if source.lines[i].strip() == _DATA), None)
        if data is None:
            raise FormatError(f"{_DATA} is missing", where=source.where(start + 1), remedy="export it again")
        found.append((start, data, end))
        titles.append(
            heads.text(heads.pairs(source.lines[start + 1 : min(data, start + 20)]), "title") or "spectrum"
        )
    if not found:
        raise FormatError(f"{_BEGIN} is missing", where=source.where(), remedy="export it again")
    names = unique_names(titles) if len(found) > 1 else (source.stem,)
    return Contents(source, names, lambda i: _load(source, *found[i]))
