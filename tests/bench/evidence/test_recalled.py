from dataclasses import replace

import numpy as np
import pytest

from spectriage.bench.evidence.limits import Held, LimitTrial
from spectriage.bench.evidence.recalled import RecalledTrial, recalled, with_table
from spectriage.bench.report.tables import Report
from spectriage.bench.sets.names import Names
from spectriage.bench.sets.references import catalogue_without
from spectriage.bench.sets.sets import LabelledSet, LabelledSpectrum
from spectriage.bench.sets.simulation import Sample
from spectriage.library.catalogue import find_entry
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.origin import Origin


def _frozen(tmp_path, bands):
    """Write a frozen table of caffeine with these bands."""
    entry = find_entry("caffeine")
    rows = ", ".join(
        f"[{b.shift_cm}, {height}, {b.fwhm_cm}]" for b, height in zip(entry.bands, bands, strict=True)
    )
    path = tmp_path / "frozen.toml"
    path.write_text(
        f'[[entry]]\nid = "{entry.id}"\nsubstance = "caffeine"\nform = "x"\nfamily = "caffeine"\n'
        f'aliases = []\nclass = "cutting-agent"\ntier = "recalled"\nconfidence = "B"\nlicence = "facts"\n'
        f'citation = "recalled"\nbands = [{rows}]\n'
    )
    return path


@pytest.fixture(scope="module")
def scans():
    names = ("lactose", "sucrose", "acetaminophen")
    items = tuple(
        LabelledSpectrum(Sample(n, 7, packaging="none").scan(), n, "sim", n, f"sim/{n}", Origin.SIMULATED)
        for n in names
    )
    return LabelledSet("sim", items, Names())


def test_the_frozen_table_alone_stands_for_its_substance(tmp_path):
    entry = find_entry("caffeine")
    library = catalogue_without(())
    changed = with_table(library, replace(entry, bands=entry.bands[:3]), Names())
    rows = [i for i, record in enumerate(changed.records) if record.substance == "caffeine"]
    assert len(rows) == 1
    assert changed.records[rows[0]] == entry.reference
    drawn = np.nan_to_num(changed.spectra[rows[0]])
    old = np.nan_to_num(library.spectra[[r.id for r in library.records].index(entry.id)])
    assert np.corrcoef(drawn, old)[0, 1] < 0.99
    assert changed.spectra.shape[0] == len(changed.records)


def test_a_wrong_table_promises_what_is_not_found(tmp_path, scans):
    entry = find_entry("caffeine")
    right = [h if (h := band.height) == 100.0 else 0.98 * h for band in entry.bands]
    wrong = np.random.default_rng(3).permutation(right).tolist()
    found = {}
    for label, heights in (("right", right), ("wrong", wrong)):
        report = Report("limits", {})
        (trial,) = recalled(_frozen(tmp_path, heights), [scans], report)
        assert trial.substance == "caffeine"
        assert trial.origin is Origin.SIMULATED
        assert {one.main for one in trial.trials} == {"lactose", "sucrose", "acetaminophen"}
        assert "provisional, n = 1" in report.tables[1].title
        found[label] = np.nanmean([trial.found(factor) for factor in (1.0, 1.5, 2.0)])
    assert found["right"] > found["wrong"]


def test_tables_that_still_stand_are_no_trials(tmp_path, scans):
    path = _frozen(tmp_path, [band.height for band in find_entry("caffeine").bands])
    with pytest.raises(ParameterError, match="none of its tables"):
        recalled(path, [scans], Report("limits", {}))


@pytest.mark.parametrize(
    ("found", "needed"),
    [
        ((True, True, True), 1.0),
        ((False, True, True), 2.0),
        ((True, False, True), 4.0),
        ((True, True, False), None),
    ],
)
def test_the_multiple_needed_is_the_first_from_which_all_hold(found, needed):
    held = tuple(
        Held(factor, 0.1 * factor, hit, "ALARM", 0.1)
        for factor, hit in zip((1.0, 2.0, 4.0), found, strict=True)
    )
    one = LimitTrial("d", "t", "m", True, 9, None, 100.0, 0.1, "NO_ALARM", False, held)
    assert RecalledTrial("t", Origin.SIMULATED, (one,)).needed == needed
