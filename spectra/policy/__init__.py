"""What a decision asks for, fixed before the scan.

`Policy` holds thresholds and `Target`s; who may change it is the laboratory, not the code that reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.policy.policy import DEFAULT_TARGETS, Policy, Target

__all__ = [
    "DEFAULT_TARGETS",
    "Policy",
    "Target",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "policy": ("DEFAULT_TARGETS", "Policy", "Target"),
    },
)
