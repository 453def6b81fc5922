"""The two-step session: the policy asks for a SERS strip, and both pieces of evidence are kept apart."""

from pathlib import Path

import numpy as np
import pytest

from spectriage.device.app.scanning import Outputs, session_for
from spectriage.device.contract.registry import open_device
from spectriage.device.session import ScanPlan, scan_powder_and_strip
from spectriage.library.building.build import build_library
from spectriage.spectra import Identifier, ReferenceSet, Verdict
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.technique import Technique


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> ReferenceSet:
    """Three materials, each also on silver."""
    folder: Path = tmp_path_factory.mktemp("both")
    shift = np.arange(250.0, 2000.0, 1.7)
    lines = ["path,substance,technique"]
    for i in range(6):
        rng = np.random.default_rng(i)
        centres = rng.uniform(350.0, 1900.0, 10)
        values = (1000.0 / (1.0 + np.square((shift[:, None] - centres) / 5.0))).sum(axis=1)
        np.savetxt(folder / f"{i}.csv", np.c_[shift, values], "%.6g", ",")
        lines.append(f"{i}.csv,material {i % 3},{'sers' if i > 2 else 'normal'}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    return build_library(folder / "both.h5", folder / "manifest.csv")


def test_a_session_asks_for_the_strip_and_keeps_both(opened):
    normal, sers = Identifier(opened), Identifier(opened, technique=Technique.SERS)
    asked = []
    with open_device("sim:caffeine?seed=1") as device:
        powder, strip = (session_for(device, ScanPlan(), each, Outputs()) for each in (normal, sers))
        made = scan_powder_and_strip(powder, strip, lambda: not asked.append(1))
        assert len(asked) == 1
        assert made.powder.result is not None
        assert made.strip is not None
        assert made.strip.result is not None
        assert made.strip.result.technique is Technique.SERS
        with pytest.raises(ParameterError, match="engine of normal"):
            scan_powder_and_strip(strip, powder, lambda: True)
        nobody = scan_powder_and_strip(powder, strip, lambda: False)
        assert nobody.strip is None
        assert nobody.verdict is Verdict.INCONCLUSIVE
