"""What the catalogue knows of a substance that somebody brings: by name, alias, CAS number or family.

A controlled substance must not become harmless because a manifest did not mention what it is: its spectrum in
a library without a hazard would be a reason for NO_ALARM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from spectriage.library.building.manifest import ManifestEntry
from spectriage.library.catalogue import CLASS_HAZARDS, CatalogueEntry, load_catalogue
from spectriage.spectra.errors import CatalogueError
from spectriage.spectra.reference import Hazard

_FORM = re.compile(
    r"""
    (mono|di|hemi)?hydrochloride | (mono|di)?hcl | hydrobromide | hbr | (bi)?sulfate | (bi)?sulphate
    | citrate | tartrate | acetate | oxalate | maleate | fumarate | phosphate | mesylate
    | (mono|di|hemi)?hydrate | anhydrous
    | freebase | free | base | salt | powder | crystals? | tablets? | pure | standard | racemic | crack
    """,
    re.VERBOSE,
)
"""Words beside a substance's name that do not make it another substance."""
MENTION_WORDS, MENTION_LETTERS = 5, 4
_GRAVITY = {hazard: rank for rank, hazard in enumerate(Hazard)}


def known_substances() -> dict[str, CatalogueEntry]:
    """Return catalogue entries by substance, alias, CAS number and family: of several, the gravest hazard's.

    A name comes before a CAS number, and that before a family.
    """

    def preference(entry: CatalogueEntry) -> tuple[int, bool, int, str]:
        calibration = entry.material_class == "calibration"
        return _GRAVITY[entry.hazard], calibration, entry.tier.rank, entry.id

    entries = sorted(load_catalogue(), key=preference)
    known: dict[str, CatalogueEntry] = {}
    for entry in entries:
        for name in (entry.substance, *entry.aliases):
            known.setdefault(_fold(name), entry)
    for entry in entries:
        if entry.cas:
            known.setdefault(_fold(entry.cas), entry)
    for entry in entries:
        known.setdefault(_fold(entry.family), entry)
    for name, entry in [*known.items()]:
        known.setdefault(_spaced(name), entry)
    return known


def same_substance(entry: ManifestEntry, known: Mapping[str, CatalogueEntry]) -> CatalogueEntry | None:
    """Return what the catalogue has under an entry's name or CAS number; None where it has nothing.

    Hyphens and underlines are as good as spaces, and what only names a salt or form may be left out.
    """
    spaced = _spaced(entry.substance)
    plain = " ".join(word for word in spaced.split() if not _FORM.fullmatch(word))
    by_cas = known.get(_fold(entry.cas)) if entry.cas else None
    return known.get(_fold(entry.substance)) or known.get(spaced) or by_cas or known.get(plain)


def mentioned(entry: ManifestEntry, known: Mapping[str, CatalogueEntry]) -> list[CatalogueEntry]:
    """Return what the catalogue has of hazards whose names stand within an entry's name."""
    words = _spaced(entry.substance).split()
    parts = (
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(len(words), start + MENTION_WORDS) + 1)
    )
    found = (known.get(part) for part in parts if len(part) >= MENTION_LETTERS)
    return [other for other in found if other is not None and other.hazard is not Hazard.NONE]


def hazard_of(entry: ManifestEntry, material_class: str, known: Mapping[str, CatalogueEntry]) -> Hazard:
    """Return what finding a substance means: as stated, or the gravest of its class and the catalogue.

    Where neither hazard nor class is stated and the catalogue has not the name itself, a hazard that the name
    mentions counts ("street heroin 2").

    Raises
    ------
    CatalogueError
        When the entry states less than the catalogue knows of the same name, CAS number or family.
    """
    others = [same_substance(entry, known), known.get(_fold(entry.family)) if entry.family else None]
    catalogued = [other for other in others if other is not None and other.hazard is not Hazard.NONE]
    if entry.hazard is Hazard.NONE and catalogued:
        other = catalogued[0]
        raise CatalogueError(
            f"hazard = none contradicts the catalogue, where {other.substance} is {other.hazard}",
            where=entry.where,
            remedy="leave the hazard out, or correct the substance, its CAS number or its family",
        )
    if entry.hazard is not None:
        return entry.hazard
    if others[0] is None and not entry.material_class:
        catalogued += mentioned(entry, known)
    hazards = [CLASS_HAZARDS.get(material_class, Hazard.NONE), *(other.hazard for other in catalogued)]
    return min(hazards, key=_GRAVITY.__getitem__)


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())


def _spaced(name: str) -> str:
    return _fold(re.sub(r"[-_]", " ", name))
