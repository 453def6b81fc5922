"""From the blocks of a JCAMP-DX file to spectra: their axis, and whether the data fit the labels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.jcampdx.asdf import Table, decode, decode_pairs
from spectriage.spectra.formats.jcampdx.blocks import Block, Page, blocks_of
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_FORM = re.compile(r"\(X\+\+\((\w+)\.\.\1\)\)")
_PAIRS = re.compile(r"\((?:X(\w+)\.\.X\1|X(\w+))\)")
# How far an abscissa may be from where the labels put it, in steps; beside the rounding of its last digit.
_STEPS_OFF = 0.6


@dataclass(frozen=True)
class _Variables:
    """What the labels say of the two variables, in a block or in NTUPLES."""

    x_units: str
    y_units: str
    x_factor: float
    y_factor: float
    first_x: float | None
    last_x: float | None
    delta_x: float | None
    points: int | None


class _Labels:
    """The labels of one page of a block, as numbers and texts, with the place for messages."""

    def __init__(self, source: Source, block: Block, page: Page) -> None:
        self.known = block.labels_of(page)
        self.where = source.where(block.line)

    def number(self, label: str) -> float | None:
        value = self.known.get(label)
        return None if value is None else self._number(label, value)

    def _number(self, label: str, value: str) -> float:
        try:
            number = float(value.split()[0].replace(",", ".")) if value.split() else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or "_" in value:
            raise FormatError(
                f"{label} is {clip(value)}, not a number", where=self.where, remedy="export it again"
            )
        return number

    def listed(self, label: str, at: int) -> str:
        cells = [cell.strip() for cell in self.known.get(label, "").split(",")]
        return cells[at] if at < len(cells) else ""

    def listed_number(self, label: str, at: int) -> float | None:
        value = self.listed(label, at)
        return self._number(label, value) if value else None

    def points(self, count: float | None) -> int | None:
        if count is None:
            return None
        if count != round(count) or not 1 <= count <= MAX_POINTS:
            raise FormatError(
                f"NPOINTS is {count:g}; a spectrum has 8 to {MAX_POINTS:,} points",
                where=self.where,
                remedy="export it again",
            )
        return int(count)


def _check_kind(source: Source, block: Block, y_units: str) -> None:
    where = source.where(block.line)
    data_type = block.labels.get("DATATYPE", "").upper()
    y_units = y_units.upper()
    if "RAMAN" not in data_type and not (not data_type and "RAMAN" in y_units):
        what = f"its data type is {clip(data_type)}" if data_type else "it does not state its data type"
        raise FormatError(f"{what}; not a Raman spectrum", where=where, remedy="give a Raman spectrum")
    if re.search(r"ABSORB|TRANSMI|REFLECT|KUBELKA", y_units):
        raise FormatError(
            f"its ordinate is {clip(y_units)}, of an infrared spectrum",
            where=where,
            remedy="give a Raman spectrum",
        )


def _axis_role(units: str, where: str) -> tuple[Role, str]:
    if not units.strip():
        raise FormatError("XUNITS is missing", where=where, remedy="state ##XUNITS=1/CM")
    role = role_of(units)
    return (role if role in (Role.SHIFT, Role.WAVELENGTH) else Role.OTHER), units.strip()


def _ntuples(labels: _Labels, page: Page) -> _Variables:
    symbols = [cell.strip().upper() for cell in labels.known.get("SYMBOL", "").split(",")]
    form = re.sub(r"\s", "", page.form).upper()
    match = re.match(r"\(([A-Z]\w*?)(?:\+\+\(([A-Z]\w*)\.\.|([A-Z])\w*\.\.)", form)
    x_name, y_name = (match[1], match[2] or match[3]) if match else ("X", "Y")
    if x_name not in symbols or y_name not in symbols:
        raise FormatError(
            f"the data table {clip(form)} names variables that are not in SYMBOL",
            where=labels.where,
            remedy="export XYDATA",
        )
    x, y = symbols.index(x_name), symbols.index(y_name)
    stated = labels.number("NPOINTS") if "NPOINTS" in labels.known else labels.listed_number("VARDIM", x)
    return _Variables(
        labels.listed("UNITS", x),
        labels.listed("UNITS", y),
        labels.listed_number("FACTOR", x) or 1.0,
        labels.listed_number("FACTOR", y) or 1.0,
        labels.listed_number("FIRST", x),
        labels.listed_number("LAST", x),
        labels.number("DELTAX"),
        labels.points(stated),
    )


def _variables(labels: _Labels, page: Page) -> _Variables:
    if page.kind == "DATATABLE":
        return _ntuples(labels, page)
    return _Variables(
        labels.known.get("XUNITS", ""),
        labels.known.get("YUNITS", ""),
        labels.number("XFACTOR") or 1.0,
        labels.number("YFACTOR") or 1.0,
        labels.number("FIRSTX"),
        labels.number("LASTX"),
        labels.number("DELTAX"),
        labels.points(labels.number("NPOINTS")),
    )


def _rounding(text: str) -> float:
    """Return half a unit of the last digit that is written."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(0.5 * 10.0 ** (min(max(int(exponent or 0), -300), 300) - decimals))


def _ends(v: _Variables, points: int, where: str) -> tuple[float, float]:
    """Return FIRSTX and the step, and refuse labels that contradict one another."""
    if v.first_x is None or (v.last_x is None and v.delta_x is None):
        missing = "FIRSTX" if v.first_x is None else "LASTX"
        raise FormatError(
            f"{missing} is missing" + (", and DELTAX" if missing == "LASTX" else ""),
            where=where,
            remedy="export it again",
        )
    if v.last_x is None:
        assert v.delta_x is not None
        return v.first_x, v.delta_x
    step = (v.last_x - v.first_x) / max(points - 1, 1)
    if v.delta_x and abs(abs(v.delta_x) - abs(step)) * (points - 1) > max(
        abs(step), 2e-3 * abs(v.last_x - v.first_x)
    ):
        raise FormatError(
            f"DELTAX is {v.delta_x:g}, but FIRSTX, LASTX and NPOINTS make it {step:g}",
            where=where,
            remedy="the labels must fit one another: export it again",
        )
    return v.first_x, step


def _check_abscissae(
    source: Source, page: Page, v: _Variables, table: Table, first_x: float, step: float
) -> None:
    """Refuse a table whose lines do not begin where the labels put them."""
    for k, line in enumerate(table.lines):
        x = line.x * v.x_factor
        off = _STEPS_OFF * abs(step) + (_rounding(line.x_text) + 1e-9) * abs(v.x_factor) + 1e-9 * abs(first_x)
        places = (line.start, line.start - 1) if line.checks else (line.start,)
        if any(abs(first_x + i * step - x) <= off for i in places):
            continue
        if k == 0:
            raise FormatError(
                f"the table begins at {x:g} but FIRSTX is {first_x:g}",
                where=source.where(page.first),
                remedy="FIRSTX, LASTX and XFACTOR must fit the table",
            )
        raise FormatError(
            f"the data are damaged: the line begins at {x:g} where FIRSTX, LASTX, NPOINTS and the values "
            f"before it put {first_x + line.start * step:g}",
            where=source.where(line.index + 1),
            remedy="FIRSTX, LASTX, DELTAX and NPOINTS must fit the table: export it again",
        )


def _spaced(source: Source, block: Block, page: Page, v: _Variables) -> tuple[FloatArray, FloatArray]:
    where = source.where(page.first)
    table = decode(source, page.first, page.last, MAX_POINTS if v.points is None else v.points)
    points = len(table.y) if v.points is None else v.points
    if v.points is None and (v.first_x is None or v.last_x is None or v.delta_x is None):
        raise FormatError(
            "FIRSTX, LASTX or NPOINTS is missing", where=source.where(block.line), remedy="export it again"
        )
    if len(table.y) != points or points < 1:
        raise FormatError(
            f"NPOINTS is {points} but there are {len(table.y)} intensities",
            where=where,
            remedy="the file is not whole: export it again",
        )
    first_x, step = _ends(v, points, source.where(block.line))
    _check_abscissae(source, page, v, table, first_x, step)
    last = v.last_x if v.last_x is not None else first_x + step * (points - 1)
    return np.linspace(first_x, last, points), np.array(table.y) * v.y_factor


def _paired(source: Source, page: Page, v: _Variables) -> tuple[FloatArray, FloatArray]:
    x, y, _ = decode_pairs(source, page.first, page.last, v.points or MAX_POINTS)
    if v.points is not None and len(x) != v.points:
        raise FormatError(
            f"NPOINTS is {v.points} but there are {len(y)} intensities",
            where=source.where(page.first),
            remedy="the file is not whole: export it again",
        )
    return np.array(x) * v.x_factor, np.array(y) * v.y_factor


def _data(source: Source, block: Block, page: Page, v: _Variables) -> tuple[FloatArray, FloatArray]:
    form = re.sub(r"\s", "", page.form).upper().split("),")[0]
    form = form if form.count("(") == form.count(")") else f"{form})"
    if _FORM.fullmatch(form) and page.kind != "XYPOINTS" and "R" not in form:
        x, y = _spaced(source, block, page, v)
    elif _PAIRS.fullmatch(form):
        x, y = _paired(source, page, v)
    else:
        raise FormatError(
            f"its data are in the form {clip(form)}",
            where=source.where(page.first),
            remedy="export (X++(Y..Y)) or (XY..XY)",
        )
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise FormatError(
            "a value is not finite", where=source.where(page.first + 1), remedy="export it again"
        )
    return x, y


def _load(source: Source, block: Block, page: Page | None, name: str) -> Spectrum:
    if page is None:
        _check_kind(source, block, block.labels.get("YUNITS", ""))
        raise FormatError(
            f"it holds {clip(block.pages[0].kind)}, not a spectrum",
            where=source.where(block.line),
            remedy="export XYDATA or XYPOINTS",
        )
    labels = _Labels(source, block, page)
    variables = _variables(labels, page)
    _check_kind(source, block, variables.y_units)
    role, units = _axis_role(variables.x_units, source.where(block.line))
    x, y = _data(source, block, page, variables)
    resolution = heads.number(block.head, "resolution")
    known = block.labels
    return to_spectrum(
        source,
        x,
        y,
        lambda i: f"{source.where(page.first + 1)}, point {i + 1}",
        role=role,
        name=units,
        metadata={
            **heads.described(
                format="jcamp",
                path=source.name,
                axis=units,
                column=variables.y_units or None,
                title=block.title or None,
                date=known.get("LONGDATE") or known.get("DATE") or None,
                instrument=known.get("SPECTROMETERDATASYSTEM") or known.get("SPECTROMETER") or None,
            ),
            "head": dict(block.head),
        },
        history=(f"read jcamp: block {name!r}",),
        excitation_nm=heads.excitation_nm(block.head),
        resolution_cm=resolution if resolution is not None and 0.0 < resolution <= 200.0 else None,
    )


def read_jcamp(source: Source, column: str | None) -> Contents:
    """Read a JCAMP-DX file; a compound file holds several spectra, named by their titles.

    Peak tables and structures beside a spectrum are passed over.

    Raises
    ------
    FormatError
        For a spectrum that is not Raman, and data that cannot be decoded or do not fit their labels.
    NotAShiftAxisError
        For an axis that is neither 1/CM, nor nm with a stated laser.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns", where=source.where(), remedy="leave out the column"
        )
    blocks = blocks_of(source)
    if not blocks:
        raise FormatError("it holds no data", where=source.where(), remedy="export XYDATA or XYPOINTS")
    found: list[tuple[Block, Page | None, str]] = []
    for block in blocks:
        pages = block.spectra()
        for page in pages:
            said = block.labels_of(page).get("PAGE", "") if len(pages) > 1 else ""
            found.append((block, page, f"{block.title or 'untitled'}{f', {said}' if len(pages) > 1 else ''}"))
    if not found:
        found = [(block, None, block.title or "untitled") for block in blocks]
    single = len(found) == 1
    names = (source.stem,) if single else unique_names([name for _, _, name in found])
    aliases = {found[0][2]: 0} if single else {}
    return Contents(source, names, lambda i: _load(source, *found[i][:2], names[i]), aliases)
