import json
import subprocess
import sys

import pytest

import spectriage.bench
from spectriage.bench.examples import benchmark_a_peer, compare_libraries, validate_a_method


def test_a_method_is_validated(tmp_path):
    results = validate_a_method.main(tmp_path / "records")
    assert [item.outcome for item in results.judged] == ["PASS", "PASS"]
    assert (tmp_path / "records" / "run-1" / "report.html").is_file()


def test_two_libraries_are_compared(tmp_path):
    (compared,) = compare_libraries.main(tmp_path)
    assert compared.only_first >= 5
    assert compared.only_second == 0
    assert compared.both + compared.only_first + compared.neither == 12


def test_a_peer_is_benchmarked(tmp_path):
    report = benchmark_a_peer.main(tmp_path)
    assert {str(table.origin) for table in report.tables} == {"simulated"}
    rows = {row[0]: row for row in report.tables[0].rows}
    assert rows["spectriage"][1].successes == 6
    assert "positions" in rows
    assert set(json.loads((tmp_path / "match.json").read_text())) >= {"simulated", "versions"}


@pytest.mark.parametrize("name", spectriage.bench.__all__)
def test_everything_promised_can_be_imported(name):
    assert getattr(spectriage.bench, name) is not None


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys, spectriage.bench as b, spectriage.bench.app.commands_validate; b.load_plan, b.run_plan;"
        "heavy = ('scipy.stats', 'matplotlib', 'statsmodels', 'jinja2', 'pandas');"
        "print([name for name in heavy if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        _ = spectriage.bench.nothing
