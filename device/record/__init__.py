"""What a scan leaves behind: its entry in the journal, and its report.

`scan_entry` holds all that repeats a decision; `decided_on` makes the spectrum again from a record. The
journal itself is `spectriage.library.journal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.record.scanned import decided_on, recorded_scan, replay_record, scan_entry

__all__ = ["decided_on", "recorded_scan", "replay_record", "scan_entry"]

__getattr__, __dir__ = late(
    __name__, {"scanned": ("decided_on", "recorded_scan", "replay_record", "scan_entry")}
)
