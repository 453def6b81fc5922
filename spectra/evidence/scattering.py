"""How strongly references scatter, and the areas under them: taken of each once it is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.evidence.mass import response_row
from spectriage.spectra.fitting.library import areas_of


def know(index: ContrastIndex, rows: Sequence[int]) -> FloatArray:
    """Take the areas of some references for kernels that need them, and how strongly they scatter.

    Returns
    -------
    scattering
        `response_row` of each reference of the library, as far as any was asked for, shape (n, 3).
    """
    areas = areas_of(index)
    scattering = index.once("scattering", lambda: np.zeros((len(index), 3)))
    for row in rows:
        if math.isnan(areas[row]):
            scattering[row] = response_row(index.records[row])
            areas[row] = index.area_per_norm(row)
    return scattering
