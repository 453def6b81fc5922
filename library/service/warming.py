"""`warm_engine`: every way through an identification gone once, before a scan waits for it."""

from __future__ import annotations

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.contrast.rows import BROADENINGS_CM, blurred
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import Identification

POINTS = (300, 1024, 3000)
"""Coarser than the library's axis, alike, and finer: each has its own way onto it."""


def warm_engine(
    engine: Identifier, points: tuple[int, ...] = POINTS, own_cm: FloatArray | None = None
) -> Identification | None:
    """Load, or compile, all that an identification needs, so that the first scan has not to wait for it.

    Identifies mixtures of the library's own references, with and without variance, and what none of them
    explains.

    Parameters
    ----------
    engine
        That scans will be decided with.
    points
        Of the axes, one after the other.
    own_cm
        Axis that scans will come on, ascending, shape (pixels,), cm⁻¹. On it the mixture is also blurred to
        each resolution that is told apart: what is sought is worked out once for each.

    Returns
    -------
    Identification or None
        The last of them, to warm what is done with one; None where nothing could be identified.
    """
    references = engine.references
    rng = np.random.default_rng(0)
    rows = np.nan_to_num(references.spectra[:: max(1, len(references) // 4)][:4].astype(np.float64))
    last = None
    for count in points:
        shift = np.linspace(references.shift[0], references.shift[-1], count)
        for weights in rng.random((3, len(rows))):
            for vary in (False, True):
                last = _identified(engine, shift, weights @ rows, rng, vary) or last
    # backwards the mixture is of nothing: then it is looked for what disturbs it
    last = _identified(engine, references.shift, rows.sum(axis=0)[::-1], rng, True) or last
    if own_cm is not None:
        step_cm = float(references.shift[1] - references.shift[0])
        for width_cm in BROADENINGS_CM:
            mixture = blurred(rows.sum(axis=0), width_cm, step_cm)
            last = _identified(engine, own_cm, mixture, rng, True) or last
    return last


def _identified(
    engine: Identifier, shift: FloatArray, mixture: FloatArray, rng: np.random.Generator, vary: bool
) -> Identification | None:
    curve = np.interp(shift, engine.references.shift, 1e4 * mixture) + 500.0
    counts = rng.poisson(np.maximum(curve, 0.0)).astype(np.float64)
    try:
        made = engine.identify(Spectrum(shift, counts, counts + 1.0 if vary else None), traces=not vary)
    except SpectriageError:
        return None  # a library of one flat reference compiles what it can
    made.json_text()
    return made
