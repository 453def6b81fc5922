"""How an instrument's shift axis may be off, and the one formula that corrects it."""

from __future__ import annotations

from spectriage.spectra.arrays import FloatArray

AXIS_TOLERANCE_CM = 8.0
"""How far the axis of an instrument in use may be off."""
PIVOT_CM = 1200.0
"""A stretch leaves this shift where it is: the middle of what most instruments measure."""


def corrected_shift(shift_cm: FloatArray, offset_cm: float, stretch: float) -> FloatArray:
    """Return where an axis is that is off by an offset and a stretch about `PIVOT_CM`.

    Parameters
    ----------
    shift_cm
        Raman shifts as the library has them, cm⁻¹.
    offset_cm, stretch
        What the query's axis adds: ``offset + stretch · (shift − 1200)``.

    Returns
    -------
    ndarray
        The same bands on the query's axis, cm⁻¹.
    """
    return shift_cm + offset_cm + stretch * (shift_cm - PIVOT_CM)
