"""Which format a text is, by its content alone."""

from __future__ import annotations

import os
import re

from spectriage.spectra.errors import FormatError
from spectriage.spectra.formats.binary import read_binary
from spectriage.spectra.formats.contents import Contents
from spectriage.spectra.formats.enlighten import (
    header_row,
    is_row_ordered,
    read_enlighten,
    refuse_row_ordered,
)
from spectriage.spectra.formats.horiba import is_bare_map, is_horiba, read_horiba
from spectriage.spectra.formats.jcampdx import is_jcamp, read_jcamp
from spectriage.spectra.formats.labspec_xml import is_labspec_xml, read_labspec_xml
from spectriage.spectra.formats.lists import is_list_table, read_lists
from spectriage.spectra.formats.source import Source, StrPath, is_utf16, read_bytes, text_source
from spectriage.spectra.formats.table import read_table
from spectriage.spectra.formats.wire_map import is_wire_map, read_wire_map
from spectriage.spectra.formats.witec import is_witec, read_witec

# A bracket before a word opens a section of a head, as in "[Header]".
_JSON = re.compile(r"[\[{]\s*(?:[\"0-9\-\[{\]}]|$)")
_MARKUP = ("<!doctype", "<html", "<?xml", "<svg")


def contents(path: StrPath, column: str | None = None) -> Contents:
    """Return the spectra in a file.

    Raises
    ------
    FormatError
        When the file is not one that is read, or is damaged.
    """
    name = os.fspath(path)
    data = read_bytes(path)
    found = None if is_utf16(data) else read_binary(data, name, column)
    return _contents(text_source(data, name), column) if found is None else found


def _contents(source: Source, column: str | None) -> Contents:
    opening = next((line.strip() for line in source.lines if line.strip()), "")[:40].lower()
    if opening.startswith("<") and is_labspec_xml(source):
        return read_labspec_xml(source, column)
    if is_witec(source):
        return read_witec(source, column)
    if opening.startswith(_MARKUP):
        raise FormatError(
            "this is a web page or XML", where=source.where(), remedy="export the spectrum as text"
        )
    if _JSON.match(opening):
        raise FormatError("this is JSON", where=source.where(), remedy="export the spectrum as text")
    if is_jcamp(source):
        return read_jcamp(source, column)
    if is_horiba(source) or is_bare_map(source):
        return read_horiba(source, column)
    if is_wire_map(source):
        return read_wire_map(source, column)
    if is_row_ordered(source):
        refuse_row_ordered(source)
    header = header_row(source)
    if header is not None:
        return read_enlighten(source, header, column)
    if is_list_table(source):
        return read_lists(source, column)
    return read_table(source, column)
