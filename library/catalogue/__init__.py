"""The shipped catalogue: band models of pure materials, one TOML entry a reference.

A catalogue file is TOML with an array of tables ``entry``. Each entry names its substance, says where its
bands were read and how far they can be trusted, and lists them as ``[shift_cm, height, fwhm_cm]``, with an
optional confidence letter and assignment, one line a band so that a band and its remarks cannot drift apart.
A band that was fitted is a table instead: ``{ shift = 651.8, height = 44.6, fwhm = 10.2, shape = 0.4,
u = [0.1, 0.4, 0.3, 0.1] }``, with its own shape and the standard uncertainties of the four, in their order.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np

from spectriage.library.catalogue._hazards import CLASS_HAZARDS
from spectriage.library.catalogue.response import Response, response_of
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard, Reference, Tier

CONFIDENCE_TIERS = {"A": Tier.BANDS, "B": Tier.RECALLED, "C": Tier.ESTIMATED}
"""The strongest tier that a confidence may carry: read, recalled, estimated."""

__all__ = [
    "CLASS_HAZARDS",
    "CONFIDENCE_TIERS",
    "Band",
    "CatalogueEntry",
    "catalogue_files",
    "catalogue_hash",
    "find_entry",
    "load_catalogue",
]


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a band model.

    Parameters
    ----------
    shift_cm
        Position in cm⁻¹.
    height
        Relative height; the strongest band of an entry has 100.
    fwhm_cm
        Full width at half maximum in cm⁻¹, containing the resolution that the entry states.
    confidence
        Of this band, "A" read, "B" recalled, "C" estimated; empty where the entry's own holds.
    assignment
        The vibration; empty when not given.
    lorentz_fraction
        Lorentzian part of the height of its profile, 0 to 1; None where the entry's own holds.
    uncertainty
        Standard uncertainties of shift in cm⁻¹, height, width in cm⁻¹ and Lorentzian part, as its fit gave
        them; None where it was not fitted.
    """

    shift_cm: float
    height: float
    fwhm_cm: float
    confidence: str = ""
    assignment: str = ""
    lorentz_fraction: float | None = None
    uncertainty: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One reference of the catalogue: identity, evidence and bands.

    Parameters
    ----------
    id
        Unique and stable: lower-case letters, digits and hyphens.
    substance, form, family, aliases
        What it is, its salt, hydrate, polymorph or state, the smallest group that the evidence supports, and
        the other names it goes by.
    material_class, hazard
        The broad class (``class`` in the file), and what a find means.
    tier, confidence
        How the bands are known; "A", "B" or "C".
    cas, cas_base, formula, inchikey, inchikey_base
        Identifiers of this form, and those of the free base of a salt (of the anhydrous form of a hydrate).
    licence, citation, note, extracted_from
        Terms, where the bands come from, what to know, and the measured spectra, as ``set/spectrum`` joined
        by "; ", that the bands or their heights were extracted from (empty when none): an evaluation on that
        set must leave the entry out.
    excitation_nm, resolution_cm, valid_low_cm, valid_high_cm
        Of the source; None when unknown. The resolution is what the band widths already contain, 0 for
        intrinsic widths.
    instrument_cm
        The resolution of the instrument that was taken out of the widths, in cm⁻¹; 0 where none was.
    lorentz_fraction
        Lorentzian part of the height of the pseudo-Voigt profile, 0 to 1, of bands without one of their own.
    model_cosine, model_v
        Cosine between the summed bands and the spectrum they were extracted from, and the engine's V between
        them (1 − V is the disagreement that it sees); None where not extracted.
    analogue_of
        What an estimated entry leans on.
    kind
        The kind of scatterer that its response per mass is assumed by; empty for that of its class.
    bands
        Ascending; empty for a material without first-order Raman bands.
    """

    id: str
    substance: str
    form: str
    family: str
    aliases: tuple[str, ...]
    material_class: str
    hazard: Hazard
    tier: Tier
    confidence: str
    cas: str
    cas_base: str
    formula: str
    inchikey: str
    inchikey_base: str
    licence: str
    citation: str
    note: str
    extracted_from: str
    excitation_nm: float | None
    resolution_cm: float
    instrument_cm: float
    valid_low_cm: float | None
    valid_high_cm: float | None
    lorentz_fraction: float
    model_cosine: float | None
    model_v: float | None
    analogue_of: str
    kind: str
    bands: tuple[Band, ...] = field(repr=False)

    @property
    def response(self) -> Response:
        """Its Raman signal per mass, measured or assumed; none for an entry without bands."""
        if not self.bands:
            return Response(0.0, 1.0, "assumed", "none")
        return response_of(self.substance, self.material_class, self.kind)

    @functools.cached_property
    def reference(self) -> Reference:
        """The record that goes into a library."""
        response = self.response
        return Reference(
            id=self.id,
            substance=self.substance,
            form=self.form,
            family=self.family,
            material_class=self.material_class,
            hazard=self.hazard,
            tier=self.tier,
            cas=self.cas,
            inchikey=self.inchikey,
            source=self.citation,
            licence=self.licence,
            excitation_nm=self.excitation_nm,
            # A reference has a resolution or none; intrinsic widths contain none.
            resolution_cm=self.resolution_cm or None,
            valid_low_cm=self.valid_low_cm,
            valid_high_cm=self.valid_high_cm,
            response=response.value,
            response_factor=response.factor,
            response_basis=response.basis,
        )

    @property
    def band_array(self) -> FloatArray:
        """Shift, height and width of each band, float64, shape (n, 3)."""
        rows = [(band.shift_cm, band.height, band.fwhm_cm) for band in self.bands]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)

    @property
    def lorentz_fractions(self) -> FloatArray:
        """Lorentzian part of the height of each band, float64, shape (n,)."""
        own = (band.lorentz_fraction for band in self.bands)
        return np.array([self.lorentz_fraction if part is None else part for part in own], dtype=np.float64)

    @property
    def names(self) -> tuple[str, ...]:
        """Id, substance and aliases."""
        return (self.id, self.substance, *self.aliases)


def catalogue_files() -> tuple[Path, ...]:
    """Return the shipped files that hold entries, by name."""
    folder = Path(str(resources.files(__name__)))
    return tuple(sorted(path for path in folder.glob("*.toml") if path.stem not in _KNOWLEDGE_FILES))


_KNOWLEDGE_FILES = frozenset({"calibration-lines", "gaps", "markers", "responses"})


@functools.lru_cache(maxsize=1)
def _shipped() -> tuple[CatalogueEntry, ...]:
    return _load(catalogue_files())


def _load(paths: Iterable[Path]) -> tuple[CatalogueEntry, ...]:
    from spectriage.library.catalogue._parse import read_entries

    entries: dict[str, CatalogueEntry] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        for entry in read_entries(path):
            if entry.id in entries:
                raise CatalogueError(
                    f"entry '{entry.id}': field 'id' stands already in {origin[entry.id].name}",
                    where=str(path),
                    remedy="give each entry its own id",
                )
            entries[entry.id] = entry
            origin[entry.id] = path
    return tuple(entries[name] for name in sorted(entries))


def load_catalogue(
    paths: Iterable[str | Path] | None = None, *, leave_out: str | Collection[str] = ()
) -> tuple[CatalogueEntry, ...]:
    """Load catalogue entries, checked, sorted by id.

    Parameters
    ----------
    paths
        Catalogue files; None for the shipped catalogue, which is read once in a process.
    leave_out
        Leave out the entries with these ids, and those whose bands were extracted from these measured sets.
        A name without a slash is a whole set (``wasatch-785xs-2026``), one with a slash a single spectrum
        (``wasatch-785xs-2026/caffeine.csv``).

    Raises
    ------
    CatalogueError
        Names the file, the entry and the field.
    """
    entries = _shipped() if paths is None else _load(Path(path) for path in paths)
    names = {leave_out} if isinstance(leave_out, str) else set(leave_out)
    if not names:
        return entries
    return tuple(entry for entry in entries if not _is_left_out(entry, names))


def _is_left_out(entry: CatalogueEntry, names: Collection[str]) -> bool:
    spectra = entry.extracted_from.split("; ") if entry.extracted_from else []
    return entry.id in names or any(
        spectrum in names or spectrum.partition("/")[0] in names for spectrum in spectra
    )


def catalogue_hash(paths: Iterable[str | Path] | None = None) -> str:
    """Return the SHA-256 of the content of catalogue files, in hexadecimal.

    It depends on the text of the files, not on their names, their order or their line endings, and needs no
    parsing: a cache can be looked up by it in a millisecond.

    Parameters
    ----------
    paths
        Catalogue files; None for the shipped catalogue.

    Raises
    ------
    CatalogueError
        When a file cannot be read.
    """
    digests = []
    # what the entries' responses come from is content as well
    shipped = (*catalogue_files(), Path(str(resources.files(__name__))) / "responses.toml")
    for path in shipped if paths is None else paths:
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            raise CatalogueError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
        digests.append(hashlib.sha256(text.replace(b"\r\n", b"\n")).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())


def _preference(entry: CatalogueEntry) -> tuple[int, bool, float, str]:
    low, high = entry.valid_low_cm, entry.valid_high_cm
    span = high - low if low is not None and high is not None else 0.0
    # Calibration entries have standard positions but coarse heights.
    return entry.tier.rank, entry.material_class == "calibration", -span, entry.id


def _names_by_rank(entry: CatalogueEntry) -> tuple[set[str], set[str], set[str]]:
    return (
        {entry.id},
        {_fold(entry.substance), _fold(f"{entry.substance} {entry.form}")},
        {_fold(alias) for alias in entry.aliases},
    )


def find_entry(name: str, entries: Iterable[CatalogueEntry] | None = None) -> CatalogueEntry:
    """Find the entry that a user means.

    Parameters
    ----------
    name
        An id, a substance, an alias, or "substance form", in any case. Where several entries share it, the
        one of the strongest tier, then of the widest range, then the first by id.
    entries
        Where to look; None for the shipped catalogue.

    Raises
    ------
    CatalogueError
        With the closest names, when there is none.
    """
    wanted = _fold(name)
    pool = load_catalogue() if entries is None else tuple(entries)
    ranked = [(entry, _names_by_rank(entry)) for entry in pool]
    for rank in range(3):
        found = [entry for entry, names in ranked if wanted in names[rank]]
        if found:
            return min(found, key=_preference)
    known = {_fold(candidate): candidate for entry in pool for candidate in entry.names}
    close = [known[key] for key in difflib.get_close_matches(wanted, list(known), n=4, cutoff=0.6)]
    raise CatalogueError(
        f"there is no catalogue entry named '{name}'",
        remedy=f"did you mean {', '.join(close)}?" if close else "list them with `spectriage library list`",
    )
