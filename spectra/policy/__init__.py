"""What a decision asks for, fixed before the scan.

`Policy` holds thresholds and `Target`s; who may change it is the laboratory, not the code that reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.policy.files import load_policy
    from spectriage.spectra.policy.policy import Policy
    from spectriage.spectra.policy.tables import DEFAULT_TARGETS, SHIPPED
    from spectriage.spectra.policy.target import Target

__all__ = [
    "DEFAULT_TARGETS",
    "SHIPPED",
    "Policy",
    "Target",
    "load_policy",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "files": ("load_policy",),
        "policy": ("Policy",),
        "tables": ("DEFAULT_TARGETS", "SHIPPED"),
        "target": ("Target",),
    },
)
