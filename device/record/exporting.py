"""Recorded spectra as files: one a record, NXraman or JCAMP-DX."""

from __future__ import annotations

import filecmp
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spectriage.device.record.scanned import decided_on
from spectriage.library.journal import Journal, Record
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.formats.write import WriteError, write_jcamp, write_nexus
from spectriage.spectra.spectrum import Spectrum

Writer = Callable[[Spectrum, Path], None]
SPECTRUM_FORMATS: dict[str, tuple[str, Writer]] = {
    "nxraman": (".nxs", write_nexus),
    "jcamp": (".jdx", write_jcamp),
}
"""Ending of the file and its writer, by format."""


@dataclass
class Exported:
    """What came of an export.

    Parameters
    ----------
    written
        New files.
    there
        Files that were there already, with the same bytes.
    refused
        Why a record could not be written, by its number.
    """

    written: list[Path] = field(default_factory=list)
    there: list[Path] = field(default_factory=list)
    refused: dict[int, SpectriageError] = field(default_factory=dict)


def export_spectra(journal: Journal, form: str, folder: Path) -> Exported:
    """Write the spectrum of every scan and identification of a journal to a file of its own.

    The file is named by number and hash of the record, e.g. ``000012-347ac8ff3f36.nxs``, and states the
    record's hash, origin and verdict, but neither operator nor place. A file that is there is never changed.
    A record that cannot be written does not keep the others from it.

    Parameters
    ----------
    form
        A key of `SPECTRUM_FORMATS`.
    folder
        Made if it is not there.

    Raises
    ------
    WriteError
        When the folder cannot be made or written to.
    """
    ending, write = SPECTRUM_FORMATS[form]
    made = Exported()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            for record, _ in journal.records():
                said = json.loads(record.payload)
                if "result" not in said:
                    continue
                name = f"{record.number:06d}-{record.hash.hex()[:12]}{ending}"
                try:
                    write(_described(journal, record, said), Path(scratch) / name)
                    fresh = _placed(Path(scratch) / name, folder / name)
                    (made.written if fresh else made.there).append(folder / name)
                except SpectriageError as error:
                    made.refused[record.number] = error
    except OSError as error:
        raise WriteError(
            f"spectra cannot be written here: {error.strerror or error}",
            where=str(folder),
            remedy="name a folder that can be written with --out",
        ) from error
    return made


def _described(journal: Journal, record: Record, said: dict[str, Any]) -> Spectrum:
    """Return a record's spectrum with what the file is to state of the record."""
    spectrum, _ = decided_on(journal, record)
    device = said.get("device", {})
    # a simulated scan must not pass for a measured one once it has left the journal
    kind = f"{said['kind']}, {device['origin']}" if device else said["kind"]
    metadata = {
        **spectrum.metadata,
        "record": f"{record.number} {record.hash.hex()} ({kind})",
        "verdict": f"{said['result']['verdict']} (presumptive)",
    }
    metadata.setdefault("title", said.get("item") or f"record {record.number}")
    if "scan" in said:
        metadata.setdefault("date", said["scan"]["started"])
        metadata.setdefault("instrument", f"{device['maker']} {device['model']}".strip())
        metadata.setdefault("serial", device["serial"])
    return replace(spectrum, metadata=metadata)


def _placed(new: Path, target: Path) -> bool:
    """Give a new file its name unless the same file has it; return whether it was new.

    Raises
    ------
    WriteError
        When a different file has that name.
    """
    if target.exists():
        if target.is_file() and filecmp.cmp(new, target, shallow=False):
            return False
        raise WriteError(
            "a different file of this name is there, and is not overwritten",
            where=str(target),
            remedy="export to another folder, or move that file away",
        )
    os.replace(new, target)
    return True
