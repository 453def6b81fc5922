"""The command `spectriage warmup`: everything compiled and built before it is needed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.library.service.warming import POINTS
from spectriage.spectra.options import JsonOption, LibraryOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.reference import ReferenceSet

WATCHED = 16


def warmup(
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compile every kernel for this machine and build the shipped library, so that no scan has to wait.

    Run it once after installing or updating, as the user who will take the scans.
    """
    from spectriage.library.service.ahead import compiling_ahead

    start = time.perf_counter()
    with compiling_ahead():
        compiled = warm(library)
    removed = _clean()
    seconds = time.perf_counter() - start
    if as_json:
        print_json({"schema": 1, "seconds": round(seconds, 1), "compiled": len(compiled), "removed": removed})
        return
    print(
        f"spectriage: ready in {seconds:.1f} s; {len(compiled)} kernels compiled"
        + (f", {removed} outdated removed" if removed else ""),
        file=sys.stderr,
    )


def warm(library: Path | None = None) -> list[str]:
    """Call everything that is compiled; return the names of what had to be."""
    from spectriage.library.service import make_engine, warm_engine
    from spectriage.spectra.compile import announce_compilation

    names: list[str] = []
    with announce_compilation(names.append):
        engine = make_engine(library)
        warm_engine(engine)
        warm_engine(_watching(engine.references))
        _refits(engine)
        _search(engine.references)
        _baselines()
    return [name for name in names if name != "impl"]


def _watching(references: ReferenceSet) -> Identifier:
    """Return an engine that watches for all that a library has: some of it has bands enough to be sought."""
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.policy import Policy, Target

    families = dict.fromkeys(record.family for record in references.records[:WATCHED])
    return Identifier(references, Policy(targets=tuple(Target(name, (name,)) for name in families)))


def _refits(engine: Identifier) -> None:
    """Fit two scans at once, as scans of a batch are that lose a component, or in which a target is found."""
    import numpy as np

    from spectriage.spectra.errors import SpectriageError
    from spectriage.spectra.fitting.fit import NO_CORRECTION
    from spectriage.spectra.fitting.fitter import Fitter
    from spectriage.spectra.fitting.refit import Given, fit_each
    from spectriage.spectra.spectrum import Spectrum

    references = engine.references
    if len(references) == 0:
        return
    curve = np.nan_to_num(references.spectra[0].astype(np.float64))
    try:
        fitters = [Fitter(engine.index, Spectrum(references.shift, curve)) for _ in range(2)]
    except SpectriageError:
        return  # as in `warm_engine`
    fit_each([Given(own, (0,), NO_CORRECTION) for own in fitters])


def _search(references: ReferenceSet) -> None:
    import numpy as np

    from spectriage.spectra.search import FEW_QUERIES, SCORES, SearchIndex, TopK, project
    from spectriage.spectra.spectrum import Spectrum

    query = Spectrum(references.shift, 1.0 + np.sin(references.shift))
    for name in SCORES:
        SearchIndex(references, name).search(query)
    matrix = np.eye(16, 64, dtype=np.float32)
    queries = np.ones((FEW_QUERIES + 1, 64))
    for searcher in (TopK(matrix), TopK(matrix, None, project(matrix))):
        for wanted in (queries, queries[0]):
            searcher.search(wanted)


def _baselines() -> None:
    import numpy as np

    from spectriage.spectra.baseline import airpls_fit, arpls_batch, arpls_fit, asls_fit, batch_fit

    rng = np.random.default_rng(0)
    for points in POINTS:
        values = np.cumsum(rng.normal(size=(40, points)), axis=1)
        for fit in (arpls_fit, airpls_fit, asls_fit):
            fit(values[0], 1e5)
        arpls_batch(values, 1e5)
        for method in ("arpls", "airpls", "asls"):
            batch_fit(values, method, lam=1e5)


def _clean() -> int:
    """Remove the machine code of earlier versions."""
    from importlib import resources

    from spectriage.spectra.compile import remove_outdated

    folder = Path(str(resources.files("spectriage.spectra")))
    return sum(remove_outdated(source) for source in sorted(folder.rglob("_kernels*.py")))
