"""SERS and normal evidence: neither explains the other, and together they are one answer."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from spectriage.library.app.commands_identify import identify
from spectriage.library.building.build import build_library
from spectriage.library.building.cache import open_library
from spectriage.library.building.derived import check_derived
from spectriage.library.service import Answer
from spectriage.library.service.strip import TwoScans, asks_for_strip
from spectriage.spectra import Identifier, Spectrum, Verdict
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy import Policy
from spectriage.spectra.technique import Technique

SHIFT = np.arange(250.0, 2000.0, 1.7)


def bands(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(350.0, 1900.0, 10), rng.uniform(0.2, 1.0, 10)
    made = (heights / (1.0 + np.square((SHIFT[:, None] - centres) / 5.0))).sum(axis=1)
    return 1000.0 * made + rng.normal(0.0, 2.0, SHIFT.size) + 100.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten materials; two of them also on silver, where they look quite different."""
    folder = tmp_path_factory.mktemp("both")
    lines = ["path,substance,class,technique,substrate"]
    for i in range(10):
        np.savetxt(folder / f"n{i}.csv", np.c_[SHIFT, bands(i)], "%.6g", ",")
        lines.append(f"n{i}.csv,material {i},{'fentanyl' if i == 0 else 'other'},,")
    for i in range(10):
        np.savetxt(folder / f"s{i}.csv", np.c_[SHIFT, bands(100 + i)], "%.6g", ",")
        lines.append(f"s{i}.csv,material {i},{'fentanyl' if i == 0 else 'other'},sers,silver electrode")
    (folder / "manifest.csv").write_text("\n".join(lines))
    build_library(folder / "both.h5", folder / "manifest.csv")
    return folder


def spectrum(folder: Path, name: str, technique: Technique) -> Spectrum:
    x, y = np.loadtxt(folder / name, delimiter=",").T
    return Spectrum(x, y, technique=technique)


@pytest.mark.parametrize(
    ("name", "technique", "right"),
    [
        ("n3.csv", Technique.NORMAL, True),
        ("s3.csv", Technique.NORMAL, False),
        ("s3.csv", Technique.SERS, True),
        ("n3.csv", Technique.SERS, False),
    ],
)
def test_only_references_measured_alike_explain_a_scan(both, name, technique, right):
    engine = Identifier(open_library(both / "both.h5"), technique=technique)
    found = engine.identify(spectrum(both, name, technique))
    assert ("material 3" in [part.reference.substance for part in found.components]) == right
    assert {part.reference.technique for part in found.components} <= {technique}
    assert {each.reference.technique for each in found.candidates} == {technique}
    assert found.to_json()["technique"] == str(technique)
    assert found.library["sha256"] == open_library(both / "both.h5").sha256


def test_a_scan_of_the_other_technique_is_refused(both):
    engine = Identifier(open_library(both / "both.h5"))
    with pytest.raises(ParameterError, match="sers spectrum cannot be explained by normal"):
        engine.identify(spectrum(both, "s3.csv", Technique.SERS))


def test_a_library_without_sers_references_says_so(small):
    with pytest.raises(ParameterError, match="no SERS references"):
        Identifier(small.references, technique=Technique.SERS)


def test_the_library_keeps_a_null_for_each_and_record_and_native_know_theirs(both):
    from spectriage.library.store.file import read_natives

    opened = open_library(both / "both.h5")
    natives = read_natives(both / "both.h5")
    record = next(record for record in opened.records if record.technique is Technique.SERS)
    assert record.substrate == "silver electrode"
    assert natives[record.id].technique is Technique.SERS
    check_derived(opened, natives)
    sers, normal = (Identifier(opened, technique=each) for each in (Technique.SERS, Technique.NORMAL))
    assert sers.null is not None
    assert normal.null is not None
    assert not np.array_equal(sers.null.wrong, normal.null.wrong)


def answer(both: Path, verdict: Verdict, technique: Technique = Technique.NORMAL) -> Answer:
    engine = Identifier(open_library(both / "both.h5"), technique=technique)
    name = "n3.csv" if technique is Technique.NORMAL else "s3.csv"
    return Answer(name, replace(engine.identify(spectrum(both, name, technique)), verdict=verdict))


@pytest.mark.parametrize(
    ("powder", "strip", "asked", "verdict"),
    [
        (Verdict.NO_ALARM, Verdict.ALARM, True, Verdict.ALARM),
        (Verdict.ALARM, Verdict.NO_ALARM, False, Verdict.ALARM),
        (Verdict.INCONCLUSIVE, Verdict.NO_ALARM, True, Verdict.INCONCLUSIVE),
        (Verdict.NO_ALARM, Verdict.NO_ALARM, True, Verdict.NO_ALARM),
        (Verdict.NO_ALARM, None, True, Verdict.INCONCLUSIVE),
        (Verdict.NO_ALARM, None, False, Verdict.NO_ALARM),
    ],
)
def test_the_more_serious_counts_and_a_missing_strip_is_never_no_alarm(both, powder, strip, asked, verdict):
    second = None if strip is None else answer(both, strip, Technique.SERS)
    made = TwoScans("item", answer(both, powder), second, asked)
    assert made.verdict is verdict
    told = made.to_json()
    assert told["powder"]["technique"] == "normal"
    assert told["verdict"] == str(verdict)
    if second is not None:
        assert told["strip"]["technique"] == "sers"


def test_the_policy_says_when(both):
    found = answer(both, Verdict.NO_ALARM).result
    assert found is not None
    assert asks_for_strip(found, Policy())
    assert not asks_for_strip(found, Policy(strip_after=("WARNING",)))
    assert not asks_for_strip(replace(found, verdict=Verdict.ALARM), Policy())


def test_the_command_gives_both_side_by_side(both):
    app = typer.Typer()
    app.command()(identify)
    arguments = ["-l", str(both / "both.h5"), str(both / "n3.csv"), "--strip", str(both / "s5.csv")]
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [part["substance"] for part in told["powder"]["components"]] == ["material 3"]
    assert [part["substance"] for part in told["strip"]["components"]] == ["material 5"]
    shown = CliRunner().invoke(app, arguments).stdout
    assert "the powder: " in shown
    assert "the SERS strip: " in shown
