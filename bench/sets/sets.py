"""Labelled sets: spectra whose substance and instrument are known.

A set is a folder or a manifest.

Folder
    Every spectrum in it and below. The substance is the file's name without its suffix, or, in a file that
    holds several spectra, the name of each; the instrument is the name of the folder that the file lies in.
    Files that are no spectra are listed as left out.
Manifest
    A CSV table, one spectrum (or file of repeats) a row. ``path`` (relative to the manifest) and
    ``substance`` are required; ``instrument`` (else the folder's name), ``aliases`` (joined by ``;``),
    ``which`` (the name of a spectrum in a file of several, ``*`` for all of them as repeats), ``column``,
    ``origin`` (``measured``, the default, or ``simulated``) and ``source`` (what the catalogue's
    ``extracted_from`` calls the spectrum, else ``folder/file``) are optional.

A trial is a distinct substance on a distinct instrument; more spectra of it are repeats of the one trial.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spectriage.bench.sets.names import Correction, Names, fold, read_table
from spectriage.spectra.errors import FormatError, ParameterError, SpectriageError
from spectriage.spectra.origin import Origin
from spectriage.spectra.progress import Progress
from spectriage.spectra.spectrum import Spectrum

MANIFEST_COLUMNS = ("path", "substance")
OPTIONAL_COLUMNS = ("instrument", "aliases", "which", "column", "origin", "source")


_MADE_UNIQUE = re.compile(r" \((id [^()]*|\d+)\)$")
"""What reading adds to a name that stands in one file more than once."""


@dataclass(frozen=True, eq=False)
class LabelledSpectrum:
    """One spectrum and what it is of.

    Parameters
    ----------
    spectrum
        As read.
    substance
        As labelled (or corrected).
    instrument
        A distinct one has a distinct name.
    name
        The file, and the spectrum in it where it holds several; for reports.
    source
        ``set/spectrum`` as the catalogue's ``extracted_from`` has it.
    origin
        Measured or simulated.
    """

    spectrum: Spectrum
    substance: str
    instrument: str
    name: str
    source: str = ""
    origin: Origin = Origin.MEASURED


@dataclass(frozen=True, eq=False)
class Trial:
    """All spectra of one substance on one instrument; independent of other trials, unlike its repeats."""

    substance: str
    instrument: str
    repeats: tuple[LabelledSpectrum, ...]

    @property
    def origin(self) -> Origin:
        """Of its spectra."""
        return self.repeats[0].origin


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """A labelled set.

    Parameters
    ----------
    name
        Of the set, e.g. its folder.
    items
        The spectra.
    names
        How labels are compared.
    left_out
        What was not used, each with its reason.
    """

    name: str
    items: tuple[LabelledSpectrum, ...]
    names: Names = field(default_factory=Names)
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def trials(self) -> tuple[Trial, ...]:
        """Return the trials, ordered by substance and instrument.

        Raises
        ------
        ParameterError
            When measured and simulated spectra are mixed in one trial.
        """
        found: dict[tuple[str, str], list[LabelledSpectrum]] = {}
        for item in self.items:
            found.setdefault((self.names.substance(item.substance), item.instrument), []).append(item)
        trials = []
        for (substance, instrument), repeats in sorted(found.items()):
            if len({item.origin for item in repeats}) > 1:
                raise ParameterError(
                    f"measured and simulated spectra of {substance} on {instrument} are mixed",
                    where=self.name,
                    remedy="give the simulated ones an instrument of their own",
                )
            trials.append(Trial(substance, instrument, tuple(repeats)))
        return tuple(trials)

    def only(self, origin: Origin) -> LabelledSet:
        """Return the spectra of one origin."""
        return replace(self, items=tuple(item for item in self.items if item.origin is origin))

    @property
    def sources(self) -> frozenset[str]:
        """The sets that the catalogue may have been extracted from: entries of theirs must be left out."""
        return frozenset(item.source.partition("/")[0] for item in self.items if item.source)


def read_set(
    path: Path,
    *,
    names: Names | None = None,
    corrections: Sequence[Correction] = (),
    progress: Progress | None = None,
) -> LabelledSet:
    """Read a labelled set from a folder or a manifest, as this module's text says.

    Parameters
    ----------
    path
        A folder, or a CSV manifest.
    names
        Aliases and groups; the manifest's own aliases are added.
    corrections
        Known label problems.
    progress
        Called with what is done, how far, and of how much.

    Raises
    ------
    FormatError
        When there is nothing in it, or a manifest's row cannot be read.
    """
    path = Path(path)
    names = names or Names()
    if path.is_dir():
        items, left_out = _read_folder(path, progress)
    elif path.is_file():
        items, aliases = _read_manifest(path, progress)
        left_out = []
        if aliases:
            names = Names({**aliases, **names.aliases}, names.groups, names.catalogue)
    else:
        raise FormatError("is neither a folder nor a manifest", where=str(path))
    items, corrected = correct(items, corrections)
    if not items:
        raise FormatError("no spectra are in it", where=str(path))
    return LabelledSet(
        path.stem if path.is_file() else path.name, tuple(items), names, (*left_out, *corrected)
    )


def correct(
    items: Iterable[LabelledSpectrum], corrections: Sequence[Correction]
) -> tuple[list[LabelledSpectrum], list[str]]:
    """Apply label corrections; return the spectra that remain and what was left out, with the reasons."""
    kept, left_out = [], []
    for item in items:
        found = next((c for c in corrections if f"/{fold(item.source)}".endswith(f"/{fold(c.path)}")), None)
        if found is None:
            kept.append(item)
        elif found.substance:
            kept.append(replace(item, substance=found.substance))
        else:
            left_out.append(f"{item.source}: {found.reason}")
    return kept, left_out


def merged(sets: Sequence[LabelledSet], name: str = "all sets") -> LabelledSet:
    """Return several sets as one; aliases of all of them hold.

    Raises
    ------
    ParameterError
        When there are none.
    """
    if not sets:
        raise ParameterError("no sets were given")
    aliases = {label: substance for part in sets for label, substance in part.names.aliases.items()}
    names = Names(aliases, sets[0].names.groups, sets[0].names.catalogue)
    items = tuple(item for part in sets for item in part.items)
    return LabelledSet(name, items, names, tuple(reason for part in sets for reason in part.left_out))


def _read_folder(folder: Path, progress: Progress | None) -> tuple[list[LabelledSpectrum], list[str]]:
    from spectriage.spectra.formats import read_spectra

    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    items: list[LabelledSpectrum] = []
    left_out = []
    for done, path in enumerate(files, 1):
        source = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        try:
            spectra = read_spectra(path)
        except SpectriageError as error:
            left_out.append(f"{source}: {error.what}")
            continue
        for label, spectrum in spectra.items():
            alone = len(spectra) == 1
            items.append(
                LabelledSpectrum(
                    spectrum,
                    path.stem if alone else _MADE_UNIQUE.sub("", label),
                    path.parent.name,
                    path.name if alone else f"{path.name}: {label}",
                    source,
                )
            )
        if progress is not None:
            progress(f"reading {folder.name}", done, len(files))
    return items, left_out


def _read_manifest(path: Path, progress: Progress | None) -> tuple[list[LabelledSpectrum], dict[str, str]]:
    rows = read_table(path, MANIFEST_COLUMNS, optional=OPTIONAL_COLUMNS)
    items: list[LabelledSpectrum] = []
    aliases: dict[str, str] = {}
    for done, row in enumerate(rows, 1):
        items += _row_items(row, path)
        for alias in filter(None, (part.strip() for part in row["aliases"].split(";"))):
            aliases[alias] = row["substance"]
        if progress is not None:
            progress(f"reading {path.name}", done, len(rows))
    return items, aliases


def _row_items(row: dict[str, str], manifest: Path) -> list[LabelledSpectrum]:
    from spectriage.spectra.formats import read_spectra, read_spectrum

    file = manifest.parent / row["path"]
    try:
        origin = Origin(row["origin"] or Origin.MEASURED)
    except ValueError:
        raise FormatError(
            f"{row['origin']!r} is neither measured nor simulated", where=str(manifest)
        ) from None
    if row["which"] == "*":
        spectra = read_spectra(file)
    else:
        spectrum = read_spectrum(file, which=row["which"] or None, column=row["column"] or None)
        spectra = {row["which"]: spectrum}
    return [
        LabelledSpectrum(
            spectrum,
            row["substance"],
            row["instrument"] or file.parent.name,
            f"{file.name}: {label}" if label else file.name,
            row["source"] or f"{file.parent.name}/{file.name}",
            origin,
        )
        for label, spectrum in spectra.items()
    ]
