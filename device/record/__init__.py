"""What a scan leaves behind: its entry in the journal, its report, its spectrum as a file, and an alert.

`scan_entry` holds all that repeats a decision; `decided_on` makes the spectrum again from a record;
`export_spectra` writes spectra out; `alert` tells others of an alarm where that is configured. The journal
itself is `spectriage.library.journal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.record.alerting import alert
    from spectriage.device.record.exporting import Exported, export_spectra
    from spectriage.device.record.scanned import decided_on, recorded_scan, replay_record, scan_entry

__all__ = [
    "Exported",
    "alert",
    "decided_on",
    "export_spectra",
    "recorded_scan",
    "replay_record",
    "scan_entry",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "alerting": ("alert",),
        "exporting": ("Exported", "export_spectra"),
        "scanned": ("decided_on", "recorded_scan", "replay_record", "scan_entry"),
    },
)
