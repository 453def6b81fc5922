"""What a fit is evidence of.

For every watched target: its gain, its margin, and the limit of detection (`detection_limit`). `null` turns
scores into probabilities by what wrong references reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.evidence.null import make_null
    from spectriage.spectra.evidence.target_evidence import TargetEvidence

__all__ = [
    "TargetEvidence",
    "make_null",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "null": ("make_null",),
        "target_evidence": ("TargetEvidence",),
    },
)
