"""From evidence to the answer.

`rules` holds the verdict's rules, first that holds; `naming` what a component may be called; `Identification`
is the answer with all of its evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.verdict.component import Candidate, Component
    from spectriage.spectra.verdict.identification import JSON_SCHEMA, Identification
    from spectriage.spectra.verdict.verdict import RAISED, Verdict, most_serious

__all__ = ["JSON_SCHEMA", "RAISED", "Candidate", "Component", "Identification", "Verdict", "most_serious"]

__getattr__, __dir__ = late(
    __name__,
    {
        "component": ("Candidate", "Component"),
        "identification": ("Identification", "JSON_SCHEMA"),
        "verdict": ("RAISED", "Verdict", "most_serious"),
    },
)
