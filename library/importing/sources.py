"""What can be imported, and how each kind is told from the others.

``folder``     files of any format that is read here, mixed, in a folder (an ENLIGHTEN folder is one) or a
               ZIP; RRUFF's text files and ROD's entries among them
``manifest``   a CSV or TOML table that says what each file is of, see `spectriage.library.building.manifest`
``openspecy``  the Raman library of the package pyopenspecy, or the folder that holds its two tables
``library``    another Spectriage library, its records and originals with it
``ec-sers``    a folder of electrochemical SERS tables such as NIST's collection (doi:10.18434/mds2-3502): a
               folder or file a substance; the first column the shift, each further one a scan at a potential
               or time. Their public description names the substances, not the columns: this layout is ours
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

from spectriage.library.importing.folder import find_in_file, find_in_folder, find_in_zip
from spectriage.library.importing.found import Defaults, Findings, Found, Original, Refusal, read_original
from spectriage.library.importing.openspecy import NAME as OPENSPECY
from spectriage.library.importing.openspecy import find_openspecy, installed_folder, is_openspecy
from spectriage.library.importing.rod import is_rod, read_rod
from spectriage.library.importing.rruff import is_rruff, read_rruff
from spectriage.spectra.errors import FormatError, ParameterError, SpectriageError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

KINDS = ("auto", "folder", "manifest", "openspecy", "library", "ec-sers")
EC_SERS = Defaults(technique=Technique.SERS, substrate="electrode, roughened electrochemically")


def find(source: str, kind: str = "auto") -> tuple[str, Findings]:
    """Find the spectra of a source.

    Returns
    -------
    kind
        What it was taken for.
    findings
        Read one after the other as they are asked for.

    Raises
    ------
    ParameterError
        For an unknown kind.
    FormatError
        When there is nothing of the kind.
    """
    if kind not in KINDS:
        raise ParameterError(f"there is no kind {kind!r}", remedy=f"use one of {', '.join(KINDS)}")
    path = Path(source)
    told = kind_of(path, source) if kind == "auto" else kind
    if told == "openspecy" and not path.exists():
        path = installed_folder()
    if not path.exists():
        raise FormatError("does not exist", where=source)
    finders: dict[str, Callable[[Path], Findings]] = {
        "folder": _any_files,
        "ec-sers": _any_files,
        "manifest": find_by_manifest,
        "openspecy": find_openspecy,
        "library": find_in_library,
    }
    return told, finders[told](path)


def kind_of(path: Path, source: str) -> str:
    """Say what a source is, by its content."""
    if source == OPENSPECY and not path.exists():
        return "openspecy"
    if path.is_dir():
        return "openspecy" if is_openspecy(path) else "folder"
    if not path.is_file():
        return "folder"
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"\x89HDF"):
        return "library"
    return "manifest" if _is_manifest(path, head) else "folder"


def _is_manifest(path: Path, head: bytes) -> bool:
    if path.suffix.casefold() == ".toml":
        return b"[[spectrum]]" in head
    lines = head.decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    names = next(csv.reader([first.replace(";", ",").replace("\t", ",")]), [])
    return {"path", "substance"} <= {name.strip().casefold() for name in names}


def _any_files(path: Path) -> Findings:
    if path.is_dir():
        return find_in_folder(path)
    if zipfile.is_zipfile(path):
        return find_in_zip(path)
    return find_in_file(read_original(path), path.name, path)


def find_by_manifest(path: Path) -> Findings:
    """Find what a manifest names; an entry whose file cannot be read is refused, the others are not.

    Raises
    ------
    CatalogueError, ManifestError
        When the manifest itself is not acceptable, with every problem.
    """
    from spectriage.library.building.manifest import load_manifest
    from spectriage.spectra.formats import read_spectrum

    for entry in load_manifest(path):
        selected = "#".join(filter(None, (entry.which, entry.column)))
        where = f"{entry.path.name}#{selected}" if selected else entry.path.name
        try:
            original = read_original(entry.path)
            spectrum = _special(original, where)
            if spectrum is None:
                spectrum = read_spectrum(entry.path, which=entry.which, column=entry.column)
        except SpectriageError as error:
            yield Refusal(f"{entry.where}: {where}", str(error).removeprefix(f"{entry.path}: "))
            continue
        fields = {
            "substance": entry.substance,
            "form": entry.form,
            "family": entry.family,
            "class": entry.material_class,
            "hazard": "" if entry.hazard is None else str(entry.hazard),
            "tier": str(entry.tier),
            "cas": entry.cas,
            "inchikey": entry.inchikey,
            "source": entry.source,
            "licence": entry.licence,
            "technique": str(entry.technique),
            "substrate": entry.substrate,
            "excitation": entry.excitation_nm,
            "resolution": entry.resolution_cm,
            "id": entry.id,
        }
        given = {name: value for name, value in fields.items() if value not in ("", None)}
        yield Found(where, spectrum, given, original, selected, named_by="the manifest")


def _special(original: Original, where: str) -> Spectrum | None:
    """Return the spectrum of a file that only this room reads; None for any other."""
    if is_rruff(original.content):
        return read_rruff(original, where)[0]
    if is_rod(original.content):
        return read_rod(original, where)[0]
    return None


def find_in_library(path: Path) -> Findings:
    """Find the measured references of another library, with their records and originals.

    Raises
    ------
    LibraryError
        When it cannot be used, or is not trusted.
    """
    from spectriage.library.building.derived import check_opened
    from spectriage.library.importing.kept import kept_original
    from spectriage.library.store.file import hold_library, read_library, read_originals
    from spectriage.library.store.natives import each_native

    held = hold_library(path)
    references = read_library(held)
    check_opened(references)
    rows = {name.decode("utf-8"): row for row, name in enumerate(references.ids.tolist())}
    originals = read_originals(held)
    for name, native in each_native(held):
        record = references.records[rows[name]]
        original, which = kept_original(native, originals)
        yield Found(f"{path.name}#{record.id}", native, {}, original, which, record, "its record")
