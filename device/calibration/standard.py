"""A unit on a shift standard: how far its axis is off the certified lines, and how sharp they are.

The lines are those of ASTM E1840 (and CWA 18133 for calcite), as the catalogue has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.spectra.arrays import FloatArray
    from spectriage.spectra.spectrum import Spectrum

STANDARDS = {
    "polystyrene": "polystyrene-astm-e1840",
    "cyclohexane": "cyclohexane-astm-e1840",
    "acetaminophen": "acetaminophen-astm-e1840",
    "naphthalene": "naphthalene-astm-e1840",
    "calcite": "calcite-cwa-18133",
}
"""Shift standards by name, and their catalogue entries."""

MAX_AXIS_ERROR_CM = 2.0
"""A check fails beyond this: half the uncertainty within which single-line oxidisers are told apart."""
FEWEST_BANDS = 3
EXTRAPOLATED_CM = 2300.0
"""Beyond the lamp's last line the axis is extrapolated: the fingerprint range is what is judged."""
SAME_BAND_CM = 5.0


@dataclass(frozen=True)
class AxisError:
    """Measured minus certified line positions.

    Parameters
    ----------
    bands
        Number of lines that were found.
    mean_cm, rms_cm
        Mean and root mean square, cm⁻¹; 0 without lines.
    strongest_fwhm_cm
        Full width at half maximum of the strongest line that was found, cm⁻¹: the instrument's resolution is
        no worse than that. None without lines.
    """

    bands: int
    mean_cm: float
    rms_cm: float
    strongest_fwhm_cm: float | None

    @property
    def found(self) -> bool:
        """Whether enough lines were found to say anything."""
        return self.bands >= FEWEST_BANDS

    @property
    def within(self) -> bool:
        """Whether the axis is right within `MAX_AXIS_ERROR_CM`."""
        return self.found and abs(self.mean_cm) <= MAX_AXIS_ERROR_CM


def standard_bands_cm(standard: str) -> list[float]:
    """Return the certified lines of a standard, cm⁻¹.

    Raises
    ------
    ParameterError
        There is no such standard.
    """
    from spectriage.library.catalogue import find_entry

    if standard not in STANDARDS:
        raise ParameterError(
            f"there is no standard called {standard!r}", remedy=f"one of {', '.join(STANDARDS)}"
        )
    return [band.shift_cm for band in find_entry(STANDARDS[standard]).bands]


def axis_error(spectrum: Spectrum, standard: str) -> AxisError:
    """Compare the lines of a standard's spectrum with the certified ones.

    Raises
    ------
    ParameterError
        There is no such standard.
    """
    import numpy as np

    from spectriage.device.calibration.axis import match_bands

    at, bands = match_bands(spectrum.intensity, spectrum.shift, standard_bands_cm(standard))
    judged = bands < EXTRAPOLATED_CM
    error = (at - bands)[judged]
    if error.size == 0:
        return AxisError(0, 0.0, 0.0, None)
    return AxisError(
        int(error.size),
        float(np.mean(error)),
        float(np.sqrt(np.mean(error**2))),
        _strongest_fwhm_cm(spectrum, at[judged]),
    )


def _strongest_fwhm_cm(spectrum: Spectrum, at_cm: FloatArray) -> float | None:
    import numpy as np

    from spectriage.device.calibration.peaks import find_lines

    peaks = find_lines(spectrum.intensity, min_snr=5.0)
    pixel = np.arange(spectrum.shift.size)
    where = np.interp(peaks.position, pixel, spectrum.shift)
    width = peaks.fwhm * np.interp(peaks.position, pixel, np.abs(np.gradient(spectrum.shift)))
    near = np.min(np.abs(where[:, None] - at_cm[None, :]), axis=1) <= SAME_BAND_CM
    return float(width[near][np.argmax(peaks.height[near])]) if bool(np.any(near)) else None
