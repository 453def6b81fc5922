"""The typed errors of the journal."""

from __future__ import annotations

from spectriage.spectra.errors import SpectriageError


class JournalError(SpectriageError):
    """A journal that cannot be opened, written or read."""


class JournalBusyError(JournalError):
    """Another program is writing and did not finish in time."""


class JournalFullError(JournalError):
    """The disk is full: nothing was written, and nothing may be shown as recorded."""


class AlteredJournalError(JournalError):
    """A record that is not what was written."""
