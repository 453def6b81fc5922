import numpy as np
import pytest

from spectriage.bench.evidence.pod import PodBench, blank_samples, handheld_samples, harmless_entries
from spectriage.bench.evidence.pod_plot import DrawnCurve, draw
from spectriage.bench.report.statistics import Proportion
from spectriage.bench.report.tables import Report
from spectriage.bench.sets.simulation import Sample, ask
from spectriage.library.building.cache import default_library
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRIAGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield default_library()


def test_scans_repeat_and_differ_by_seed():
    first, again, other = (Sample("caffeine", seed).scan() for seed in (1, 1, 2))
    assert first == again
    assert first != other
    moved = Sample("caffeine", 1, offset_cm=5.0, resolution_cm=14.0).scan()
    assert moved.shift == pytest.approx(first.shift + 5.0)
    assert np.abs(np.diff(moved.intensity)).max() < np.abs(np.diff(first.intensity)).max()


def test_a_much_of_the_target_is_found_and_none_is_not(shipped):
    engine = Identifier(shipped)
    found = ask(engine, Sample("fentanyl HCl:0.6+mannitol", 3), "fentanyl-class")
    assert found.names_family("fentanyl-class")
    blank = ask(engine, Sample("mannitol", 3), "fentanyl-class")
    assert not blank.names_family("fentanyl-class")
    assert blank.lod is not None


def test_pod_tables_are_simulated_and_count_every_scan(shipped):
    report = Report("pod", {})
    bench = PodBench(shipped, report)
    curve = bench.detection(8, (0.02, 0.6))
    bench.blanks(3)
    assert {str(t.origin) for t in report.tables} == {"simulated"}
    assert [p.trials for p in curve.points] == [8, 8]
    assert curve.points[0].successes < curve.points[1].successes
    assert "upper bound 0.63" in report.tables[-1].notes[0]
    with pytest.raises(ParameterError, match="not watched"):
        PodBench(shipped, report, target="caffeine")


def test_blanks_are_harmless_varied_and_fixed():
    harmless = {entry.id for entry in harmless_entries()}
    samples = blank_samples(60, "785-ccd")
    assert samples == blank_samples(60, "785-ccd")
    assert len({s.packaging for s in samples}) == 11
    assert len({s.mixture for s in samples}) > 50
    for sample in samples:
        names = {part.partition(":")[0] for part in sample.mixture.split("+")}
        assert names <= harmless


def test_handheld_scans_are_coarse_and_high():
    samples = handheld_samples("lactose", 20, "785-ccd", "x")
    assert all(4.0 <= s.offset_cm <= 7.0 and 12.0 <= (s.resolution_cm or 0) <= 16.0 for s in samples)


def test_the_picture_is_drawn(tmp_path):
    draw([DrawnCurve("a", (0.1, 0.2), (Proportion(1, 4), Proportion(4, 4)))], tmp_path / "pod.png")
    assert (tmp_path / "pod.png").read_bytes().startswith(b"\x89PNG")
