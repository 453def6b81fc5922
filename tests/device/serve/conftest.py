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
    environment = {
        **os.environ,
        "SPECTRIAGE_CACHE": str(cache),
        "SPECTRIAGE_CONFIG": str(home / "settings.toml"),
        "XDG_DATA_HOME": str(home / "data"),
    }
    command = [sys.executable, "-m", "spectriage.spectra.cli", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"open (http://\S+)", line):
                yield found.group(1).replace("localhost", "127.0.0.1")
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
def serving():
    """`running`, for tests that start services of their own."""
    return running
