"""Which bands of a component made the decision."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial

import numpy as np

from spectriage.spectra.arrays import BoolArray
from spectriage.spectra.compile.bounded_cache import BoundedCache
from spectriage.spectra.compile.jit import packed
from spectriage.spectra.contrast.index import ContrastIndex
from spectriage.spectra.contrast.rows import BAND_HEIGHT, KEPT_BANDS
from spectriage.spectra.fitting._kernels_bands import BandRules, BandsOfComponent, weigh_bands
from spectriage.spectra.fitting.band_list import CROWD_SHARE, SUPPORT, BandList, BandSupport, KnownBand
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter

BAND_WINDOW_CM = 12.0
CROWD_CM = 14.0
SHARED_PHENYL_CM = ((614.0, 626.0), (994.0, 1010.0), (1023.0, 1037.0), (1150.0, 1162.0), (1580.0, 1610.0))
"""Where every mono-substituted benzene ring has lines (Varsanyi's modes 6b, 12, 18a, 9b, 8a and 8b), be it
polystyrene, toluene, methamphetamine, cocaine or fentanyl. All of them together are one piece of evidence."""


def band_support(fitter: Fitter, whole: Fit, position: int) -> BandList:
    """Say of every band of one component whether it is needed there, strongest band first."""
    row = whole.rows[position]
    rest = fitter.fit(whole.without(position), whole.axis)
    index, query = fitter.index, whole.query
    centres, heights, _ = index.rows.bands(row, whole.axis.broadening_cm)
    remaining, beside = shown = np.empty((2, centres.size))
    component = BandsOfComponent(
        index.rows.row(row, whole.axis.broadening_cm), whole.amplitudes[position], centres, heights
    )
    weigh_bands(
        whole.fitted,
        rest.fitted,
        query.packed,
        packed(component),
        points_of(BAND_WINDOW_CM, index.step_cm),
        points_of(CROWD_CM, index.step_cm),
        remaining,
        beside,
    )
    known = known_bands(index, row, whole.axis.broadening_cm)
    bands = BandList(known, shown, int(np.count_nonzero(remaining >= 0.0)), 0)[:]
    # its pieces of evidence are counted from the bands themselves: no kernel did here
    return BandList.of(bands)


def known_bands(index: ContrastIndex, row: int, broadening_cm: float) -> list[KnownBand]:
    """Return what is the same in every scan of the bands of a reference, blurred, strongest band first."""
    known = index.once("known bands", lambda: BoundedCache(partial(_known_bands, index), KEPT_BANDS))
    return known((row, broadening_cm))


def _known_bands(index: ContrastIndex, key: tuple[int, float]) -> list[KnownBand]:
    centres, _, shares = index.rows.bands(*key)
    places = index.references.shift[centres].tolist()
    return [KnownBand(at, share, is_shared_phenyl(at)) for at, share in zip(places, shares, strict=True)]


@lru_cache(maxsize=64)
def points_of(width_cm: float, step_cm: float) -> int:
    """Return how many grid points a width is, at least one."""
    return max(1, round(width_cm / step_cm))


def is_shared_phenyl(shift_cm: float) -> bool:
    """Say whether a line stands where all mono-substituted benzene rings have one."""
    return any(low <= shift_cm <= high for low, high in SHARED_PHENYL_CM)


def band_rules(index: ContrastIndex) -> BandRules:
    """Return what counts as a band of a component, packed for kernels."""
    return index.once("band rules", lambda: packed(_band_rules(index)))


def _band_rules(index: ContrastIndex) -> BandRules:
    window, crowd = (points_of(width_cm, index.step_cm) for width_cm in (BAND_WINDOW_CM, CROWD_CM))
    return BandRules(window, crowd, SUPPORT, CROWD_SHARE, BAND_HEIGHT, shared_points(index))


def shared_points(index: ContrastIndex) -> BoolArray:
    """Return where on the grid all mono-substituted benzene rings have lines, shape (m,)."""
    shift = index.references.shift
    shared = np.zeros(shift.size, np.bool_)
    for low, high in SHARED_PHENYL_CM:
        shared |= (shift >= low) & (shift <= high)
    return shared


def independent_supports(bands: Iterable[BandSupport]) -> int:
    """Count the pieces of evidence among bands: the shared phenyl lines are one."""
    return BandList.of(bands).independent
