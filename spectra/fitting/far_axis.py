"""An axis that is far off: plastics are the best standard that a scan has in it.

Offsets up to the engine's reach are corrected by every fit. An instrument whose axis stands 20 to 50 cm⁻¹
wrong explains nothing, or the wrong thing. Plastics are in front of most samples and have many sharp bands:
where one of them fits the scan far better some way off than anywhere near, the axis is wrong, and by so
much.
"""

from __future__ import annotations

from typing import NamedTuple

from spectriage.spectra.contrast._kernels_coarse import greatest_moved
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


def find_far_axis(fitter: Fitter) -> FarAxis | None:
    """Return how far the axis of a query is off, where a plastic shows that; what must be added to it."""
    index = fitter.index
    if not index.standards:
        return None
    reach, near = int(REACH_CM // index.step_cm), int(AXIS_REACH_CM // index.step_cm)
    moved, place, best, best_near = greatest_moved(
        fitter.query.compressed, reach, near, index.coarse_standards
    )
    if best < LEAST_COSINE or abs(moved) <= near or best - best_near < LEAST_ADVANTAGE:
        return None
    return FarAxis(moved * index.step_cm, index.standards[place])
