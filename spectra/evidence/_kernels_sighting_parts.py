"""Kernel that asks of one part of a model whether a scan shows it."""

from __future__ import annotations

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.compile._kernels_calls import packed
from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.evidence._kernels_sighting import SightRules, SightTable, sight_reference
from spectriage.spectra.fitting._kernels_model import Library, Model, View
from spectriage.spectra.fitting._kernels_support import row_at


@kernel()
def sight_part(
    library: Library,
    view: View,
    whole: Model,
    position: int,
    noise: float,
    rules: SightTable,
    out: FloatArray,
) -> None:
    """Write what a scan shows of one part; nothing is looked for of what has no amplitude."""
    apart()
    row, amplitude = whole.rows[position], whole.amplitudes[position]
    for i in range(out.size):
        out[i] = 0.0
    if amplitude > 0.0:
        tier = rules.tiers[library.ranks[row]]
        own = SightRules(
            rules.least_height,
            rules.mismatch,
            tier[0],
            tier[1],
            int(tier[2]),
            rules.near,
            rules.visible,
            rules.speaks,
            rules.shared,
        )
        out[0], out[1], out[2], out[3], out[4] = sight_reference(
            row_at(library, view, row), amplitude, packed(view.query), whole.fitted, noise, packed(own)
        )
