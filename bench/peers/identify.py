"""The identification that a competent user writes today from pybaselines, NumPy and SciPy.

Everything that can be prepared once is: the baseline's solver, the library without baselines, its unit rows
in float32. A query is brought onto the library's axis, its baseline taken off by arPLS with pentapy,
correlated with every reference in one product, and fitted by SciPy's non-negative least squares. It knows
no axis error, no packaging, no targets, no detection limit and no probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectriage.bench.peers.baseline import pybaselines_pentapy
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum

LAM = 1e5
SHORTLIST = 50
TOP = 10


@dataclass(frozen=True, eq=False)
class PeerResult:
    """The best matches by correlation, and what the fit found: rows and their shares."""

    best: tuple[int, ...]
    scores: FloatArray
    components: tuple[tuple[int, float], ...]


class PeerPipeline:
    """A library prepared for the pipeline.

    Parameters
    ----------
    references
        The library; what was not measured counts as zero.
    shortlist
        How many of the best matches the fit may use; None for all.
    """

    def __init__(self, references: ReferenceSet, shortlist: int | None = SHORTLIST) -> None:
        self.shift = references.shift
        self.shortlist = shortlist
        self._baseline = pybaselines_pentapy(self.shift.size, "arpls", LAM)
        rows = np.nan_to_num(references.spectra.astype(np.float64))
        rows = rows - np.array([self._baseline(row)[0] if row.any() else row for row in rows])
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        self._rows = rows / np.where(norms > 0.0, norms, 1.0)
        centred = self._rows - self._rows.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(centred, axis=1, keepdims=True)
        self._unit = (centred / np.where(norms > 0.0, norms, 1.0)).astype(np.float32)

    def identify(self, spectrum: Spectrum) -> PeerResult:
        """Identify one spectrum."""
        from scipy.optimize import nnls

        values = np.interp(self.shift, spectrum.shift, spectrum.intensity)
        flat = values - self._baseline(values)[0]
        flat /= np.linalg.norm(flat)
        query = flat - flat.mean()
        scores = self._unit @ (query / np.linalg.norm(query)).astype(np.float32)
        count = len(scores) if self.shortlist is None else min(self.shortlist, len(scores))
        chosen = np.argpartition(-scores, count - 1)[:count]
        chosen = chosen[np.argsort(-scores[chosen])]
        amounts, _ = nnls(self._rows[chosen].T, flat)
        total = float(amounts.sum()) or 1.0
        parts = [(int(row), float(amount) / total) for row, amount in zip(chosen, amounts, strict=True)]
        best = chosen[:TOP]
        found = sorted(((row, share) for row, share in parts if share > 0.01), key=lambda part: -part[1])
        return PeerResult(tuple(int(row) for row in best), scores[best].astype(np.float64), tuple(found))
