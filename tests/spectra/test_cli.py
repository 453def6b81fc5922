"""The program `spectriage`, as it is installed: exit codes, JSON lines, screens, plots, imports."""

import json
import os
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from spectriage.spectra import Spectrum, cli

PROGRAM = Path(sysconfig.get_path("scripts")) / ("spectriage.exe" if os.name == "nt" else "spectriage")
HEAVY = (
    "matplotlib",
    "nicegui",
    "pybaselines",
    "pytest",
    "scipy.optimize",
    "scipy.signal",
    "seabreeze",
    "statsmodels",
    "usb",
    "wasatch",
)


def write(path: Path, spectrum: Spectrum) -> Path:
    rows = zip(spectrum.shift, spectrum.intensity, strict=True)
    path.write_text("".join(f"{x:.2f},{y:.3f}\n" for x, y in rows))
    return path


@pytest.fixture(scope="module")
def files(sample, tmp_path_factory) -> dict[str, Path]:
    """One file of each verdict."""
    folder = tmp_path_factory.mktemp("files")
    samples = {
        "alarm": {"cocaine-hcl": 0.6, "mannitol-beta": 0.4},
        "warning": {"xylazine-hcl": 1.0},
        "bag": {"polyethylene-hdpe-wasatch": 1.0},
        "benign": {"sucrose-crystalline-wasatch": 1.0},
    }
    # weak bands that a reference does not have are another material: the harmless one has few of them
    made = {
        name: write(folder / f"{name}.csv", sample(parts, seed=1, times=0.1 if name == "benign" else 1.0))
        for name, parts in samples.items()
    }
    made["bad"] = folder / "bad.csv"
    made["bad"].write_text("this is no spectrum\n")
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch, library_cache, library, tmp_path):
    """The cache of this run, with the library in it, and an empty folder to work in."""
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """The installed program, in a process of its own."""
    arguments = [str(word) for word in words]
    return subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=120, encoding="utf-8"
    )


def within(capsys, *words: object) -> tuple[int, str, str]:
    """The same program in this process: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    code = end.value.code
    return (0 if code is None else int(code)), captured.out, captured.err


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


CODES = {"ALARM": 10, "WARNING": 11, "INCONCLUSIVE": 12, "NO_ALARM": 0}


@pytest.mark.parametrize(
    ("name", "verdict"), [("alarm", "ALARM"), ("warning", "WARNING"), ("bag", "INCONCLUSIVE")]
)
def test_the_exit_code_is_the_verdicts(capsys, files, name, verdict):
    code, out, _ = within(capsys, "identify", files[name], "--json")
    assert objects(out)[0]["verdict"] == verdict
    assert code == CODES[verdict]


def test_no_alarm_ends_with_zero(capsys, files):
    code, out, _ = within(capsys, "identify", files["benign"], "--json", "--lod", "0.95")
    assert objects(out)[0]["verdict"] == "NO_ALARM"
    assert code == 0


def test_the_most_serious_file_decides(capsys, files):
    order = [files[name] for name in ("benign", "bad", "warning", "alarm", "bag")]
    code, out, _ = within(capsys, "identify", *order, "--json")
    assert code == 10
    lines = objects(out)
    assert [line["input"] for line in lines] == [str(path) for path in order]
    assert within(capsys, "identify", *order[:3], "--json")[0] == 11


def test_a_file_that_cannot_be_read_is_an_object_with_an_error(capsys, files):
    code, out, _ = within(capsys, "identify", files["bad"], files["benign"], "--json", "--lod", "0.95")
    bad, good = objects(out)
    assert code == 0
    assert set(bad) == {"schema", "input", "error"}
    assert bad["schema"] == 1
    assert set(bad["error"]) == {"type", "what", "where", "remedy"}
    assert bad["error"]["type"].endswith("Error")
    assert str(files["bad"].name) in bad["error"]["where"] + bad["error"]["what"]
    assert good["verdict"] == "NO_ALARM"


def test_no_readable_file_ends_with_two(capsys, files, tmp_path):
    missing = tmp_path / "missing.csv"
    code, out, _ = within(capsys, "identify", files["bad"], missing, "--json")
    assert code == 2
    assert all("error" in line for line in objects(out))
    code, out, err = within(capsys, "identify", missing)
    assert code == 2
    assert out == ""
    assert err.startswith("spectriage: error:")
    assert "missing.csv" in err


def test_the_installed_program_prints_json_lines(files):
    made = run("identify", files["alarm"], files["bad"], "--json")
    assert made.returncode == 10, made.stderr
    assert made.stderr == ""
    alarm, bad = objects(made.stdout)
    assert alarm["verdict"] == "ALARM"
    assert alarm["elapsed_ms"] > 0.0
    assert len(alarm["candidates"]) >= 10
    assert "error" in bad


def test_processes_agree_to_the_byte(engine, files):
    """Two processes and this one, times left out."""
    from spectriage.spectra.formats import read_spectrum

    canonical = []
    for _ in range(2):
        line = objects(run("identify", files["alarm"], "--json").stdout)[0]
        assert line.pop("elapsed_ms") > 0.0
        canonical.append(json.dumps(line))
    here = engine.identify(read_spectrum(files["alarm"])).to_json(input_name=str(files["alarm"]))
    assert canonical[0] == canonical[1] == json.dumps(here)


def test_the_screen_says_it_in_words(files):
    made = run("identify", files["alarm"], files["bad"])
    assert made.returncode == 10
    assert "[!!] ALARM" in made.stdout
    assert "\x1b[" not in made.stdout
    assert made.stderr.startswith("spectriage: error:")
    assert "bad.csv" in made.stderr


@pytest.mark.parametrize("forced", [True, False])
def test_no_color_is_respected(capsys, files, monkeypatch, forced):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    if not forced:
        monkeypatch.setenv("NO_COLOR", "1")
    _, out, _ = within(capsys, "identify", files["alarm"])
    colours = "\x1b[1;37;41m" in out or "41m" in out
    assert colours is forced
    assert "ALARM" in out


def test_explain_lists_the_bands(capsys, files):
    _, short, _ = within(capsys, "identify", files["alarm"])
    _, long, _ = within(capsys, "identify", files["alarm"], "--explain")
    assert len(long) > len(short)
    assert "cocaine-hcl" in long


def test_a_plot_is_written(capsys, files, tmp_path):
    from matplotlib.image import imread

    code, _, _ = within(capsys, "identify", files["alarm"], "--plot", tmp_path / "out.png")
    assert code == 10
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert imread(tmp_path / "out.png")[..., :3].min() < 0.5


@pytest.mark.parametrize("target", ["folder/that/is/not/there/out.png", "out.xyz", "."])
def test_a_plot_that_cannot_be_written_is_an_error(capsys, files, tmp_path, target):
    code, _, err = within(capsys, "identify", files["alarm"], "--plot", tmp_path / target)
    assert code == 2
    assert "spectriage: error:" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_one_plot_for_several_files_is_refused(capsys, files, tmp_path):
    code, out, err = within(
        capsys, "identify", files["alarm"], files["benign"], "--plot", tmp_path / "out.png"
    )
    assert (code, out) == (2, "")
    assert "one file" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--packaging", "adamantium"),
        ("--lod", "0"),
        ("--lod", "1.5"),
        ("--lod", "nan"),
        ("--library", "missing.h5"),
    ],
)
def test_options_that_make_no_sense_are_errors(capsys, files, words):
    code, out, err = within(capsys, "identify", files["alarm"], *words)
    assert code == 2
    assert out == ""
    assert err.startswith("spectriage: error:")
    assert len(err.splitlines()) == 1


def test_an_error_names_the_file_that_it_is_of(capsys, tmp_path):
    flat = tmp_path / "flat.csv"
    flat.write_text("".join(f"{shift},7\n" for shift in range(200, 2200, 2)))
    code, _, err = within(capsys, "identify", str(flat))
    assert code == 2
    # where nothing is compiled yet, that is said first
    assert err.splitlines()[-1].startswith(f"spectriage: error: {flat}: the spectrum is flat")


def test_nothing_at_all_prints_the_help(capsys):
    code, out, err = within(capsys, "identify")
    assert code == 2
    assert "Traceback" not in out + err
    code, out, _ = within(capsys, "--version")
    assert (code, out.strip()) == (0, f"spectriage {metadata.version('spectriage')}")
    code, out, _ = within(capsys, "--help")
    assert code == 0
    for command in ("identify", "library", "scan", "devices"):
        assert command in out


def test_an_unknown_command_is_an_error(capsys):
    code, _, err = within(capsys, "identfy")
    assert code == 2
    assert "identfy" in err


def test_a_broken_package_does_not_take_the_others_with_it(capsys):
    broken = metadata.EntryPoint("broken", "spectriage.no_such_package:app", cli.GROUP)
    identify = next(p for p in metadata.entry_points(group=cli.GROUP) if p.name == "identify")
    cli.build_app([broken, identify])
    assert "'broken' is not available" in capsys.readouterr().err


def modules_after(code: str) -> set[str]:
    """The modules of a new process after running code, which must print nothing to standard output last."""
    script = f"{code}\nimport sys, json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    made = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert made.returncode == 0, made.stderr
    return set(json.loads(made.stdout.splitlines()[-1]))


def test_identifying_imports_nothing_heavy(files):
    modules = modules_after(
        "from spectriage.spectra import cli\n"
        f"try: cli.main(['identify', {str(files['alarm'])!r}])\n"
        "except SystemExit as end: assert end.code == 10, end.code"
    )
    assert not [name for name in HEAVY if name in modules]
    assert not [name for name in modules if name.startswith(("spectriage.device", "spectriage.bench"))]


def test_importing_the_core_imports_nothing_heavy():
    modules = modules_after("import spectriage.spectra")
    assert not [name for name in (*HEAVY, "h5py", "typer", "rich") if name in modules]
    assert not [name for name in modules if name.startswith(("spectriage.device", "spectriage.library"))]


def test_the_working_folder_is_left_as_it_was(capsys, files, tmp_path):
    before = np.array(sorted(path.name for path in files["alarm"].parent.iterdir()))
    within(capsys, "identify", *files.values(), "--json", "--explain")
    assert list(tmp_path.iterdir()) == []
    after = np.array(sorted(path.name for path in files["alarm"].parent.iterdir()))
    np.testing.assert_array_equal(before, after)
