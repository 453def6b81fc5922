"""A library made on one unit, for another: its measured spectra transferred, all else made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from spectriage.library.building._measured import on_grid
from spectriage.library.building.build import (
    check_self_identification,
    next_version,
)
from spectriage.library.building.gathered import Gathered
from spectriage.library.building.indexing import indexed
from spectriage.library.building.lifecycle import read_content
from spectriage.library.building.names import substance_from_name
from spectriage.library.signing.trust import JUST_MADE
from spectriage.library.store.file import read_library, write_library
from spectriage.library.store.gathered_natives import GatheredNatives
from spectriage.spectra.errors import FormatError, ParameterError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.transfer.cha import read_cha
from spectriage.spectra.transfer.transfer import Transfer

Pairs = list[tuple[str, Spectrum, Spectrum]]


def standards_of(source: Path, target: Path) -> Pairs:
    """Return the spectra that two folders, or two ``.cha`` files, hold of the same standards, by their names.

    Raises
    ------
    FormatError
        When there is none of one name in both.
    """
    ours, theirs = _named(source), _named(target)
    pairs = [(name, ours[name], theirs[name]) for name in sorted(ours.keys() & theirs.keys())]
    if not pairs:
        raise FormatError(
            f"no standard of one name is in both: {', '.join([*ours][:8])}; {', '.join([*theirs][:8])}",
            where=f"{source}, {target}",
            remedy="name the files after the standard, alike in both folders",
        )
    return pairs


def _named(path: Path) -> dict[str, Spectrum]:
    from spectriage.spectra.formats import read_spectrum

    if path.is_file():
        return {_fold(name): spectrum for name, spectrum in read_cha(path).items()}
    if not path.is_dir():
        raise FormatError("is neither a folder nor a file", where=str(path))
    found: dict[str, Spectrum] = {}
    for file in sorted(path.iterdir()):
        if file.name.startswith(".") or not file.is_file():
            continue
        try:
            found.setdefault(_fold(file.stem), read_spectrum(file))
        except SpectriageError:
            # a folder of standards may hold notes; what is missing shows in the list of standards used
            continue
    return found


def _fold(name: str) -> str:
    return " ".join((substance_from_name(name) or name).casefold().split())


def transfer_library(
    path: Path,
    transfer: Transfer,
    out: Path,
    *,
    only_source: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ReferenceSet:
    """Write a library whose measured references are as the target unit would have shown them.

    Parameters
    ----------
    path
        The library, made on the transfer's source unit.
    transfer
        From that unit to the other.
    out
        The file to make.
    only_source
        Only references whose source holds this text were made on that unit; all measured ones if empty.
    overwrite, progress
        As in `build_library`.

    Raises
    ------
    ParameterError
        When no reference is of that unit, or one was transferred before.
    LibraryError
        When a file cannot be used.
    """
    content = read_content(path)
    old = content.references
    gathered, natives = Gathered(old.shift), GatheredNatives()
    moved = 0
    for record, row in content.rows():
        native = content.natives.get(record.id)
        if native is None or only_source.casefold() not in record.source.casefold():
            gathered.add(record, row)
            if native is not None:
                natives.add(record.id, native)
            continue
        _refuse_twice(native, record.id)
        made = transfer.apply(native)
        natives.add(record.id, made)
        valid = {"valid_low_cm": float(made.shift[0]), "valid_high_cm": float(made.shift[-1])}
        gathered.add(replace(record, **valid), on_grid(made, old.shift, record.id))  # type: ignore[arg-type]
        moved += 1
    if not moved:
        raise ParameterError("no measured reference is of that unit", where=str(path))
    step = f"transferred {moved} spectra from {transfer.source} to {transfer.target}, {transfer.digest()}"
    shown = "".join(letter if letter.isprintable() else "?" for letter in step)
    history = (*content.history, f"from {content.references.name} {content.references.sha256}", shown)
    references = indexed(gathered.sorted(old.name, next_version(old, old.name)), progress)
    check_self_identification(references, progress)
    write_library(out, references, natives, history, overwrite=overwrite, originals=content.originals)
    return read_library(out, trust=JUST_MADE)


def _refuse_twice(native: Spectrum, name: str) -> None:
    before = native.metadata.get("transfer")
    if isinstance(before, Mapping):
        raise ParameterError(
            f"{name} was transferred to {before.get('target')} before",
            remedy="start from the library as it was measured",
        )
