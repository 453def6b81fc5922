"""Finding references by what people call them: id, substance, form, alias, CAS number, InChIKey, formula."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from spectriage.library.catalogue import CatalogueEntry, load_catalogue
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.reference import Reference, ReferenceSet


def search_records(references: ReferenceSet, words: str) -> list[int]:
    """Return the rows of the references that hold all of some words, the best first.

    Parameters
    ----------
    references
        A library; what the installed catalogue knows of an entry of the same id (aliases, CAS number of the
        base, formula) is searched too.
    words
        In any case and order; each must be part of something that the reference is called or known by.
    """
    wanted = _fold(words).split()
    if not wanted:
        return []
    entries = _entries()
    found = []
    for row, record in enumerate(references.records):
        texts = [_fold(text) for text in _texts(record, entries.get(record.id))]
        if all(any(word in text for text in texts) for word in wanted):
            found.append((_rank(record, entries.get(record.id), " ".join(wanted)), row))
    return [row for _, row in sorted(found)]


def find_records(references: ReferenceSet, name: str) -> list[int]:
    """Return the rows of the references that a name means, the one that is meant first.

    An id, a substance, "substance form", an alias, a CAS number or an InChIKey, in any case. Where several
    share it, those of the strongest tier come first.

    Raises
    ------
    ParameterError
        With the closest names, when there is none.
    """
    wanted = _fold(name)
    entries = _entries()
    found = []
    for row, record in enumerate(references.records):
        rank = _rank(record, entries.get(record.id), wanted)
        if rank[0] < _NOT_CALLED_SO:
            found.append((rank, row))
    if found:
        return [row for _, row in sorted(found)]
    known = {}
    for record in references.records:
        entry = entries.get(record.id)
        names = (record.id, record.substance, *(() if entry is None else entry.aliases))
        known.update({_fold(text): text for text in names})
    close = [text for text in known if text.startswith(wanted)][:4]
    close = close or difflib.get_close_matches(wanted, list(known), n=4, cutoff=0.5)
    raise ParameterError(
        f"the library {references.name!r} has no reference {name!r}",
        remedy=(
            f"did you mean {', '.join(known[text] for text in close)}?"
            if close
            else "see `spectriage library search` and `spectriage library list`"
        ),
    )


_NOT_CALLED_SO = 4


def _rank(record: Reference, entry: CatalogueEntry | None, wanted: str) -> tuple[int, int, bool, str]:
    """Return how near a name is to a reference: by id, substance, number, alias, or none of these."""
    numbers = {record.cas, record.inchikey, *(() if entry is None else (entry.cas_base, entry.inchikey_base))}
    called = (
        {record.id},
        {_fold(record.substance), _fold(f"{record.substance} {record.form}")},
        {_fold(number) for number in numbers if number},
        set() if entry is None else {_fold(alias) for alias in entry.aliases},
    )
    kind = next((number for number, names in enumerate(called) if wanted in names), _NOT_CALLED_SO)
    return kind, record.tier.rank, record.material_class == "calibration", record.id


def _texts(record: Reference, entry: CatalogueEntry | None) -> Iterator[str]:
    yield from (record.id, record.substance, record.form, record.family, record.material_class)
    yield from (record.cas, record.inchikey, str(record.hazard), str(record.tier))
    if entry is not None:
        yield from (*entry.aliases, entry.cas_base, entry.inchikey_base, entry.formula)


def _entries() -> dict[str, CatalogueEntry]:
    return {entry.id: entry for entry in load_catalogue()}


def _fold(name: str) -> str:
    return " ".join(name.casefold().split())
