"""What a new user does, in order, with the installed program and nothing prepared."""

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from spectriage.library import open_library
from spectriage.spectra.contrast.mismatch import mismatched

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sysconfig.get_path("scripts")) / ("spectriage.exe" if os.name == "nt" else "spectriage")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache of this run, shared with the tests of the commands."""
    return tmp_path_factory.getbasetemp() / "command-cache"


@pytest.fixture(autouse=True)
def environment(monkeypatch, cache, tmp_path):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(cache))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def powder(cache, monkeypatch, tmp_path) -> Path:
    """A file from the user's own instrument: paracetamol as another instrument sees it, a descending axis."""
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(cache))
    library = open_library()
    row = next(i for i, r in enumerate(library.records) if r.id == "acetaminophen-form-1-wasatch")
    rng = np.random.default_rng(5)
    seen = np.nan_to_num(mismatched(library.spectra[row].astype(float), library.shift, rng))
    counts = 3000.0 + 20_000.0 * seen / seen.max() + rng.normal(scale=60.0, size=seen.size)
    path = tmp_path / "powder.txt"
    rows = zip(library.shift[60:900][::-1], counts[60:900][::-1], strict=True)
    path.write_text(
        "# my instrument\nRaman shift (cm-1);Intensity\n" + "".join(f"{x:.1f};{y:.1f}\n" for x, y in rows)
    )
    return path


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        encoding="utf-8",
    )


def test_identify_a_file(powder):
    made = run("identify", powder)
    assert made.returncode in (0, 12), made.stderr
    assert "acetaminophen" in made.stdout
    assert "Presumptive" in made.stdout


def test_scan_a_simulated_sample():
    made = run("scan", "--device", "sim:acetaminophen?seed=1", "--json")
    assert made.returncode in (0, 12), made.stderr
    line = json.loads(made.stdout.splitlines()[-1])
    assert "acetaminophen" in {part["substance"] for part in line["components"]}
    # a simulated scan says that it is one
    assert any("imulated" in note for note in line["notes"])


def test_bring_in_a_spectrum_of_ones_own(powder, tmp_path):
    """Build the shipped catalogue into a file, add a measured spectrum, and identify with it."""
    library, larger = tmp_path / "library.h5", tmp_path / "larger.h5"
    assert run("library", "build", "-o", library).returncode == 0
    added = run("library", "add", powder, "--library", library, "--substance", "my own powder", "-o", larger)
    assert added.returncode == 0, added.stderr
    assert run("library", "verify", larger).returncode == 0
    line = json.loads(run("identify", powder, "--library", larger, "--json").stdout)
    assert line["candidates"][0]["substance"] == "my own powder"
    assert line["candidates"][0]["tier"] == "measured"


@pytest.mark.full
def test_the_first_run_builds_the_library(powder, tmp_path, monkeypatch):
    """An empty cache: one command, and one file in the cache when it is done."""
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(tmp_path / "fresh" / "cache"))
    made = run("identify", powder, "--json")
    assert made.returncode in (0, 12), made.stderr
    kept = sorted(path.name for path in (tmp_path / "fresh" / "cache").iterdir())
    assert len(kept) == 1
    assert re.fullmatch(r"catalogue-[0-9a-f]{20}\.h5", kept[0])
    again = run("identify", powder, "--json")
    one, other = json.loads(made.stdout), json.loads(again.stdout)
    del one["elapsed_ms"], other["elapsed_ms"]
    assert one == other


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (0, r"(INCONCLUSIVE|NO_ALARM) .*\n(.+: would have shown .*\n){14}"),
        (1, r"(INCONCLUSIVE|NO_ALARM) "),
        (2, r"\[1234 "),
    ],
)
def test_the_examples_for_integrators_run_as_they_stand(index, said, powder, tmp_path, capsys, monkeypatch):
    assert len(EXAMPLES) == 3
    assert len(EXAMPLES[index].splitlines()) <= 12
    shift, counts = np.loadtxt(powder, delimiter=";", skiprows=2, unpack=True)
    axis = np.arange(302.0, 2304.0)
    np.savetxt(tmp_path / "counts.txt", np.interp(axis, shift[::-1], counts[::-1]))
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[index], "README.md", "exec"), {"__name__": "example"})
    assert re.match(said, capsys.readouterr().out)
