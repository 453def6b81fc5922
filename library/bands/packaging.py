"""Packaging in a spectrum: where its bands are expected, from its reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spectriage.library.bands.fitting import PACKAGING_FREEDOM, Start, Target
from spectriage.library.building.render import render
from spectriage.library.catalogue import Band, CatalogueEntry, find_entry, load_catalogue
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError


def packaging_entry(name: str) -> CatalogueEntry:
    """Return the packaging that a name means.

    Raises
    ------
    CatalogueError
        When there is none of that name.
    ParameterError
        When it has no bands.
    """
    entry = find_entry(name, [entry for entry in load_catalogue() if entry.material_class == "packaging"])
    if not entry.bands:
        raise ParameterError(f"the packaging '{name}' has no bands to fit")
    return entry


def packaging_start(target: Target, entries: Sequence[CatalogueEntry]) -> Start:
    """Place packaging as high as the spectrum allows: its bands are held near their reference's."""
    rows: list[FloatArray] = []
    for entry in entries:
        inside = [b for b in entry.bands if target.shift_cm[0] < b.shift_cm < target.shift_cm[-1]]
        if not inside:
            raise ParameterError(f"the packaging '{entry.id}' has no bands in the range of the spectrum")
        drawn = render(
            inside,
            target.shift_cm,
            resolution_cm=target.resolution_cm,
            lorentz_fraction=entry.lorentz_fraction,
            contained_resolution_cm=entry.resolution_cm,
        )
        shape = target.narrow.of(drawn[:, None], target.step_cm)[:, 0]
        strong = np.abs(shape) > 0.3 * np.abs(shape).max()
        # The median of ratios where the packaging is strong: other bands there only add to some of them.
        amplitude = max(float(np.median(target.narrow.values[strong] / shape[strong])), 1e-6)
        taken = min(entry.resolution_cm, target.resolution_cm)
        fwhm = np.sqrt(
            np.maximum([b.fwhm_cm**2 - taken**2 for b in inside], (0.5 * target.resolution_cm) ** 2)
        )
        shapes = [
            entry.lorentz_fraction if b.lorentz_fraction is None else b.lorentz_fraction for b in inside
        ]
        gain = [b.fwhm_cm / max(w, 1e-3) for b, w in zip(inside, fwhm, strict=True)]
        heights = amplitude * np.array([b.height for b in inside]) * (gain if taken > 0 else 1.0)
        rows.append(
            np.array([[b.shift_cm for b in inside], np.log(heights), np.log(fwhm), shapes], dtype=np.float64)
        )
    values = np.hstack(rows) if rows else np.zeros((4, 0))
    freedom = np.repeat(np.array(PACKAGING_FREEDOM)[:, None], values.shape[1], axis=1)
    return Start(values.ravel(), values.ravel().copy(), freedom.ravel())


def _shape_of(band: Band, entry: CatalogueEntry) -> float:
    return entry.lorentz_fraction if band.lorentz_fraction is None else band.lorentz_fraction
