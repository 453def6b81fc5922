"""The numeric core: spectrum, formats, baseline, search, mixture, decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from spectriage.spectra.formats import read_spectra, read_spectrum
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.policy.policy import Policy
    from spectriage.spectra.verdict.identification import Identification, Verdict
    from spectriage.spectra.search.index import SearchIndex

_LATE = {
    "Identification": "result",
    "Identifier": "identify",
    "Policy": "policy",
    "SearchIndex": "search",
    "Verdict": "result",
    "read_spectra": "formats",
    "read_spectrum": "formats",
}

__all__ = [
    "Hazard",
    "Identification",
    "Identifier",
    "Policy",
    "Reference",
    "ReferenceSet",
    "SearchIndex",
    "SpectriageError",
    "Spectrum",
    "Tier",
    "Verdict",
    "read_spectra",
    "read_spectrum",
]


def __getattr__(name: str) -> Any:
    """Import on first use what pulls in the kernels: holding spectra alone does not pay for them."""
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(f"spectriage.spectra.{_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
