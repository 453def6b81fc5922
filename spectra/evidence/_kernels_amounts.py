"""Kernels that say how much of each target a scan holds, and how much it would have shown."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray, IndexArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.contrast._kernels_arguments import Probes, References
from spectriage.spectra.contrast._kernels_shelf import find_places
from spectriage.spectra.evidence._kernels_limits import LimitRules, Sought, limits_each
from spectriage.spectra.evidence._kernels_mass import mass_between, matrix_of
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_fit import FitSettings
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import Library, Model, View
from spectriage.spectra.fitting._kernels_rows import taken


class Scattering(NamedTuple):
    """How strongly references scatter: as `_kernels_mass.matrix_of` takes it.

    Parameters
    ----------
    all, sought
        Of each reference of the library, as far as it is in use, shape (n, 3), and of those sought, (r, 3).
    nothing
        What nothing counts as, shape (3,).
    """

    all: FloatArray
    sought: FloatArray
    nothing: FloatArray


class Limits(NamedTuple):
    """What limits are sought by.

    Parameters
    ----------
    sought, probes
        The references that must be visible, with no amplitudes yet, and as they are put into scans.
    settings, rules
        How fits are weighed in the search, and what it seeks.
    scattering
        How strongly references scatter.
    """

    sought: Sought
    probes: Probes
    settings: FitSettings
    rules: LimitRules
    scattering: Scattering


@kernel()
def share_of_signal(library: Library, base: Model, row: int, amplitudes: FloatArray) -> float:
    """Return the share of the signal that an addition has in the model with it, packaging not counted."""
    contents = 0.0
    for i in range(base.rows.size):
        if not library.packaging[base.rows[i]]:
            contents += amplitudes[i] * library.areas[base.rows[i]]
    own = amplitudes[base.rows.size] * library.areas[row]
    return own / (own + contents) if not own <= 0.0 else 0.0


@kernel()
def _sought_of(sought: Sought, kept: IndexArray, amplitudes: FloatArray) -> tuple[Sought, IndexArray]:
    """Return what is sought of some targets, and the places of its references among all."""
    places = np.empty(sought.places.size, np.intp)
    numbers = np.empty(sought.places.size, np.intp)
    count = 0
    for c in range(kept.size):
        for r in range(places.size):
            if sought.numbers[r] == kept[c]:
                places[count], numbers[count] = r, c
                count += 1
    places = places[:count]
    own = Sought(
        taken(sought.places, places),
        taken(sought.needed, places),
        numbers[:count],
        taken(sought.worth, places),
        taken(sought.responses, places),
        amplitudes,
    )
    return own, places


@kernel()
def _present_area(library: Library, base: Model) -> float:
    """Return the area under the contents of a model; where it has only packaging, under all; −1 for none."""
    if base.rows.size == 0:
        return -1.0
    contents = whole = energy = 0.0
    for i in range(base.rows.size):
        area = base.amplitudes[i] * library.areas[base.rows[i]]
        whole += area
        contents += 0.0 if library.packaging[base.rows[i]] else area
    for value in base.fitted:
        energy += np.float64(value) * np.float64(value)
    # what the model does not explain is signal too: its area is taken in proportion
    return float((contents if contents != 0.0 else whole) / max(np.sqrt(energy), 0.1))


@kernel()
def _matrix(library: Library, base: Model, scattering: Scattering) -> tuple[float, float, float]:
    """Return what a target would lie in: the contents of a model."""
    parts, responses = np.zeros(base.rows.size), np.empty((base.rows.size, 3))
    for i in range(parts.size):
        copy(scattering.all[base.rows[i]], responses[i])
        if not library.packaging[base.rows[i]]:
            parts[i] = base.amplitudes[i] * library.areas[base.rows[i]]
    return matrix_of(parts, responses, scattering.nothing)


@kernel()
def write_limits(
    library: Library,
    memory: Memory,
    view: View,
    base: Model,
    asked: Limits,
    scatter: float,
    kept: IndexArray,
    rows: IndexArray,
    amplitudes: FloatArray,
    numbers: FloatArray,
    all_shares: FloatArray,
) -> None:
    """Write the limits of some targets on a model.

    Parameters
    ----------
    scatter
        A factor on every amount, for noise.
    kept, rows, amplitudes
        The numbers of the targets, of each the member that shows it best, and how much the scan may hold of
        it, shape (k,).
    numbers
        Written, shape (c, 9): the limit, by mass low, middle and high, and 1 where all it rests on was
        measured, where `Weights.numbers` has them.
    all_shares
        Written: the limit of each reference, (r,).
    """
    apart()
    own, references = _sought_of(asked.sought, kept, amplitudes)
    k = base.rows.size
    needed = np.empty(k + kept.size, np.intp)
    copy(base.rows, needed[:k])
    copy(rows, needed[k:])
    places = np.empty(needed.size, np.intp)
    find_places(library.shelf, needed, places)
    limits, shares, heaviest = np.empty(kept.size), np.empty(references.size), np.empty(kept.size, np.intp)
    shelf, scattering = library.shelf, asked.scattering
    limits_each(
        packed(References(shelf.rows[np.intp(view.axis[2])], shelf.ranges, shelf.numbers, places)),
        packed(view.query),
        packed(asked.probes),
        packed(own),
        taken(library.families, base.rows),
        packed(library.bands),
        packed(asked.settings),
        packed(asked.rules),
        scatter,
        _present_area(library, base),
        packed(memory),
        np.empty(asked.probes.areas.size, np.intp),
        limits,
        shares,
        heaviest,
    )
    matrix = _matrix(library, base, scattering)
    for c in range(kept.size):
        number = numbers[kept[c]]
        number[3], worst = limits[c], heaviest[c]
        if worst >= 0:
            response = scattering.sought[references[worst]]
            number[4], number[5], number[6] = mass_between(shares[worst], response, matrix)
            number[8] = min(matrix[2], response[2])
    for r in range(references.size):
        all_shares[references[r]] = shares[r]
