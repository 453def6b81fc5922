"""What a record was decided on, by its kind: of an identification here, of others by who records them.

A package that records decisions of another kind names, under the entry-point group
``spectriage.recorded``, the function that returns their spectra, by the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

from spectriage.library.journal.chain import Record
from spectriage.library.journal.identified import KIND, recorded_spectrum
from spectriage.library.journal.journal import Journal
from spectriage.spectra.spectrum import Spectrum

GROUP = "spectriage.recorded"
Reader = Callable[[Journal, Record], tuple[Spectrum, str]]
"""Returns the spectrum that a record was decided on, and its health; raises AlteredJournalError."""


def reader_of(kind: str) -> Reader | None:
    """Return who reads the spectra of records of a kind; None where nothing installed does."""
    if kind == KIND:
        return recorded_spectrum
    for point in metadata.entry_points(group=GROUP, name=kind):
        found: Any = point.load()
        return found  # type: ignore[no-any-return]
    return None
