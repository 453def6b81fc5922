"""Correcting a shift axis on lines whose place is known: those of the packaging in the same spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.signal.derivative import differentiate
from spectriage.spectra.signal.grid import Grid, resample
from spectriage.spectra.spectrum import Spectrum

KNOWN_LINES_CM = MappingProxyType(
    {
        "polyethylene": (1062.5, 1128.9, 1295.2),
        "polystyrene": (620.9, 1001.4, 1031.8, 1155.3, 1583.1, 1602.3),
    }
)
"""Polystyrene: ASTM E1840-96 (2014). Polyethylene: the mean of three measured references of the catalogue,
from two instruments that agree within 0.6 cm⁻¹. Its 1440 is an envelope, overlapped by all CH₂: left out."""

REACH_CM = 12.0
AGREEMENT_CM = 2.0
"""A line that disagrees with the others by more than this is another material's."""
LEAST_LINES = 3
WINDOW_CM = 15.0
STEP_CM = 0.5
LEAST_CURVATURE = 6.0
"""A line must stand above the noise of the curvature so many times."""


class Line(NamedTuple):
    """A known line as found: where it should be, and where it is, in cm⁻¹."""

    known_cm: float
    found_cm: float


@dataclass(frozen=True)
class AxisCorrection:
    """What was subtracted from an axis.

    Parameters
    ----------
    material
        Whose lines said so.
    offset_cm
        By which the axis read too high.
    uncertainty_cm
        Standard error of the offset.
    lines
        That it rests on.
    """

    material: str
    offset_cm: float
    uncertainty_cm: float
    lines: tuple[Line, ...]


def correct_axis(spectrum: Spectrum, by: str) -> tuple[Spectrum, AxisCorrection]:
    """Shift a spectrum's axis so that known lines stand where they belong.

    Parameters
    ----------
    spectrum
        With the lines of the material in it.
    by
        A material of `KNOWN_LINES_CM`, or ``auto`` for the one with most agreeing lines.

    Raises
    ------
    ParameterError
        When the material is unknown, or fewer than three of its lines are found and agree.
    """
    if by != "auto" and by not in KNOWN_LINES_CM:
        raise ParameterError(
            f"there are no known lines of '{by}'", remedy=f"choose {', '.join(KNOWN_LINES_CM)} or auto"
        )
    materials = list(KNOWN_LINES_CM) if by == "auto" else [by]
    found = [made for name in materials if (made := _measure(spectrum, name)) is not None]
    if not found:
        raise ParameterError(
            f"fewer than {LEAST_LINES} lines of {' or '.join(materials)} stand together in the spectrum",
            remedy="leave out --axis-by: the axis cannot be corrected on this spectrum",
        )
    best = max(found, key=lambda made: (len(made.lines), -made.uncertainty_cm))
    step = f"axis: {best.offset_cm:.2f} cm-1 subtracted, by {len(best.lines)} lines of {best.material}"
    return spectrum.with_step(step, shift=spectrum.shift - best.offset_cm), best


def _measure(spectrum: Spectrum, material: str) -> AxisCorrection | None:
    low, high = spectrum.shift[0], spectrum.shift[-1]
    grid = Grid(
        float(np.ceil(low)), float(np.ceil(low) + STEP_CM * ((high - np.ceil(low)) // STEP_CM)), STEP_CM
    )
    shift = grid.shift
    query = resample(spectrum, shift)
    values, valid = differentiate(
        query.intensity, query.measured, order=2, step_cm=STEP_CM, width_cm=WINDOW_CM
    )
    curvature = np.where(valid, -values, 0.0)
    quiet = float(np.median(np.abs(curvature[valid]))) / 0.6745 if valid.any() else 0.0
    inside = [line for line in KNOWN_LINES_CM[material] if low + REACH_CM < line < high - REACH_CM]
    if len(inside) < LEAST_LINES or quiet == 0.0:
        return None
    # The offset under which all lines together have most curvature, each weighed alike.
    offsets = np.arange(-REACH_CM, REACH_CM + STEP_CM / 2, STEP_CM)
    logs = np.log1p(np.maximum(curvature, 0.0) / quiet)
    totals = [sum(np.interp(line + offset, shift, logs) for line in inside) for offset in offsets]
    common = float(offsets[int(np.argmax(totals))])
    lines = []
    for known in inside:
        near = np.flatnonzero(np.abs(shift - known - common) <= 2.0 * AGREEMENT_CM)
        top = near[int(np.argmax(curvature[near]))]
        at_edge = top in (near[0], near[-1])
        if not at_edge and curvature[top] > LEAST_CURVATURE * quiet / 3.0:
            left, middle, right = curvature[top - 1 : top + 2].tolist()
            moved = 0.5 * STEP_CM * (left - right) / (left - 2.0 * middle + right)
            lines.append(Line(known, float(shift[top]) + moved))
    if len(lines) < LEAST_LINES:
        return None
    centre = float(np.median([line.found_cm - line.known_cm for line in lines]))
    lines = [line for line in lines if abs(line.found_cm - line.known_cm - centre) <= AGREEMENT_CM]
    if len(lines) < LEAST_LINES:
        return None
    offsets_found = np.array([line.found_cm - line.known_cm for line in lines])
    error = float(offsets_found.std(ddof=1)) / len(lines) ** 0.5
    return AxisCorrection(material, float(offsets_found.mean()), max(error, 0.1), tuple(lines))
