"""What a format reader returns: the names of the spectra in a file, and a way to load one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shlex import quote

from spectriage.spectra.errors import FormatError, SeveralSpectraError
from spectriage.spectra.formats.source import Source, clip
from spectriage.spectra.spectrum import Spectrum

_SHOWN = 12


@dataclass(frozen=True)
class Contents:
    """The spectra of one file; none is parsed before it is asked for.

    Parameters
    ----------
    source
        The file.
    names
        One name for each spectrum, unique, in the file's order.
    load
        Returns the spectrum at an index of `names`.
    aliases
        Other names, to an index.
    """

    source: Source
    names: tuple[str, ...]
    load: Callable[[int], Spectrum]
    aliases: Mapping[str, int] = field(default_factory=dict)

    def _listed(self) -> str:
        more = len(self.names) - _SHOWN
        shown = ", ".join(clip(name) for name in self.names[:_SHOWN])
        return f"{shown} and {more} more" if more > 0 else shown

    def one(self, which: str | None) -> Spectrum:
        """Return the spectrum called `which`, or the only one.

        Raises
        ------
        SeveralSpectraError
            When there are several and `which` is None.
        FormatError
            When none is called so.
        """
        if which is None:
            if len(self.names) == 1:
                return self.load(0)
            raise SeveralSpectraError(
                f"the file holds {len(self.names):,} spectra: {self._listed()}",
                names=self.names,
                where=self.source.where(),
                remedy=f"ask for one of them by name, e.g. --which {quote(self.names[0])}",
            )
        if which in self.names:
            return self.load(self.names.index(which))
        if which in self.aliases:
            return self.load(self.aliases[which])
        raise FormatError(
            f"no spectrum is named {clip(which)}; there are {self._listed()}",
            where=self.source.where(),
            remedy="ask for one of these names",
        )

    def every(self) -> dict[str, Spectrum]:
        """Return all spectra by name."""
        return {name: self.load(index) for index, name in enumerate(self.names)}


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Return the names with a number after those that come again: ``a``, ``a (2)``."""
    taken: set[str] = set()
    result: list[str] = []
    counts: dict[str, int] = {}
    for name in names:
        new = name
        while new in taken:
            counts[name] = counts.get(name, 1) + 1
            new = f"{name} ({counts[name]})"
        taken.add(new)
        result.append(new)
    return tuple(result)
