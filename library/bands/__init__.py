"""Band tables from measured spectra: every band above the noise, as position, height, width and shape.

`extraction` fits one spectrum: `seeking` adds and drops bands, `peaks` finds them in its curvature,
`profiles` draws them with derivatives, `fitting` fits all of them at once, `packaging` along with them.
`axis` corrects the shift axis on lines that are known; `writing` makes catalogue entries of the result, and
`refresh` does so for a whole catalogue file. The fit is made in the engine's own domain (the compressed
second derivative), so that what it leaves is what the engine would see.
"""

from __future__ import annotations

from spectriage.library.bands.axis import KNOWN_LINES_CM, AxisCorrection, correct_axis
from spectriage.library.bands.extraction import Extraction, FittedBand, extract_bands
from spectriage.library.bands.writing import entry_text, write_entries

__all__ = [
    "KNOWN_LINES_CM",
    "AxisCorrection",
    "Extraction",
    "FittedBand",
    "correct_axis",
    "entry_text",
    "extract_bands",
    "write_entries",
]
