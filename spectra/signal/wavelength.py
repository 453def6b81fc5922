"""Wavelengths in air and in vacuum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spectriage.spectra.arrays import FloatArray


def air_to_vacuum_nm(air_nm: ArrayLike) -> FloatArray:
    """Convert wavelengths in standard air to vacuum, nm.

    Ciddor, Appl. Opt. 35, 1566 (1996), for standard air, in the form of Morton inverted by fixed-point steps.
    """
    air = np.asarray(air_nm, dtype=np.float64)
    vacuum = air.copy()
    for _ in range(3):
        s2 = (1e3 / vacuum) ** 2
        index = 1.0 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)
        vacuum = air * index
    return vacuum
