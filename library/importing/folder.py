"""A folder of mixed files, or a ZIP of them: each file is read as what its content says it is.

Our own readers know text, vendors' tables and JCAMP-DX; RRUFF's and ROD's files have readers here. Files are
taken in the order of their paths, hidden ones left out, links to folders not followed.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from spectriage.library.building.names import substance_from_name
from spectriage.library.files.walking import walk
from spectriage.library.importing.found import (
    MAX_ORIGINAL_BYTES,
    Findings,
    Found,
    Original,
    Refusal,
    read_original,
)
from spectriage.library.importing.rod import is_rod, read_rod
from spectriage.library.importing.rruff import is_rruff, read_rruff
from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.spectrum import Spectrum

MAX_MAP = 64
MAX_MEMBERS = 200_000
TABLES = frozenset({"manifest.csv", "manifest.toml"})
_TITLES = ("title",)
_POINT = re.compile(r"[\d\s.,;:()\-_#]+")


def find_in_folder(folder: Path) -> Findings:
    """Find the spectra in a folder and below.

    Raises
    ------
    FormatError
        When the folder cannot be read.
    """
    for path, name in walk(folder):
        if path.name.casefold() in TABLES:
            continue
        try:
            original = read_original(path)
        except FormatError as error:
            yield Refusal(name, error.what)
            continue
        yield from find_in_file(original, name, path)


def find_in_zip(archive: Path) -> Findings:
    """Find the spectra in a ZIP archive, such as RRUFF gives its collections out in.

    Raises
    ------
    FormatError
        When it is no ZIP archive, or damaged.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = sorted(opened.infolist(), key=lambda member: member.filename)[:MAX_MEMBERS]
            for member in members:
                name = f"{archive.name}/{member.filename}"
                if member.is_dir() or Path(member.filename).name.startswith("."):
                    continue
                if member.file_size > MAX_ORIGINAL_BYTES:
                    yield Refusal(name, f"is longer than {MAX_ORIGINAL_BYTES // 2**20} MB")
                    continue
                with opened.open(member) as stream:
                    content = stream.read(MAX_ORIGINAL_BYTES + 1)
                yield from find_in_file(Original(Path(member.filename).name, content), name, None)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise FormatError(f"the ZIP archive cannot be read: {error}", where=str(archive)) from None


def find_in_file(original: Original, name: str, path: Path | None) -> Findings:
    """Find the spectra of one file.

    Parameters
    ----------
    original
        Its bytes.
    name
        As it is told of.
    path
        Where it lies; None when it has to be laid down to be read.
    """
    try:
        if is_rruff(original.content):
            spectrum, fields = read_rruff(original, name)
            yield Found(name, spectrum, fields, original, named_by="the file's head")
        elif is_rod(original.content):
            spectrum, fields = read_rod(original, name)
            yield Found(name, spectrum, fields, original, named_by="the entry")
        else:
            yield from _read_plain(original, name, path)
    except SpectriageError as error:
        yield Refusal(name, _reason(error, name, path))


def _reason(error: SpectriageError, name: str, path: Path | None) -> str:
    """Return an error's text with the file named once only."""
    told = str(error)
    for prefix in (str(path), name):
        told = told.removeprefix(f"{prefix}: ").removeprefix(f"{prefix}, ")
    return told


def _read_plain(original: Original, name: str, path: Path | None) -> Findings:
    from spectriage.spectra.formats import read_spectra

    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            laid = Path(folder) / original.name
            laid.write_bytes(original.content)
            spectra = read_spectra(laid)
    else:
        spectra = read_spectra(path)
    if len(spectra) > MAX_MAP and all(_POINT.fullmatch(each) for each in spectra):
        raise FormatError(
            f"a map of {len(spectra):,} points, not of as many substances",
            where=name,
            remedy="name one with a manifest and its column which",
        )
    parts = Path(name).parts
    parent = parts[-2] if len(parts) > 1 else ""
    for which, spectrum in spectra.items():
        several = len(spectra) > 1
        fields, named_by = _name(spectrum, which if several else "", Path(original.name).stem, parent)
        where = f"{name}#{which}" if several else name
        if not fields:
            yield Refusal(where, "nothing names its substance: say it in a manifest, see `library template`")
            continue
        yield Found(where, spectrum, fields, original, which if several else "", named_by=named_by)


def _name(spectrum: Spectrum, which: str, stem: str, parent: str) -> tuple[dict[str, Any], str]:
    """Return the fields that names give, and which name gave them."""
    title = next((str(spectrum.metadata[key]) for key in _TITLES if spectrum.metadata.get(key)), "")
    for text, named_by in (
        (which, "the spectrum's name"),
        (title if spectrum.metadata.get("format") == "jcamp" else "", "the file's title"),
        (stem, "the file's name"),
        (parent, "the folder's name"),
    ):
        substance = substance_from_name(text)
        if substance:
            return {"substance": substance, "source": _source(spectrum)}, named_by
    return {}, ""


def _source(spectrum: Spectrum) -> str:
    known = (spectrum.metadata.get(key) for key in ("instrument", "serial", "path"))
    text = " ".join(str(value) for value in known if value)
    return "".join(letter for letter in text if letter.isprintable())[:300]
