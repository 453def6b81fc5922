"""A service in a process of its own, and a real browser; skipped where there is no Chromium."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# what the tests of the screen share
sys.path.insert(0, str(Path(__file__).parent))

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextlib.contextmanager
def running(home: Path, cache: Path, *arguments: str) -> Iterator[str]:
    """Run `spectriage serve` on a free port of loopback; give its URL; end it like systemd does."""
    with started(home, cache, *arguments) as (url, _):
        yield url.replace("localhost", "127.0.0.1")


@contextlib.contextmanager
def started(
    home: Path, cache: Path, *arguments: str, prefix: tuple[str, ...] = (), **variables: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `spectriage serve` on a free port; give its URL and its process; end it like systemd does."""
    environment = {
        **os.environ,
        "SPECTRIAGE_CACHE": str(cache),
        "SPECTRIAGE_CONFIG": str(home / "settings.toml"),
        "XDG_DATA_HOME": str(home / "data"),
        **variables,
    }
    command = [*prefix, sys.executable, "-m", "spectriage.spectra.cli", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"open (https?://\S+)", line):
                yield found.group(1), process
                break
        else:
            raise AssertionError(said)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
            process.stderr.close()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def own_network():
    """What to start a program with, so that it has a network of its own: loopback, and 192.0.2.1 on it."""
    # an address of documentation (RFC 5737) that is not loopback's; no packet of it leaves this machine
    up = 'ip link set lo up && ip address add 192.0.2.1/32 dev lo && exec "$@"'
    prefix = ("unshare", "--net", "sh", "-c", up, "sh")
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("nothing here makes a network of its own")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a network of its own")
    return prefix


@contextlib.contextmanager
def inside(browser, process, folder: Path):
    """Start a browser in a process' network; give it, and what enters that network."""
    enter = ("nsenter", "--net", "--target", str(process.pid))
    program = folder / "chromium"
    program.write_text(f'#!/bin/sh\nexec {" ".join(enter)} {CHROMIUM} "$@"\n')
    program.chmod(0o700)
    opened = browser.browser_type.launch(executable_path=str(program), args=ARGUMENTS)
    try:
        yield opened, enter
    finally:
        opened.close()


@pytest.fixture(scope="session")
def warmed(library_cache, library):
    """Everything compiled beforehand, as the unit of systemd does: no test waits for that."""
    command = [sys.executable, "-m", "spectriage.spectra.cli", "warmup"]
    subprocess.run(command, env={**os.environ, "SPECTRIAGE_CACHE": str(library_cache)}, check=True)


@pytest.fixture(scope="session")
def starting(warmed):
    """`started`, for tests that do something to the process."""
    return started


@pytest.fixture(scope="session")
def serving(warmed):
    """`running`, for tests that start services of their own."""
    return running
