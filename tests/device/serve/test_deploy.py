"""What is deployed with: systemd's unit, its protocol over a real socket, udev's rules, the container."""

import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest

from spectriage.device.drivers._usb import udev_rules
from spectriage.device.serve.server import _tell_systemd

DEPLOY = Path(str(files("spectriage.device.serve"))) / "deploy"
UNIT = DEPLOY / "spectriage.service"
WAIT_S = 240.0


@pytest.fixture
def notified(tmp_path):
    """The socket that systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(WAIT_S)
        yield heard


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_is_one_that_systemd_takes(tmp_path):
    text = UNIT.read_text()
    # whatever is started there is not installed here
    (tmp_path / UNIT.name).write_text(text.replace("/opt/spectriage/bin/spectriage", sys.executable))
    said = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_the_unit_starts_a_command_that_there_is():
    (line,) = re.findall(r"^ExecStart=/\S+/spectriage (.+)$", UNIT.read_text(), re.M)
    command = [sys.executable, "-m", "spectriage.spectra.cli", line.split()[0], "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for option in re.findall(r"--[a-z-]+", line):
        assert option in said


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_the_service_says_ready_and_alive_and_stopping_and_is_silent_when_it_hangs(
    starting, notified, tmp_path, library_cache, library
):
    variables = {"NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "400000"}
    arguments = ("--headless", "--device", "sim:caffeine?seed=1")
    with starting(tmp_path, library_cache, *arguments, **variables) as (_, process):
        assert notified.recv(100) == b"READY=1"
        assert notified.recv(100) == b"WATCHDOG=1"
        process.send_signal(signal.SIGSTOP)
        try:
            notified.setblocking(False)
            time.sleep(0.3)
            while True:
                try:
                    notified.recv(100)
                except BlockingIOError:
                    break
            notified.settimeout(2.0)
            with pytest.raises(TimeoutError):
                notified.recv(100)
        finally:
            process.send_signal(signal.SIGCONT)
        notified.settimeout(WAIT_S)
        assert notified.recv(100) == b"WATCHDOG=1"
        said: list[bytes] = []
        # while it ends: the socket holds few
        listening = threading.Thread(target=hear, args=(notified, b"STOPPING=1", said))
        listening.start()
    listening.join(WAIT_S)
    assert said[-1] == b"STOPPING=1"
    assert process.returncode in (0, -signal.SIGTERM)


def test_what_systemd_is_told_ends_in_the_moment_in_which_the_state_is_there(monkeypatch, notified):
    """The end was forgotten where both came together, and the service went on for good."""
    monkeypatch.setenv("NOTIFY_SOCKET", notified.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "400000")

    async def end() -> bool:
        there = asyncio.get_running_loop().create_future()

        async def state(_):
            await there

        monkeypatch.setattr(asyncio, "to_thread", state)
        telling = asyncio.create_task(_tell_systemd(SimpleNamespace(state=None)))
        await asyncio.sleep(0.0)
        await asyncio.sleep(0.0)
        there.set_result(None)
        telling.cancel()
        ended, _ = await asyncio.wait([telling], timeout=2.0)
        telling.cancel()
        return bool(ended) and telling.cancelled()

    assert asyncio.run(end())
    assert notified.recv(100) == b"STOPPING=1"


def hear(notified: socket.socket, last: bytes, said: list[bytes]) -> None:
    """Note what is said until the last word of it."""
    while not said or said[-1] != last:
        said.append(notified.recv(100))


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
def test_the_service_ends_where_nobody_listens_to_what_it_says(
    starting, notified, tmp_path, library_cache, library
):
    variables = {"NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "20000"}
    arguments = ("--headless", "--device", "sim:caffeine?seed=1")
    with starting(tmp_path, library_cache, *arguments, **variables) as (_, process):
        assert notified.recv(100) == b"READY=1"
        # more than a socket holds
        time.sleep(3.0)
    assert process.returncode in (0, -signal.SIGTERM)


def test_outside_of_systemd_nothing_is_said(notified, starting, tmp_path, library_cache, library):
    arguments = ("--headless", "--device", "sim:caffeine?seed=1")
    with starting(tmp_path, library_cache, *arguments):
        notified.settimeout(1.0)
        with pytest.raises(TimeoutError):
            notified.recv(100)


def test_the_udev_rules_are_such():
    """As udev's manual has them: KEY operator "value", separated by commas; every GOTO has its LABEL."""
    pair = re.compile(r'[A-Z]+(\{[A-Za-z_]+\})?(==|!=|\+=|:=|-=|=)"[^"]*"')
    jumps, labels = set(), set()
    for line in udev_rules().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        for part in re.split(r",\s*", line.strip()):
            assert pair.fullmatch(part), part
        jumps |= set(re.findall(r'GOTO="(\w+)"', line))
        labels |= set(re.findall(r'LABEL="(\w+)"', line))
    assert jumps == labels


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="no udev here")
def test_udev_takes_the_rules(tmp_path):
    (tmp_path / "60-spectriage.rules").write_text(udev_rules())
    said = subprocess.run(
        ["udevadm", "verify", "--no-summary", str(tmp_path / "60-spectriage.rules")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown command" in said.stderr:
        pytest.skip("this udevadm cannot verify")
    assert said.returncode == 0, said.stderr


def test_the_container_installs_extras_that_there_are():
    import tomllib

    recipe = (DEPLOY / "Containerfile").read_text()
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r'pip install [^"]*"/source\[([a-z,]+)\]"', recipe)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    (entry,) = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', recipe, re.M)
    assert entry in project["scripts"]
    # as root nothing runs, and what is written is in the volume
    assert re.search(r"^USER 10001$", recipe, re.M)
    for variable in ("SPECTRIAGE_CACHE", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        assert f"{variable}=/data" in recipe


@pytest.mark.full
def test_the_container_recipe_is_linted():
    if (hadolint := shutil.which("hadolint")) is None:
        pytest.skip("no hadolint")
    said = subprocess.run(
        [hadolint, str(DEPLOY / "Containerfile")], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout) == (0, "")


def test_a_read_only_root_needs_no_more_than_the_two_directories():
    text = UNIT.read_text()
    assert "ProtectSystem=strict" in text
    written = dict(re.findall(r"(SPECTRIAGE_CACHE|XDG_DATA_HOME|XDG_CONFIG_HOME)=(\S+)", text))
    allowed = ("/var/cache/spectriage", "/var/lib/spectriage")
    assert len(written) == 3
    assert all(path.startswith(allowed) for path in written.values())


def test_a_scan_on_a_read_only_root(starting, tmp_path, library_cache, library):
    """Everything is mounted read-only but the service's own folders, as the unit of systemd does."""
    httpx = pytest.importorskip("httpx")
    if shutil.which("unshare") is None:
        pytest.skip("nothing here makes mounts of its own")
    for folder in (home := tmp_path / "home", temporary := tmp_path / "tmp"):
        folder.mkdir()
    writable = " && ".join(f"mount --bind {path} {path}" for path in (home, temporary, library_cache))
    prefix = (
        *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
        f'{writable} && mount -o remount,bind,ro / && ! touch {tmp_path}/no 2>/dev/null && exec "$@"',
        "sh",
    )
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make mounts of its own")
    arguments = ("--headless", "--device", "sim:caffeine?seed=1")
    with (
        starting(home, library_cache, *arguments, prefix=prefix, TMPDIR=str(temporary)) as (url, _),
        httpx.Client(base_url=url, timeout=WAIT_S) as client,
    ):
        limit = time.monotonic() + WAIT_S
        while client.get("/api/state").json()["phase"] == "starting":
            assert time.monotonic() < limit
            time.sleep(0.05)
        key = client.post("/api/arm", json={"holder": "me"}).json()["arming"]
        client.post("/api/scans", json={"arming": key})
        while (state := client.get("/api/state").json())["phase"] == "scanning":
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert state["problem"] is None
        assert state["result"]["record"] == 1
    assert list((home / "data").rglob("*.db"))
