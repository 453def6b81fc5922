"""The installed program as shells and other programs call it: encodings, pipes, signals, help, completion."""

import errno
import json
import os
import pty
import re
import select
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(sysconfig.get_path("scripts")) / "spectriage"
ALARM = "sim:cocaine hcl:0.6+mannitol?seed=3"
SLOW = "sim:caffeine?realtime=1"
GROUPS = ("library", "bench", "validate", "journal", "fleet", "operator")


def commands() -> list[str]:
    """Every command by its words, the groups' too."""
    app = whole_app()
    found = []
    for name, command in app.commands.items():
        found += [f"{name} {each}" for each in command.commands] if name in GROUPS else [name]
    return found


def whole_app():
    """The whole program as click has it, every subcommand loaded."""
    import typer

    from spectriage.spectra import cli

    return typer.main.get_command(cli.build_app(cli._commands().values()))


COMMANDS = commands()

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX shells and signals")


@pytest.fixture(autouse=True)
def environment(monkeypatch, library_cache, library, tmp_path):
    monkeypatch.setenv("SPECTRIAGE_CACHE", str(library_cache))
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUTF8"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)


def run(*words, stdin=None, **extra) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [PROGRAM, *map(str, words)],
        capture_output=True,
        check=False,
        timeout=120,
        input=stdin,
        env={**os.environ, **extra},
    )


def shell(command: str) -> subprocess.CompletedProcess[bytes]:
    script = command.replace("spectriage ", f"'{PROGRAM}' ")
    return subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=120)


@pytest.fixture
def alarm(library, tmp_path) -> Path:
    """A file that alarms: cocaine, as the library has it, and a name that few encodings have."""
    row = [record.id for record in library.records].index("cocaine-hcl")
    rng = np.random.default_rng(1)
    values = 1000.0 * np.nan_to_num(library.spectra[row].astype(float))
    values = 500.0 + values + rng.normal(0.0, 1e-3 * values.max(), values.size)
    path = tmp_path / "poudre-№1-é.csv"
    path.write_text("".join(f"{x},{y}\n" for x, y in zip(library.shift, values, strict=True)))
    return path


# -- what standard output can write


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
@pytest.mark.parametrize("options", [[], ["--explain"], ["--json"]], ids=["screen", "explain", "json"])
def test_any_encoding_prints_the_verdict_and_keeps_its_code(alarm, encoding, options):
    made = run("identify", alarm, *options, PYTHONIOENCODING=encoding)
    assert made.returncode == 10, made.stderr
    # the first to need a kernel says that it is compiled
    said = [line for line in made.stderr.splitlines() if b"compiling for this machine" not in line]
    assert said == []
    text = made.stdout.decode(encoding)
    assert "ALARM" in text
    assert "cocaine" in text
    if options == ["--json"]:
        # nothing is lost in JSON: what cannot be written is escaped
        assert json.loads(text)["input"] == str(alarm)
    elif encoding == "ascii":
        assert "####" in text
        assert ">=" in text
        assert "cm-1" in text


def test_the_locale_of_a_bare_service_will_do(alarm):
    made = run("identify", alarm, LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert made.returncode == 10
    assert b"ALARM" in made.stdout


def test_a_file_name_that_is_no_text(alarm, tmp_path):
    name = tmp_path / os.fsdecode(b"caf\xe9.csv")
    name.write_bytes(alarm.read_bytes())
    made = run("identify", name)
    assert made.returncode == 10
    assert b"ALARM" in made.stdout
    json.loads(run("identify", name, "--json").stdout)
    plain = run("identify", name, name, PYTHONIOENCODING="ascii")
    assert plain.returncode == 10


@pytest.mark.parametrize(
    "end", ["| true", "| head -c 1 >/dev/null", ">&-", "2>&- >&-", ">/dev/full"], ids=str
)
def test_a_reader_who_left_does_not_change_the_exit_code(alarm, end):
    made = shell(f"spectriage identify '{alarm}' {end}; echo code ${{PIPESTATUS[0]}} >&2")
    if "2>&-" not in end:
        assert b"Traceback" not in made.stderr
    assert b"code 10" in made.stderr


def test_what_was_lost_on_a_full_disk_is_not_success():
    made = shell("spectriage library list >/dev/full; echo code $? >&2")
    assert b"code 2" in made.stderr
    assert os.strerror(errno.ENOSPC).encode() in made.stderr


def test_a_listing_that_is_cut_short_is_no_error():
    made = shell("spectriage library list | head -2; echo code ${PIPESTATUS[0]} >&2")
    assert made.stderr == b"code 0\n"


# -- one file, many, standard input


def test_many_files_are_a_line_each_and_a_table(alarm, tmp_path):
    flat = tmp_path / "flat.csv"
    flat.write_text("".join(f"{x},5\n" for x in range(200, 2000, 2)))
    made = run("identify", alarm, flat, tmp_path / "absent.csv", alarm)
    assert made.returncode == 10
    out = made.stdout.decode()
    lines = [line for line in out.splitlines() if line.startswith("[!!] ALARM")]
    assert len(lines) == 2
    # a pipe gets whole lines
    assert all(str(alarm) in line and "ocaine" in line for line in lines)
    assert re.search(r"ALARM +2", out)
    assert re.search(r"not read +2", out)
    assert made.stderr.decode().count("spectriage: error:") == 2
    assert "Next:" not in out
    assert "Next:" in run("identify", alarm).stdout.decode()


def test_a_dash_is_standard_input(alarm):
    named = json.loads(run("identify", alarm, "--json").stdout)
    piped = run("identify", "-", "--json", stdin=alarm.read_bytes())
    assert piped.returncode == 10
    found = json.loads(piped.stdout)
    assert found.pop("input") == "-"
    assert named.pop("input") == str(alarm)
    for made in (found, named):
        made.pop("elapsed_ms")
    assert found == named


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\x00\x01", b"1,2\n"])
def test_what_is_no_spectrum_on_standard_input_is_said_of_it(data):
    made = run("identify", "-", stdin=data)
    assert made.returncode == 2
    assert made.stderr.startswith(b"spectriage: error: -")
    assert b"/tmp" not in made.stderr
    assert made.stdout == b""


# -- help and completion


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_groups_the_commands_by_who_needs_them(flag):
    made = run(flag)
    assert made.returncode == 0
    text = made.stdout.decode()
    places = [
        text.index(panel) for panel in ("Identify a material", "Set up an instrument", "For integrators")
    ]
    assert places == sorted(places)
    for command in {words.split()[0] for words in COMMANDS}:
        assert re.search(rf"│ {command} ", text)
    # nobody's command stands under none of the panels
    assert "Others" not in text


@pytest.fixture(scope="module")
def typer_app():
    return whole_app()


def leaf(app, words):
    for word in words.split():
        app = app.commands[word]
    return app


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_is_and_its_default(typer_app, command):
    found = leaf(typer_app, command)
    assert found.help
    for parameter in found.params:
        if parameter.name != "help":
            assert parameter.help, (command, parameter.name)
            said = parameter.show_default or parameter.required or parameter.default is None
            assert said or parameter.default in (False, ""), (command, parameter.name)


def test_json_is_a_flag_everywhere(typer_app):
    """`--json` is the same in every command that prints a result: standard output, no file."""
    without = []
    for command in COMMANDS:
        found = leaf(typer_app, command)
        options = {name: parameter for parameter in found.params for name in parameter.opts}
        if "--json" in options:
            assert options["--json"].is_flag, command
        else:
            without.append(command)
    # these print or write a document that is the result itself
    journal = [f"journal {name}" for name in ("show", "key", "export", "note", "report")]
    operator = ["operator add", "operator remove"]
    documents = {"schema", "serve", "validate show", "library bands", "bench laser"}
    assert set(without) == {*documents, *journal, *operator}


def test_the_shell_completes(tmp_path):
    made = run(_SPECTRIAGE_COMPLETE="complete_bash", COMP_WORDS="spectriage ide", COMP_CWORD="1")
    assert made.stdout.decode().split() == ["identify"]
    shown = run("--show-completion", "bash")
    assert shown.returncode == 0 or b"_SPECTRIAGE_COMPLETE" in shown.stdout


# -- schema


@pytest.mark.parametrize("name", ["result", "stream"])
def test_schemas_are_printed(name):
    made = run("schema", name)
    assert made.returncode == 0
    assert json.loads(made.stdout)["$schema"].endswith("2020-12/schema")


# -- scans


def start(*words):
    return subprocess.Popen(
        [PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_default_interrupt
    )


def _default_interrupt():
    # a test runner in the background ignores SIGINT, and its children would with it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for_scan(uri, *words):
    """Start a scan of a minute with a line on a terminal that says what it does; return both."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "scan", "-d", uri, "--integration-ms", "30000", *words],
        stdout=subprocess.PIPE,
        stderr=follower,
        preexec_fn=_default_interrupt,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(follower)
    seen, until = b"", time.monotonic() + 60.0
    while b"30000 ms" not in seen and time.monotonic() < until:
        if select.select([leader], [], [], 1.0)[0]:
            seen += os.read(leader, 4096)
    assert b"taking the dark" in seen, seen
    return process, leader


def drained(leader):
    seen = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(leader)
    return seen.decode()


@pytest.mark.parametrize(
    ("uri", "words", "said"),
    [
        (SLOW, [], "the laser is off, verified"),
        (SLOW, ["--spots", "2"], "the laser is off, verified"),
        ("emulated:wasatch-wp785?scene=acetaminophen", ["--fixed-power"], "the laser is off, verified"),
        ("emulated:ocean-usb2000plus?scene=acetaminophen", [], "cannot be read back"),
    ],
)
def test_ctrl_c_says_that_the_laser_is_off_and_ends_with_130(uri, words, said):
    if uri.startswith("emulated"):
        pytest.importorskip("seabreeze" if "ocean" in uri else "wasatch")
    process, leader = wait_for_scan(uri, *words)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    shown = drained(leader)
    assert process.returncode == 130, shown
    assert "interrupted" in shown
    assert said in shown.replace("\r\n", " ")
    assert out == b""


def test_nothing_moves_where_there_is_no_terminal():
    made = run("scan", "-d", "sim:acetaminophen?seed=1")
    assert b"\x1b" not in made.stdout + made.stderr


def test_an_alarm_of_a_scan_survives_its_reader():
    made = shell(f"spectriage scan -d '{ALARM}' | true; echo code ${{PIPESTATUS[0]}} >&2")
    assert b"code 10" in made.stderr, made.stderr
