"""`Reference` and `ReferenceSet`: what a library hands to the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from spectriage.spectra.arrays import BoolArray, Float32Array, FloatArray
from spectriage.spectra.derived import Derived
from spectriage.spectra.errors import LibraryError
from spectriage.spectra.technique import Technique


class Tier(StrEnum):
    """How a reference is known, strongest evidence first; decides what a match may claim."""

    MEASURED = "measured"
    BANDS = "bands"
    RECALLED = "recalled"
    ESTIMATED = "estimated"
    COMPUTED = "computed"

    # as a text equal to it has; an enumeration's own takes ten times as long
    __hash__ = str.__hash__

    @property
    def rank(self) -> int:
        """0 for the strongest tier."""
        return _RANKS[self]


_RANKS = {tier: rank for rank, tier in enumerate(Tier)}


CARRYING = (Tier.MEASURED, Tier.BANDS, Tier.RECALLED)
"""The tiers that may raise an alarm; estimated and computed references support it, but do not carry it."""


class Hazard(StrEnum):
    """What finding a material means to an operator."""

    CONTROLLED = "controlled"
    EXPLOSIVE = "explosive"
    ADULTERANT = "adulterant"
    OXIDISER = "oxidiser"
    PRECURSOR = "precursor"
    NONE = "none"

    __hash__ = str.__hash__

    @property
    def alarms(self) -> bool:
        """Whether finding it is an alarm."""
        return self in (Hazard.CONTROLLED, Hazard.EXPLOSIVE)

    @property
    def warns(self) -> bool:
        """Whether finding it is a warning."""
        return self in (Hazard.ADULTERANT, Hazard.OXIDISER, Hazard.PRECURSOR)


@dataclass(frozen=True)
class Reference:
    """The record of one library spectrum.

    Parameters
    ----------
    id
        Unique in its library, stable between builds: lower-case letters, digits and hyphens.
    substance, form
        What it is a spectrum of, and its salt, hydrate, polymorph or state.
    family
        The smallest group that the evidence supports; equal to `substance` where it stands alone.
    material_class
        The broad class, e.g. ``fentanyl``, ``cutting-agent``, ``packaging``; ``class`` in files and JSON.
    hazard, tier
        What a find means, and how the reference is known.
    cas, inchikey
        Identifiers, empty when unknown.
    source, licence
        Where it comes from and under which terms.
    excitation_nm, resolution_cm
        Of the measurement; None when unknown or not one value. For a band model the resolution already
        contained in its band widths.
    valid_low_cm, valid_high_cm
        The range in which the source measured or listed bands.
    response, response_factor, response_basis
        Raman signal per mass relative to acetaminophen powder at 785 nm (area over the baseline), the
        standard uncertainty of its logarithm as a factor, and ``measured`` or ``assumed``; None and empty
        when unknown.
    technique, substrate
        How it was measured; of SERS also on which metal, empty when unknown.
    """

    id: str
    substance: str
    form: str = ""
    family: str = ""
    material_class: str = "other"
    hazard: Hazard = Hazard.NONE
    tier: Tier = Tier.MEASURED
    cas: str = ""
    inchikey: str = ""
    source: str = ""
    licence: str = ""
    excitation_nm: float | None = None
    resolution_cm: float | None = None
    valid_low_cm: float | None = None
    valid_high_cm: float | None = None
    response: float | None = None
    response_factor: float | None = None
    response_basis: str = ""
    technique: Technique = Technique.NORMAL
    substrate: str = ""

    def __post_init__(self) -> None:
        if not self.family:
            object.__setattr__(self, "family", self.substance)

    @property
    def is_packaging(self) -> bool:
        """Whether it is a container or wrapping, a nuisance in the decision."""
        return self.material_class == "packaging"


class Texts(Protocol):
    """A column of text in UTF-8: an array, or what gives one without holding it."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.intp], /) -> NDArray[np.bytes_]: ...

    def __array__(self) -> NDArray[np.bytes_]: ...


class LazyRecords(Sequence[Reference]):
    """Records that are made when they are asked for, and then kept: most of a large library never is.

    Parameters
    ----------
    ids
        Of the n records, UTF-8, shape (n,); whoever makes this has checked that none stands twice.
    make
        Makes the record of a row.
    columns
        Text fields of all records, UTF-8, shape (n,), by the name of the attribute.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        ids: Texts,
        make: Callable[[int], Reference],
        columns: Mapping[str, Texts],
    ) -> None:
        self.ids = ids
        self.columns = columns
        self._make = make
        self._made: dict[int, Reference] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Reference]:
        """Go through all without keeping them."""
        return (self._made.get(row) or self._make(row) for row in range(len(self)))

    @overload
    def __getitem__(self, index: SupportsIndex) -> Reference: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Reference, ...]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Reference | tuple[Reference, ...]:
        try:
            # asked for some hundred times a scan, and there but for the first time
            return self._made[index]  # type: ignore[index]
        except (KeyError, TypeError):
            return self._at(index)

    def _at(self, index: SupportsIndex | slice) -> Reference | tuple[Reference, ...]:
        if isinstance(index, slice):
            return tuple(self[row] for row in range(*index.indices(len(self))))
        row = index.__index__()
        row += len(self) if row < 0 else 0
        record = self._made.get(row)
        if record is None:
            if not 0 <= row < len(self):
                raise IndexError(f"there is no record {row} of {len(self)}")
            record = self._made[row] = self._make(row)
        return record

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, LazyRecords)):
            return NotImplemented
        return len(self) == len(other) and all(own == its for own, its in zip(self, other, strict=True))

    def at(self, rows: NDArray[np.intp]) -> LazyRecords:
        """Return the records of some rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return LazyRecords(self.ids[rows], lambda row: self[int(rows[row])], columns)


@dataclass(frozen=True, eq=False)
class ReferenceSet:
    """References and their spectra on one grid.

    Parameters
    ----------
    records
        n references: a tuple, or `LazyRecords`.
    shift
        The grid in cm⁻¹, shape (m,), ascending, evenly spaced.
    spectra
        float32, shape (n, m); NaN where a reference was not measured. A row of zeros is a reference
        without bands (table salt): legal, never a match.
    name, version, sha256
        Of the library they come from.
    indexes
        Search matrices kept with the library, by preprocessing key: float32, shape (n, m).
    derived
        What is made of them once, when a library is built.
    attributes
        What else is known of the file they come from.

    Raises
    ------
    LibraryError
        When the parts do not fit each other or an id stands twice.
    """

    records: tuple[Reference, ...] | LazyRecords
    shift: FloatArray
    spectra: Float32Array
    name: str = "unnamed"
    version: str = ""
    sha256: str = ""
    indexes: dict[str, Float32Array] = field(default_factory=dict)
    derived: Derived = field(default_factory=Derived)
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.spectra.shape != (len(self.records), self.shift.size):
            raise LibraryError(
                f"{len(self.records)} records on a grid of {self.shift.size} points do not fit "
                f"spectra of shape {self.spectra.shape}"
            )
        if isinstance(self.records, LazyRecords):
            return
        ids = [record.id for record in self.records]
        if len(set(ids)) != len(ids):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            raise LibraryError(f"reference ids stand twice: {', '.join(twice[:5])}")

    def __len__(self) -> int:
        return len(self.records)

    @property
    def ids(self) -> NDArray[np.bytes_]:
        """The ids in UTF-8, shape (n,), without making a record."""
        if isinstance(self.records, LazyRecords):
            return np.asarray(self.records.ids)
        return np.array([record.id.encode("utf-8") for record in self.records], dtype=np.bytes_)

    def column(self, name: str) -> NDArray[np.bytes_]:
        """Return ``family``, ``material_class``, ``hazard``, ``tier`` or ``technique`` of all in UTF-8, (n,).

        Of a library file without making its records: there may be a hundred thousand.
        """
        if isinstance(self.records, LazyRecords):
            return np.asarray(self.records.columns[name])
        return np.array([str(getattr(record, name)).encode("utf-8") for record in self.records], np.bytes_)

    def among(self, name: str, values: Iterable[str]) -> BoolArray:
        """Return which references have one of some values in a column, shape (n,).

        As `numpy.isin`, which loads all of `numpy.ma` for it: a third of the time to make an engine.
        """
        column = self.column(name)
        wanted = np.array(sorted(value.encode("utf-8") for value in values), np.bytes_)
        if wanted.size == 0:
            return np.zeros(len(self), dtype=bool)
        places = np.minimum(np.searchsorted(wanted, column), wanted.size - 1)
        return np.asarray(wanted[places] == column)

    def of_technique(self, technique: Technique) -> ReferenceSet:
        """Return the references that were measured so, still under the library's own name and hash.

        The score null is that of these alone, where the library keeps one.
        """
        keep = self.column("technique") == technique.encode()
        if keep.all() and technique is Technique.NORMAL:
            return self
        part = self.subset(keep)
        null = self.derived.null if technique is Technique.NORMAL else self.derived.sers_null
        # a library of one technique alone keeps what it has for the search
        derived = replace(part.derived, null=null, sers_null=None)
        return replace(part, name=self.name, sha256=self.sha256, derived=derived)

    def subset(self, keep: NDArray[np.bool_]) -> ReferenceSet:
        """Return the references where `keep` (shape (n,)) is true; the indexes are cut along with them.

        A part is not the library that the hash is of, and has none; of what is derived the null stays.
        """
        rows = np.flatnonzero(keep)
        nulls = Derived(null=self.derived.null, sers_null=self.derived.sers_null)
        lazy = self.records if isinstance(self.records, LazyRecords) else None
        return ReferenceSet(
            records=tuple(self.records[i] for i in rows) if lazy is None else lazy.at(rows),
            shift=self.shift,
            spectra=self.spectra[rows],
            name=self.name if len(rows) == len(self) else f"{self.name} (part)",
            version=self.version,
            sha256=self.sha256 if len(rows) == len(self) else "",
            indexes={key: matrix[rows] for key, matrix in self.indexes.items()},
            derived=self.derived if len(rows) == len(self) else nulls,
            attributes=dict(self.attributes),
        )
