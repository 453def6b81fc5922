"""Measured spectra on their way into a library: read, resampled, named, recorded."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spectriage.library.building.gathered import Row
from spectriage.library.building.known import hazard_of, known_substances, same_substance
from spectriage.library.building.manifest import ManifestEntry
from spectriage.library.catalogue import CatalogueEntry
from spectriage.library.store.gathered_natives import GatheredNatives
from spectriage.spectra.errors import LibraryError, SpectriageError
from spectriage.spectra.progress import Progress
from spectriage.spectra.reference import Reference
from spectriage.spectra.signal import resample
from spectriage.spectra.spectrum import Spectrum


class BuildError(LibraryError):
    """A library that cannot be built; nothing was written.

    Attributes
    ----------
    failures
        Every record that failed, each with its reason.
    """

    def __init__(self, what: str, failures: Sequence[str]) -> None:
        super().__init__(f"{what}:\n  " + "\n  ".join(failures), remedy="nothing was written")
        self.failures = tuple(failures)


def report(progress: Progress | None, stage: str, done: int, total: int) -> None:
    if progress is not None:
        progress(stage, done, total)


def read_measured(
    entries: Sequence[ManifestEntry],
    shift: NDArray[np.float64],
    taken: Iterable[str],
    natives: GatheredNatives,
    progress: Progress | None,
) -> Iterator[Row]:
    """Read and resample one spectrum after the other, or fail in the end with all that could not be.

    Each goes into `natives` as it was read.
    """
    failures: list[str] = []
    known = known_substances()
    names = _unique_ids(entries, taken, failures)
    for done, (entry, name) in enumerate(zip(entries, names, strict=True), 1):
        try:
            native, row = _read_one(entry, shift)
            record = measured_reference(entry, name, native, known)
            natives.add(name, native)
        except SpectriageError as error:
            told = str(error) if str(entry.path) in str(error) else f"{entry.path}: {error}"
            failures.append(f"{entry.where}: {told}" if entry.where else told)
        else:
            yield record, row
        report(progress, "reading", done, len(entries))
    if failures:
        raise BuildError(f"{len(failures)} of {len(entries)} spectra cannot be brought in", failures)


def _read_one(entry: ManifestEntry, shift: NDArray[np.float64]) -> tuple[Spectrum, NDArray[np.float32]]:
    from spectriage.spectra.formats import read_spectrum

    native = read_spectrum(entry.path, which=entry.which, column=entry.column)
    native = replace(native, technique=entry.technique, substrate=entry.substrate)
    return native, on_grid(native, shift, str(entry.path))


def on_grid(native: Spectrum, shift: NDArray[np.float64], where: str) -> NDArray[np.float32]:
    """Bring a spectrum onto a library's axis (m,), NaN where it was not measured.

    Raises
    ------
    LibraryError
        When nothing of it is left there.
    """
    resampled = resample(native, shift)
    with np.errstate(over="ignore"):
        row = resampled.intensity.astype(np.float32)
    seen = row[resampled.measured]
    if not np.isfinite(seen).all():
        raise LibraryError("the intensities are too large for single precision", where=where)
    if np.ptp(seen) <= 0.0:
        raise LibraryError("the spectrum is flat on the library's axis", where=where)
    row[~resampled.measured] = np.nan
    return row


def measured_reference(
    entry: ManifestEntry, name: str, native: Spectrum, known: Mapping[str, CatalogueEntry]
) -> Reference:
    """Make the record; what the manifest leaves open of class, family and hazard, the catalogue says.

    Raises
    ------
    CatalogueError
        When it states less of a hazard than the catalogue knows.
    """
    same = same_substance(entry, known)
    material_class = entry.material_class or (same.material_class if same else "other")
    return Reference(
        id=name,
        substance=entry.substance,
        form=entry.form,
        family=entry.family or (same.family if same else ""),
        material_class=material_class,
        hazard=hazard_of(entry, material_class, known),
        tier=entry.tier,
        cas=entry.cas,
        inchikey=entry.inchikey,
        source=entry.source or entry.path.name,
        licence=entry.licence,
        excitation_nm=entry.excitation_nm or native.excitation_nm,
        resolution_cm=entry.resolution_cm or native.resolution_cm,
        valid_low_cm=float(native.shift[0]),
        valid_high_cm=float(native.shift[-1]),
        technique=entry.technique,
        substrate=entry.substrate,
    )


def slug(*parts: str) -> str:
    """Return text as lower-case ASCII words joined by hyphens; empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", " ".join(parts)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.casefold()).strip("-")[:60].strip("-")


def _unique_ids(entries: Sequence[ManifestEntry], taken: Iterable[str], failures: list[str]) -> list[str]:
    """Name every entry: by substance and form, by source where several share those, then by number."""
    used = set(taken)
    for entry in entries:
        if entry.id and entry.id in used:
            failures.append(f"{entry.where}: the id {entry.id!r} is taken by another reference")
    used |= {entry.id for entry in entries if entry.id}
    bases = [slug(entry.substance, entry.form) or "reference" for entry in entries]
    counts = Counter(base for base, entry in zip(bases, entries, strict=True) if not entry.id)
    names = []
    numbers: Counter[str] = Counter()
    for entry, base in zip(entries, bases, strict=True):
        name = entry.id or base
        sourced = slug(base, entry.source or entry.path.stem) or base
        if not entry.id and (counts[base] > 1 or base in used):
            name = sourced
        while not entry.id and name in used:
            numbers[sourced] += 1
            name = f"{sourced}-{numbers[sourced] + 1}"
        used.add(name)
        names.append(name)
    return names
