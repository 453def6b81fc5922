"""The kernel that fits given references to several queries."""

from __future__ import annotations

from spectriage.spectra.compile._kernels_vectors import apart
from spectriage.spectra.compile.jit import kernel
from spectriage.spectra.fitting._kernels_additions import copy
from spectriage.spectra.fitting._kernels_memory import Memory
from spectriage.spectra.fitting._kernels_model import Library, Models, Views, named, view_of
from spectriage.spectra.fitting._kernels_trials import fit


@kernel()
def fit_scans(packed_library: Library, views: Views, memory: Memory, packed_models: Models) -> None:
    """Fit the rows of models to queries at their axes; the rest of the models is written."""
    apart()
    library, memory = named(packed_library), Memory(*memory)
    views, models = Views(*views), Models(*packed_models)
    for s in range(models.counts.size):
        k = models.counts[s]
        model = fit(library, memory, view_of(views, s), models.rows[s, :k])
        copy(model.amplitudes, models.amplitudes[s, :k])
        copy(model.fitted, models.fitted[s])
        models.similarity[s] = model.similarity
