"""A record that stands: what was seen, with what, and what was said of it, chained and signed.

`Journal` keeps it in one SQLite file; `verify` finds what was edited, removed, added, moved or cut off;
`replay` decides again. Entries of scans are made in `spectriage.device.record`. A record is never changed: a
note or a photo is a record of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.journal.chain import Record
    from spectriage.library.journal.entry import Entry, canonical_json
    from spectriage.library.journal.errors import (
        AlteredJournalError,
        JournalBusyError,
        JournalError,
        JournalFullError,
    )
    from spectriage.library.journal.identified import (
        Context,
        identification_entry,
        jsonable,
        recorded_array,
        recorded_policy,
        recorded_spectrum,
        said_by,
    )
    from spectriage.library.journal.journal import Journal, Line
    from spectriage.library.journal.keys import UnitKey, unit_key
    from spectriage.library.journal.noted import note_entry
    from spectriage.library.journal.recorder import Recorder, recording
    from spectriage.library.journal.replaying import Replay, engine_as_recorded, replay
    from spectriage.library.journal.settings import JournalSettings, journal_settings, settings_table
    from spectriage.library.journal.verifying import Verification, verify

__all__ = [
    "AlteredJournalError",
    "Context",
    "Entry",
    "Journal",
    "JournalBusyError",
    "JournalError",
    "JournalFullError",
    "JournalSettings",
    "Line",
    "Record",
    "Recorder",
    "Replay",
    "UnitKey",
    "Verification",
    "canonical_json",
    "engine_as_recorded",
    "identification_entry",
    "journal_settings",
    "jsonable",
    "note_entry",
    "recorded_array",
    "recorded_policy",
    "recorded_spectrum",
    "recording",
    "replay",
    "said_by",
    "settings_table",
    "unit_key",
    "verify",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "chain": ("Record",),
        "entry": ("Entry", "canonical_json"),
        "errors": ("AlteredJournalError", "JournalBusyError", "JournalError", "JournalFullError"),
        "identified": (
            "Context",
            "identification_entry",
            "jsonable",
            "recorded_array",
            "recorded_policy",
            "recorded_spectrum",
            "said_by",
        ),
        "journal": ("Journal", "Line"),
        "keys": ("UnitKey", "unit_key"),
        "noted": ("note_entry",),
        "recorder": ("Recorder", "recording"),
        "replaying": ("Replay", "engine_as_recorded", "replay"),
        "settings": ("JournalSettings", "journal_settings", "settings_table"),
        "verifying": ("Verification", "verify"),
    },
)
