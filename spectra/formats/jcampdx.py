"""JCAMP-DX files, through the optional package `jcamp`; what it passes over in silence is checked here."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats import head as heads
from spectriage.spectra.formats.axis import Role, role_of, to_spectrum
from spectriage.spectra.formats.contents import Contents, unique_names
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import MAX_POINTS, Spectrum

_LABEL = re.compile(r"\s*##([^=]{0,200})=(.*)", re.DOTALL)
_DATA_LABELS = {"XYDATA": "xydata", "XYPOINTS": "xypoints"}
_OTHER_DATA = ("PEAKTABLE", "PEAKASSIGNMENTS", "NTUPLES", "DATATABLE", "RADATA")
_KNOWN = {
    "TITLE": "title",
    "DATATYPE": "data type",
    "FIRSTX": "firstx",
    "LASTX": "lastx",
    "NPOINTS": "npoints",
    "XFACTOR": "xfactor",
    "YFACTOR": "yfactor",
}
_FORMS = {"xydata": "(X++(Y..Y))", "xypoints": "(XY..XY)"}
_PAIRS_LINE = re.compile(r"[0-9eE+\-.,; \t]*")
_MAX_DATA_CHARS = 4_096
_REPEATS = ".STUVWXYZs"  # the place of a letter is how often the value stands
_REPEAT = re.compile(r"[S-Zs]")
_REPEATED_DIFFERENCE = re.compile(r"[%J-Rj-r][0-9.]*[S-Zs]")
_FIRST_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))")


def is_jcamp(source: Source) -> bool:
    """Whether the file opens with a JCAMP-DX label."""
    for line in source.lines:
        text = line.strip()
        if text and not text.startswith("$$"):
            match = _LABEL.match(text)
            return bool(match) and _canonical(match[1]) in ("TITLE", "JCAMPDX") if match else False
    return False


def _canonical(label: str) -> str:
    # The standard: case, blanks, dashes, slashes and underscores in a label do not count.
    return re.sub(r"[\s\-/_]", "", label).upper()


@dataclass(frozen=True)
class _Block:
    """One ``##TITLE=`` … ``##END=`` with data: labels, then lines of data."""

    line: int
    labels: dict[str, str]
    head: dict[str, str]
    kind: str
    data: list[str]
    data_line: int

    @property
    def title(self) -> str:
        return self.labels.get("TITLE", "").strip()


def _blocks(source: Source) -> list[_Block]:
    """Return the blocks of the file that hold data."""
    found: list[_Block] = []
    labels: dict[str, str] = {}
    head: dict[str, str] = {}
    data: list[str] | None = None
    kind, begin, data_line, last = "", 1, 1, ""

    def close() -> None:
        if kind:
            found.append(_Block(begin, dict(labels), dict(head), kind, data or [], data_line))

    for i, line in enumerate(source.lines):
        text = line.split("$$", 1)[0]
        match = _LABEL.match(text)
        if not match:
            if data is not None:
                data.append(text)
            elif last and text.strip() and len(labels[last]) < 2_000:
                labels[last] += "\n" + text.strip()
            continue
        label, value = _canonical(match[1]), match[2].strip()
        if label in ("TITLE", "END"):
            close()
            kind, data, last = "", None, ""
            if label == "TITLE":
                labels, head, begin = {}, {}, i + 1
        if label in _DATA_LABELS or label in _OTHER_DATA:
            close()
            kind, data, data_line, last = label, [], i + 2, ""
            labels[label] = value
        elif label != "END":
            data = None
            last = label
            labels[label] = value[:2_000]
            head[match[1].strip()] = value[:2_000]
    close()
    return found


def _check_kind(source: Source, block: _Block) -> None:
    where = source.where(block.line)
    data_type = block.labels.get("DATATYPE", "").upper()
    y_units = block.labels.get("YUNITS", "").upper()
    if "RAMAN" not in data_type and not (not data_type and "RAMAN" in y_units):
        what = f"its data type is {clip(data_type)}" if data_type else "it does not state its data type"
        raise FormatError(f"{what}; not a Raman spectrum", where=where, remedy="give a Raman spectrum")
    if re.search(r"ABSORB|TRANSMI|REFLECT|KUBELKA", y_units):
        raise FormatError(
            f"its ordinate is {clip(y_units)}, of an infrared spectrum",
            where=where,
            remedy="give a Raman spectrum",
        )
    if block.kind not in _DATA_LABELS:
        raise FormatError(
            f"it holds {clip(block.kind)}, not a spectrum", where=where, remedy="export XYDATA or XYPOINTS"
        )


def _axis_role(source: Source, block: _Block) -> tuple[Role, str]:
    units = block.labels.get("XUNITS", "").strip()
    if not units:
        raise FormatError("XUNITS is missing", where=source.where(block.line), remedy="state ##XUNITS=1/CM")
    role = role_of(units)
    return (Role.OTHER if role in (Role.UNNAMED, Role.PIXEL) else role), units


def _float(source: Source, block: _Block, label: str, default: float | None = None) -> float | None:
    value = block.labels.get(label)
    if value is None:
        return default
    try:
        number = float(value.split()[0].replace(",", ".")) if value.split() else float("nan")
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise FormatError(f"{label} is {clip(value)}, not a number", where=source.where(block.line))
    return number


def _points(source: Source, block: _Block) -> int | None:
    count = _float(source, block, "NPOINTS")
    if count is None:
        return None
    if count != round(count) or not 1 <= count <= MAX_POINTS:
        raise FormatError(
            f"NPOINTS is {count:g}; a spectrum has 8 to {MAX_POINTS:,} points", where=source.where(block.line)
        )
    return int(count)


def _check_lines(source: Source, block: _Block, count: int) -> None:
    """Refuse lines that `jcamp` leaves out without a word, decodes wrongly, or swells on."""
    values = 0
    for i, line in enumerate(block.data):
        where = source.where(block.data_line + i)
        if len(line) > _MAX_DATA_CHARS:
            raise FormatError(f"the line has {len(line):,} characters", where=where, remedy="export it again")
        if block.kind == "XYPOINTS" and not _PAIRS_LINE.fullmatch(line):
            raise FormatError(f"{clip(line)} is not pairs of numbers", where=where, remedy="correct it")
        values += len(line.split()) + sum(map(str.isalpha, line))
        repeats = _REPEAT.findall(line)
        if repeats:
            # The package repeats from the last difference on, whatever stands between: right only for these.
            if len(repeats) != len(_REPEATED_DIFFERENCE.findall(line)):
                raise FormatError(
                    "it repeats a value that is not written as a difference: that form is not read",
                    where=where,
                    remedy="export it in another form of XYDATA",
                )
            values += sum(map(_REPEATS.index, repeats))
        # A value takes at most two numbers, each with an exponent or a letter.
        if values > 8 * count + 100:
            raise FormatError(
                f"it holds far more values than its {count:,} points", where=where, remedy="export it again"
            )


def _normalised(source: Source, block: _Block) -> list[str]:
    """Return the block as `jcamp` likes it: known labels alone, in its spelling, and only lines of data."""
    kind = _DATA_LABELS[block.kind]
    form = re.sub(r"\s", "", block.labels[block.kind]).upper()
    if form != _FORMS[kind]:
        raise FormatError(
            f"its data are in the form {clip(form)}",
            where=source.where(block.data_line - 1),
            remedy=f"export {_FORMS[kind]}",
        )
    lines = [
        f"##{name}={block.labels[label].splitlines()[0] if block.labels[label] else ''}"
        for label, name in _KNOWN.items()
        if label in block.labels and label not in ("NPOINTS", "TITLE")
    ]
    count = _points(source, block)
    if count is not None:
        lines.append(f"##npoints={count}")
    _check_lines(source, block, MAX_POINTS if count is None else count)
    return [*lines, f"##{kind}={form}", *block.data, "##end="]


def _parsed(source: Source, block: _Block) -> tuple[Any, Any]:
    try:
        jcamp = importlib.import_module("jcamp")
    except ImportError:
        raise FormatError(
            "JCAMP-DX needs the package jcamp, which is not installed",
            where=source.where(),
            remedy="pip install 'spectriage[formats]'",
        ) from None
    lines = _normalised(source, block)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            read = jcamp.read(lines)
        x, y = (np.asarray(read[key], dtype=np.float64) for key in ("x", "y"))
    except Exception as error:  # the package raises whatever its parsing comes upon
        raise FormatError(
            f"the data cannot be decoded: {clip(str(error), 100)}",
            where=source.where(block.data_line),
            remedy="export it again",
        ) from None
    if "Check failed" in said.getvalue():
        raise FormatError(
            f"the data are damaged: {clip(said.getvalue().splitlines()[0], 120)}",
            where=source.where(block.data_line),
            remedy="export it again",
        )
    return x, y


def _check_data(source: Source, block: _Block, x: Any, y: Any) -> None:
    where = source.where(block.data_line)
    count = _points(source, block)
    if x.shape != y.shape or x.ndim != 1 or (count is not None and y.size != count):
        raise FormatError(
            f"NPOINTS is {count} but there are {y.size} intensities and {x.size} shifts", where=where
        )
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise FormatError("a value is not finite", where=where, remedy="export it again")


def _check_axis(source: Source, block: _Block) -> None:
    """Refuse a table that does not begin at FIRSTX: the axis is made from FIRSTX and LASTX alone."""
    if _DATA_LABELS[block.kind] != "xydata":
        return
    count = _points(source, block)
    first_x, last_x = _float(source, block, "FIRSTX"), _float(source, block, "LASTX")
    if count is None or first_x is None or last_x is None:
        raise FormatError(
            "FIRSTX, LASTX or NPOINTS is missing", where=source.where(block.line), remedy="export it again"
        )
    factor = _float(source, block, "XFACTOR", 1.0) or 1.0
    step = abs(last_x - first_x) / max(count - 1, 1)
    first = next((match for match in map(_FIRST_NUMBER.match, block.data) if match), None)
    if first and abs(float(first[1]) * factor - first_x) > max(step, 0.5 * abs(factor)):
        raise FormatError(
            f"the table begins at {float(first[1]) * factor:g} but FIRSTX is {first_x:g}",
            where=source.where(block.data_line),
            remedy="FIRSTX, LASTX and XFACTOR must fit the table",
        )


def _load(source: Source, block: _Block, name: str) -> Spectrum:
    _check_kind(source, block)
    role, units = _axis_role(source, block)
    _check_axis(source, block)
    x, y = _parsed(source, block)
    _check_data(source, block, x, y)
    resolution = heads.number(block.head, "resolution")
    labels = block.labels
    return to_spectrum(
        source,
        x,
        y,
        lambda i: f"{source.where(block.data_line)}, point {i + 1}",
        role=role,
        name=units,
        metadata={
            **heads.described(
                format="jcamp",
                path=source.name,
                axis=units,
                column=labels.get("YUNITS") or None,
                title=block.title or None,
                date=labels.get("LONGDATE") or labels.get("DATE") or None,
                instrument=labels.get("SPECTROMETERDATASYSTEM") or labels.get("SPECTROMETER") or None,
            ),
            "head": block.head,
        },
        history=(f"read jcamp: block {name!r}",),
        excitation_nm=heads.excitation_nm(block.head),
        resolution_cm=resolution if resolution is not None and 0.0 < resolution <= 200.0 else None,
    )


def read_jcamp(source: Source, column: str | None) -> Contents:
    """Read a JCAMP-DX file; a compound file holds several spectra, named by their titles.

    Raises
    ------
    FormatError
        For a spectrum that is not Raman, data that cannot be decoded or do not fit their head, and when the
        package `jcamp` is missing.
    NotAShiftAxisError
        For an axis that is neither 1/CM, nor nm with a stated laser.
    """
    if column is not None:
        raise FormatError(
            "the file has no named columns", where=source.where(), remedy="leave out the column"
        )
    blocks = _blocks(source)
    if not blocks:
        raise FormatError("it holds no data", where=source.where(), remedy="export XYDATA or XYPOINTS")
    names = (
        (source.stem,) if len(blocks) == 1 else unique_names([block.title or "untitled" for block in blocks])
    )
    aliases = {blocks[0].title: 0} if len(blocks) == 1 else {}
    return Contents(source, names, lambda i: _load(source, blocks[i], names[i]), aliases)
