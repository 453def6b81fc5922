"""From a spectrum to its table of bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spectriage.library.bands.axis import AxisCorrection, correct_axis
from spectriage.library.bands.fitting import Solution, Target, fitted_intensity, prepare
from spectriage.library.bands.packaging import packaging_entry, packaging_start
from spectriage.library.bands.profiles import Parameters
from spectriage.library.bands.seeking import cosine, fit_all
from spectriage.library.building.render import render_entry
from spectriage.library.catalogue import Band, CatalogueEntry
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError, SpectrumError
from spectriage.spectra.signal.grid import DEFAULT_GRID, Grid, resample
from spectriage.spectra.spectrum import Spectrum

SHARP_CM = 5.0
"""Below this resolution a spectrum is fitted at every wavenumber, else at every other one."""
GRID = Grid(100.0, 4000.0, DEFAULT_GRID.step_cm)
"""On which V is taken: the engine's step, over all that sources measure."""


@dataclass(frozen=True)
class FittedBand:
    """One band, its instrument taken out; `uncertainty` holds the standard uncertainties of the four."""

    shift_cm: float
    height: float
    fwhm_cm: float
    lorentz_fraction: float
    uncertainty: tuple[float, float, float, float]

    @property
    def band(self) -> Band:
        """As the catalogue holds it."""
        return Band(
            self.shift_cm,
            self.height,
            self.fwhm_cm,
            lorentz_fraction=self.lorentz_fraction,
            uncertainty=self.uncertainty,
        )


@dataclass(frozen=True, eq=False)
class Extraction:
    """What was fitted to one spectrum.

    Parameters
    ----------
    bands
        Ascending; the strongest has height 100.
    packaging
        Entries fitted along, and the share of each in the summed heights as they were seen.
    low_cm, high_cm
        Where bands were looked for.
    resolution_cm
        That was taken out of the widths.
    similarity
        V between the spectrum and the model as that instrument would show it, packaging included.
    cosine
        Cosine between spectrum (over its baseline) and model, likewise.
    axis
        How the axis was corrected; None when it was not.
    """

    bands: tuple[FittedBand, ...]
    packaging: tuple[tuple[CatalogueEntry, float], ...]
    low_cm: float
    high_cm: float
    resolution_cm: float
    similarity: float
    cosine: float
    axis: AxisCorrection | None = None
    spectrum: Spectrum | None = field(default=None, repr=False)


def extract_bands(
    spectrum: Spectrum,
    *,
    resolution_cm: float,
    minus: Sequence[str] = (),
    axis_by: str = "",
    axis_reads_cm: float = 0.0,
    range_cm: tuple[float, float] | None = None,
) -> Extraction:
    """Fit every band of a spectrum that stands above its noise.

    Parameters
    ----------
    spectrum
        Measured, of one material and, maybe, its packaging.
    resolution_cm
        Of the instrument: FWHM in cm⁻¹. It is taken out of the widths.
    minus
        Packaging that is in the spectrum, by catalogue name: its bands are fitted along, each near where its
        reference has it, and are not part of the table.
    axis_by
        Correct the axis on these lines first, as `correct_axis`; not at all when empty.
    axis_reads_cm
        By how much the axis is known to read high; subtracted before all else.
    range_cm
        Look for bands only here.

    Raises
    ------
    ParameterError
        When the resolution is none, or a packaging or axis material is not known.
    SpectrumError
        When no band stands above the noise.
    """
    if not 0.5 <= resolution_cm <= 50.0:
        raise ParameterError(f"resolution_cm is {resolution_cm}, not between 0.5 and 50")
    correction = None
    if axis_reads_cm:
        step = f"axis: {axis_reads_cm:g} cm-1 subtracted, as told"
        spectrum = spectrum.with_step(step, shift=spectrum.shift - axis_reads_cm)
    if axis_by:
        spectrum, correction = correct_axis(spectrum, axis_by)
    if range_cm is not None:
        spectrum = spectrum.crop(*range_cm)
    target = _on_axis(spectrum, resolution_cm)
    packaging = [packaging_entry(name) for name in minus]
    known = packaging_start(target, packaging)
    solution, own = fit_all(target, known)
    bands = _table(solution, own)
    if not bands:
        raise SpectrumError("no band stands above the noise", remedy="measure longer, or check the file")
    model = fitted_intensity(target, solution.parameters)
    shares = _shares(solution.parameters, own, packaging)
    return Extraction(
        bands=bands,
        packaging=shares,
        low_cm=float(target.shift_cm[0]),
        high_cm=float(target.shift_cm[-1]),
        resolution_cm=resolution_cm,
        similarity=similarity(spectrum, target.shift_cm, model),
        cosine=cosine(target.intensity, model),
        axis=correction,
        spectrum=spectrum,
    )


def similarity(spectrum: Spectrum, shift_cm: FloatArray, model: FloatArray) -> float:
    """Return the engine's V between a spectrum and a model drawn on an axis, shape (m,), as they stand."""
    from spectriage.spectra.contrast import ContrastIndex
    from spectriage.spectra.fitting import Fitter
    from spectriage.spectra.fitting.fit import NO_CORRECTION
    from spectriage.spectra.reference import Reference, ReferenceSet

    drawn = np.interp(GRID.shift, shift_cm, model, left=np.nan, right=np.nan).astype(np.float32)
    references = ReferenceSet((Reference("model", "model"),), GRID.shift, drawn[None])
    return float(Fitter(ContrastIndex(references), spectrum).fit((0,), NO_CORRECTION).similarity)


def entry_similarity(spectrum: Spectrum, entry: CatalogueEntry, resolution_cm: float) -> float:
    """Return V between a spectrum and an entry drawn as an instrument of a resolution shows it."""
    axis = np.arange(100.0, 4000.5, 1.0)
    return similarity(spectrum, axis, render_entry(entry, axis, resolution_cm))


def _on_axis(spectrum: Spectrum, resolution_cm: float) -> Target:
    low, high = float(np.ceil(spectrum.shift[0])), float(np.floor(spectrum.shift[-1]))
    step = 1.0 if spectrum.spacing_cm <= 1.2 and resolution_cm < SHARP_CM else 2.0
    grid = Grid(low, low + step * ((high - low) // step), step)
    query = resample(spectrum, grid.shift)
    return prepare(query, grid.shift, resolution_cm)


def _table(solution: Solution, own: NDArray[np.bool_]) -> tuple[FittedBand, ...]:
    parameters = solution.parameters.keep(own)
    if not parameters.shift_cm.size:
        return ()
    u = solution.uncertainty.reshape(4, -1)[:, own]
    height, fwhm = np.exp(parameters.log_height), np.exp(parameters.log_fwhm)
    scale = 100.0 / float(height.max())
    bands = [
        FittedBand(
            float(parameters.shift_cm[i]),
            float(height[i] * scale),
            float(fwhm[i]),
            float(parameters.lorentz[i]),
            (
                float(u[0, i]),
                float(height[i] * scale * u[1, i]),
                float(fwhm[i] * u[2, i]),
                float(u[3, i]),
            ),
        )
        for i in np.argsort(parameters.shift_cm, kind="stable")
    ]
    return tuple(bands)


def _shares(
    parameters: Parameters, own: NDArray[np.bool_], packaging: Sequence[CatalogueEntry]
) -> tuple[tuple[CatalogueEntry, float], ...]:
    area = np.exp(parameters.log_height + parameters.log_fwhm)
    shares, at = [], 0
    for entry in packaging:
        count = sum(parameters.shift_cm[0] - 50.0 <= band.shift_cm for band in entry.bands)
        count = min(count, int((~own).sum()) - at)
        shares.append((entry, float(area[at : at + count].sum() / area.sum())))
        at += count
    return tuple(shares)
