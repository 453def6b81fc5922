"""XML as Horiba LabSpec 6 writes it (``LSX_Data``): one spectrum, a series or a map.

The nodes of the file carry numbers for names. What is read here holds in all files known: the axes stand
under the node ``0x7B697861`` ("axi" and a high letter), each with its name (``Spectr``, ``X``, ``Y`` …), unit
and values; the intensities stand in ``LSX_Matrix``, one ``LSX_Row`` a spectrum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MIN_POINTS, Spectrum

_AXES_NODE = "0x7b697861"
_MAX_AXES_NODES = 8
_NUMBERS = re.compile(r"[0-9eE+\-.\s]+")
_UNIT = re.compile(r"(?:1/cm|cm-1|nm|ev|cnt.*|counts.*|[µu]m|mm|s|sec|pixel)", re.IGNORECASE)


@dataclass(frozen=True)
class _Axis:
    name: str
    unit: str
    values: FloatArray


def is_labspec_xml(source: Source) -> bool:
    """Whether a text is LabSpec's XML."""
    return any("<LSX_Data" in line[:2_000] for line in source.lines[:20])


def _values(text: str | None) -> FloatArray:
    cells = (text or "").split()
    if len(cells) < 2 or not _NUMBERS.fullmatch(" ".join(cells)):
        return np.empty(0)
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.empty(0)


def _axis_of(node: ElementTree.Element) -> _Axis:
    texts = [child.text.strip() for child in node.iter() if child.text and child.text.strip()]
    words = [text for text in texts if len(text) < 60 and not _NUMBERS.fullmatch(text)]
    arrays = [values for values in map(_values, texts) if values.size]
    unit = next((word for word in words if _UNIT.fullmatch(word)), "")
    name = next((word for word in words if word != unit), "")
    return _Axis(name, unit, max(arrays, key=len, default=np.empty(0)))


def _parse(source: Source) -> ElementTree.Element:
    text = "\n".join(source.lines)
    if "<!DOCTYPE" in text[:10_000] or "<!ENTITY" in text:
        raise FormatError("the XML declares entities", where=source.where(), remedy="export it again")
    try:
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        raise FormatError(
            f"the XML is damaged: {clip(str(error), 60)}", where=source.where(), remedy="export it again"
        ) from None


def _head(root: ElementTree.Element) -> dict[str, str]:
    """Return what the texts of the tree say, by the text before each: names and values alternate."""
    texts = [
        node.text.strip()
        for node in root.iter("LSX")
        if node.text and len(node.text) < 200 and node.text.strip()
    ]
    return {name: value for name, value in pairwise(texts) if name.lower().startswith("laser")}


def _spectral(source: Source, root: ElementTree.Element) -> tuple[_Axis, list[_Axis]]:
    nodes = [node for node in root.iter("LSX") if node.get("ID", "").lower() == _AXES_NODE]
    if len(nodes) > _MAX_AXES_NODES:
        raise FormatError(
            f"it has {len(nodes):,} lists of axes", where=source.where(), remedy="export it again"
        )
    axes = [axis for node in nodes for axis in map(_axis_of, node)]
    spectral = [
        axis for axis in axes if axis.name.lower().startswith("spectr") and axis.values.size >= MIN_POINTS
    ]
    if len(spectral) != 1:
        raise FormatError(
            f"it has {len(spectral)} spectral axes",
            where=source.where(),
            remedy="in LabSpec: save one spectrum or one map, as XML or as text",
        )
    return spectral[0], [axis for axis in axes if axis.values.size > 1 and axis is not spectral[0]]


def read_labspec_xml(source: Source, column: str | None) -> Contents:
    """Read LabSpec 6's XML; the spectra of a series go by their coordinate, those of a map by their number.

    Raises
    ------
    FormatError
        For damaged XML, and rows of another length than the axis.
    NotAShiftAxisError
        When the axis is neither 1/cm, nor nm with a stated laser.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns", where=source.where(), remedy="leave out the column"
        )
    root = _parse(source)
    axis, beside = _spectral(source, root)
    rows = [_values(row.text) for row in root.iter("LSX_Row")]
    bad = next((i for i, row in enumerate(rows) if row.size != axis.values.size), None)
    if not rows or bad is not None:
        raise FormatError(
            "it holds no intensities"
            if bad is None
            else f"row {bad + 1} has {rows[bad].size:,} numbers, the axis {axis.values.size:,}",
            where=source.where(),
            remedy="export it again",
        )
    along = [other for other in beside if other.values.size == len(rows)]
    names: tuple[str, ...]
    if len(rows) == 1:
        names = (source.stem,)
    elif len(along) == 1 and len(set(along[0].values.tolist())) == len(rows):
        names = tuple(f"{value:.7g}" for value in along[0].values)
    else:
        names = tuple(str(i + 1) for i in range(len(rows)))
    said = _head(root)
    label = f"Spectr ({axis.unit})" if axis.unit else ""
    role = role_of(axis.unit) if axis.unit else Role.UNNAMED

    def load(i: int) -> Spectrum:
        return to_spectrum(
            source,
            axis.values,
            rows[i],
            lambda k: f"{source.where()}, point {k + 1}",
            role=role,
            name=label,
            metadata={
                **heads.described(format="labspec-xml", path=source.name, axis=label or None),
                "head": said,
            },
            history=("read labspec xml" if len(rows) == 1 else f"read labspec xml: spectrum {names[i]!r}",),
            excitation_nm=heads.excitation_nm(said),
        )

    return Contents(source, names, load)
