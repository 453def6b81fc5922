"""The numeric core: spectrum, formats, baseline, search, mixture, decision."""

from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.reference import Hazard, Reference, ReferenceSet, Tier
from spectriage.spectra.spectrum import Spectrum

__all__ = ["Hazard", "Reference", "ReferenceSet", "SpectriageError", "Spectrum", "Tier"]
