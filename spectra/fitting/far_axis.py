"""An axis that is far off: plastics are the best standard that a scan has in it.

Offsets up to the engine's reach are corrected by every fit. An instrument whose axis stands 20 to 50 cm⁻¹
wrong explains nothing, or the wrong thing. Plastics are in front of most samples and have many sharp bands:
where one of them fits the scan far better some way off than anywhere near, the axis is wrong, and by so
much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from spectriage.spectra.contrast._kernels_coarse import greatest_moved
from spectriage.spectra.contrast.block import standing
from spectriage.spectra.contrast.contrast import queries_stacked
from spectriage.spectra.fitting.fitter import AXIS_REACH_CM, Fitter

REACH_CM = 60.0
LEAST_COSINE = 0.60
LEAST_ADVANTAGE = 0.25
"""A plastic must look so much more like the scan far off than near. Of 426 measured scans, 55 of them with an
axis 35 to 45 cm⁻¹ off, this finds 51 and none else; the best of the others reaches a cosine of 0.53."""


class FarAxis(NamedTuple):
    """How far an axis is off, and the row of the plastic that shows it."""

    offset_cm: float
    row: int


def find_far_axes(fitters: Sequence[Fitter]) -> list[FarAxis | None]:
    """Return how far the axis of each of several queries is off, where a plastic shows that.

    It must be added to the axis. The queries are of one library.
    """
    if not fitters:
        return []
    index = fitters[0].index
    if not index.standards:
        return [None] * len(fitters)
    reach, near = int(REACH_CM // index.step_cm), int(AXIS_REACH_CM // index.step_cm)
    found = np.empty((len(fitters), 4))
    queries, places = standing([fitter.query for fitter in fitters], queries_stacked)
    standards = index.coarse_standards
    greatest_moved(queries.compressed, np.array(places, np.intp), reach, near, standards, found)
    return [
        FarAxis(moved * index.step_cm, index.standards[int(place)])
        if best >= LEAST_COSINE and abs(moved) > near and best - best_near >= LEAST_ADVANTAGE
        else None
        for moved, place, best, best_near in found.tolist()
    ]
