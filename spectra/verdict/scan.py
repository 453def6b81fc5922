"""What is known of a spectrum on its way from the measurement to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.contrast.block import Block, row_by_row, standing
from spectriage.spectra.contrast.contrast import QueryRows, queries_stacked
from spectriage.spectra.contrast.preparation import GridRows
from spectriage.spectra.evidence.target_list import TargetList
from spectriage.spectra.evidence.unexplained import Unexplained
from spectriage.spectra.fitting.fit import Fit
from spectriage.spectra.fitting.fitter import Fitter
from spectriage.spectra.fitting.selection import Selection
from spectriage.spectra.signal.grid import Resampled
from spectriage.spectra.signal.quality import Quality
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict.candidate_list import CandidateList
from spectriage.spectra.verdict.component import Component


@dataclass(eq=False, slots=True)
class Scan:
    """What is known of a spectrum on its way through the engine.

    Parameters
    ----------
    spectrum, query, baseline, quality, fitter
        Without spikes; on the library's grid, its background, how good it is, and in the contrast domain.
    block, place
        Where what is on the grid stands together with others.
    selection, fit
        What explains it; the fit has what was found besides.
    targets, found
        What is to be said of each target, and the families that are found.
    parts, candidates, unexplained
        What has a name, and what the fit leaves.
    """

    spectrum: Spectrum
    query: Resampled
    baseline: FloatArray
    quality: Quality
    fitter: Fitter
    block: Block[GridRows] | None
    place: int
    selection: Selection = field(init=False)
    fit: Fit = field(init=False)
    targets: TargetList = field(init=False)
    found: frozenset[str] = frozenset()
    parts: tuple[Component, ...] = ()
    candidates: CandidateList = field(init=False)
    unexplained: Unexplained = field(init=False)


def standing_scans(scans: Sequence[Scan]) -> tuple[QueryRows, GridRows, list[int]]:
    """Return rows of queries and of what is on the grid, among which scans stand, and where each does."""
    queries = [scan.fitter.query for scan in scans]
    (seen, places), (grid, there) = standing(queries, queries_stacked), standing(scans, _stacked)
    if places != there:
        return queries_stacked(queries), _stacked(scans), list(range(len(scans)))
    return seen, grid, places


def _stacked(scans: Sequence[Scan]) -> GridRows:
    return GridRows(
        row_by_row([scan.query.intensity for scan in scans]),
        row_by_row([scan.baseline for scan in scans]),
        row_by_row([scan.query.measured for scan in scans]),
    )
