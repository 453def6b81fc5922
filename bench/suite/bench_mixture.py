"""Taking a mixture apart against non-negative least squares of SciPy, in synthetic libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spectriage.bench.sets.made_up import made_up_library, made_up_scan
from spectriage.bench.suite._compare import compare, report  # noqa: F401
from spectriage.spectra.contrast import ContrastIndex
from spectriage.spectra.fitting import Fitter, select, selection_rules
from spectriage.spectra.policy import Policy


@pytest.mark.parametrize("references", [100, 250, 500])
def test_three_components(benchmark: Any, references: int) -> None:
    """Find the components of a mixture of three: which are needed, and at which axis."""
    from scipy.optimize import nnls

    benchmark.group = "mixture of three"
    library = made_up_library(references)
    rows = [3, references // 2, references - 5]
    scan = made_up_scan(library, rows)
    index = ContrastIndex(library)
    rules = selection_rules(index, np.ones(references, np.bool_), Policy())
    fitter = Fitter(index, scan)
    columns = np.ascontiguousarray(index.rows.stack(range(references)).T.astype(np.float64))
    query = fitter.query.derivative
    amounts, _ = nnls(columns, query)
    selection = select(Fitter(index, scan), rules)
    benchmark.extra_info["components found"] = len(selection.fit.rows)
    benchmark.extra_info["components of nnls"] = int(np.count_nonzero(amounts > 0.0))
    assert set(rows) <= set(selection.fit.rows)
    compare(
        benchmark,
        lambda: select(Fitter(index, scan), rules),
        {"nnls of all references": lambda: nnls(columns, query)},
        rounds=15,
    )
