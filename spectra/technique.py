"""How a spectrum was measured: normal Raman scattering, or enhanced by a metal surface (SERS).

A molecule on silver or gold does not show the bands of its powder: some are enhanced, some vanish, some move.
So neither kind of reference may explain the other kind of scan.
"""

from __future__ import annotations

from enum import StrEnum


class Technique(StrEnum):
    """What was measured."""

    NORMAL = "normal"
    SERS = "sers"
