"""Which set is identified by which library: the frame that the tables share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import catalogue_without, keys_of, library_of
from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum, Trial
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin
from spectriage.spectra.reference import ReferenceSet

MOST_REPEATS = 3


@dataclass(frozen=True, eq=False)
class Pairing:
    """A labelled set of queries and a library that was not made from it.

    Parameters
    ----------
    label
        For tables: what is identified by what.
    queries
        The labelled set.
    references
        The library.
    names
        How labels are compared: the aliases of both sides.
    """

    label: str
    queries: LabelledSet
    references: ReferenceSet
    names: Names

    @property
    def origin(self) -> Origin:
        """Of the queries.

        Raises
        ------
        ParameterError
            When measured and simulated queries are mixed.
        """
        origins = {item.origin for item in self.queries.items}
        if len(origins) != 1:
            raise ParameterError(
                "measured and simulated spectra are in one set", where=self.queries.name, remedy="split it"
            )
        return origins.pop()

    def key(self, label: str) -> str:
        """Return the key of a label's substance."""
        return self.names.key(label)


def make_pairings(
    queries: LabelledSet,
    library: LabelledSet | None,
    *,
    both_ways: bool = True,
    catalogue: bool = True,
    companions: bool = True,
) -> list[Pairing]:
    """Return the pairings of a benchmark.

    Parameters
    ----------
    queries, library
        Labelled sets from different instruments; without a second set only the catalogue is searched.
    both_ways
        Whether the library's set is identified by the queries' too.
    catalogue
        Whether each set is also identified by the shipped catalogue, without the entries extracted from it.
    companions
        Whether the catalogue's packaging comes along with a library of measured spectra.

    Raises
    ------
    ParameterError
        When nothing is left to search in.
    """
    pairings = []
    sets = [queries]
    if library is not None:
        names = joined(queries, library)
        directions = [(queries, library)] + ([(library, queries)] if both_ways else [])
        for asked, searched in directions:
            references = library_of(searched, companions=companions, leave_out=asked.sources)
            pairings.append(Pairing(f"{asked.name} by {searched.name}", asked, references, names))
        sets += [library] if both_ways else []
    if catalogue:
        pairings += [
            Pairing(f"{asked.name} by catalogue", asked, catalogue_without(asked.sources), asked.names)
            for asked in sets
        ]
    if not pairings:
        raise ParameterError("there is no library", remedy="give --library, or allow the catalogue")
    return pairings


def joined(first: LabelledSet, second: LabelledSet) -> Names:
    """Return the aliases and groups of two sets as one."""
    groups = first.names.groups if first.names.groups == second.names.groups else ()
    aliases = {**second.names.aliases, **first.names.aliases}
    return Names(aliases, groups or first.names.groups, first.names.catalogue)


def chosen_repeats(trial: Trial, most: int = MOST_REPEATS) -> Sequence[LabelledSpectrum]:
    """Return a few of a trial's repeats, evenly spread: more of them are no more evidence."""
    step = max(1, -(-len(trial.repeats) // most))
    return trial.repeats[::step][:most]


def known_trials(pairing: Pairing) -> list[Trial]:
    """Return the trials whose material the library has."""
    known = keys_of(pairing.references, pairing.names)
    return [trial for trial in pairing.queries.trials() if pairing.key(trial.substance) in known]
