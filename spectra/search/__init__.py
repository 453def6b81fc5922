"""Search by the classical library scores.

`SearchIndex` ranks references by HQI, Pearson and the like, tolerant of an axis error; `TopK` finds the exact
best of a million rows. The engine's own statistic is in `contrast`, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.spectra.search.index import SearchIndex, index_matrix
    from spectriage.spectra.search.projection import WORTH_KEEPING, keep_projection, project
    from spectriage.spectra.search.scores import SCORES
    from spectriage.spectra.search.topk import FEW_QUERIES, TopK

__all__ = [
    "FEW_QUERIES",
    "SCORES",
    "WORTH_KEEPING",
    "SearchIndex",
    "TopK",
    "index_matrix",
    "keep_projection",
    "project",
]

__getattr__, __dir__ = late(
    __name__,
    {
        "index": ("SearchIndex", "index_matrix"),
        "projection": ("WORTH_KEEPING", "keep_projection", "project"),
        "scores": ("SCORES",),
        "topk": ("FEW_QUERIES", "TopK"),
    },
)
