"""One identification for people: a screen of text, and a picture.

Nothing is decided here. The picture needs matplotlib, the extra `plot`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.report.picture import plot, require_matplotlib
    from spectriage.spectra.report.screen import show

__all__ = [
    "plot",
    "require_matplotlib",
    "show",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "picture": ("plot", "require_matplotlib"),
        "screen": ("show",),
    },
)
