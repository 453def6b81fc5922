"""One identification for people and for laboratory systems: a screen of text, a picture, and rows of CSV.

Nothing is decided here. The picture needs matplotlib, the extra `plot`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.report.drawing import require_matplotlib
    from spectriage.spectra.report.lims import substance_rows, to_csv
    from spectriage.spectra.report.picture import plot
    from spectriage.spectra.report.reference_picture import plot_reference
    from spectriage.spectra.report.screen import MARKS, show

__all__ = [
    "MARKS",
    "plot",
    "plot_reference",
    "require_matplotlib",
    "show",
    "substance_rows",
    "to_csv",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "drawing": ("require_matplotlib",),
        "lims": ("substance_rows", "to_csv"),
        "picture": ("plot",),
        "reference_picture": ("plot_reference",),
        "screen": ("MARKS", "show"),
    },
)
