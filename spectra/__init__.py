"""The numeric core: one spectrum in, one presumptive identification out.

`Spectrum`, `Reference` and `ReferenceSet` are what goes in; `Identifier` is the engine and `Identification`
its answer; the rooms below hold one idea each, in the order in which a scan passes them: `formats`, `signal`,
`baseline`, `search`, `contrast`, `fitting`, `evidence`, `policy`, `verdict`, `report`. Names in a room's
``__all__`` are public; the files behind are not. Nothing here knows of files of a library or of devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.baseline import arpls
    from spectriage.spectra.errors import SpectriageError
    from spectriage.spectra.formats import read_spectra, read_spectrum
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.origin import Origin
    from spectriage.spectra.policy import Policy, Target
    from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
    from spectriage.spectra.search import SearchIndex, TopK
    from spectriage.spectra.spectrum import Spectrum
    from spectriage.spectra.verdict import Identification, Verdict
    from spectriage.spectra.version import __version__

__all__ = [
    "Hazard",
    "Identification",
    "Identifier",
    "Origin",
    "Policy",
    "Reference",
    "ReferenceSet",
    "SearchIndex",
    "SpectriageError",
    "Spectrum",
    "Target",
    "Tier",
    "TopK",
    "Verdict",
    "__version__",
    "arpls",
    "read_spectra",
    "read_spectrum",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "baseline": ("arpls",),
        "errors": ("SpectriageError",),
        "formats": ("read_spectra", "read_spectrum"),
        "identify": ("Identifier",),
        "origin": ("Origin",),
        "policy": ("Policy", "Target"),
        "reference": ("Hazard", "Reference", "ReferenceSet", "Tier"),
        "search": ("SearchIndex", "TopK"),
        "spectrum": ("Spectrum",),
        "verdict": ("Identification", "Verdict"),
        "version": ("__version__",),
    },
)
