"""`Service` and `Page`: `spectriage serve` in a process of its own, and one browser's page of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HANDHELD = {"width": 800, "height": 480}
WAIT_MS = 120_000.0
POLL_S = 0.02
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


Done = Callable[[int], None]
"""Called with how many of the times are done, after each."""


def ignore(count: int) -> None:
    """Do nothing."""


class Service:
    """`spectriage serve` on a free port of loopback, recording into a folder; a context manager.

    Parameters
    ----------
    device
        URI.
    folder
        For its journal, its settings and the user's data.
    """

    def __init__(self, device: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        home = {"XDG_DATA_HOME": str(folder), "SPECTRIAGE_CONFIG": str(folder / "settings.toml")}
        command = [sys.executable, "-m", "spectriage.spectra.cli", "serve", "--port", "0", "--device", device]
        self._errors = folder / "errors"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(command, env={**os.environ, **home}, stderr=errors)
        self.url = self._address()

    def _address(self) -> str:
        while self.process.poll() is None:
            if found := re.search(r"open (http://\S+)", self._errors.read_text()):
                return found.group(1).replace("localhost", "127.0.0.1")
            time.sleep(POLL_S)
        raise ParameterError("the service did not start", where=self._errors.read_text()[-300:])

    def resident_bytes(self) -> int:
        """Memory that it holds now; on Linux only."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    def kill(self) -> None:
        """End it as no handler sees it."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30.0)
            except subprocess.TimeoutExpired:
                self.kill()


class Page:
    """One browser's page, and its keys.

    Parameters
    ----------
    browser
        Playwright's.
    url
        Of the service.
    query
        What the address ends with, as ``?lang=es``.
    size
        Of the window, pixels; the handheld's if None.
    """

    def __init__(
        self, browser: Browser, url: str, query: str = "", size: dict[str, int] | None = None
    ) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(viewport=size or HANDHELD)  # type: ignore[arg-type]
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.goto(f"{url}{query}")
        self.page.wait_for_selector("[data-key=continue]")
        # the key goes nowhere while the instrument is still being checked
        self.page.wait_for_function(
            "() => fetch('/api/state').then(said => said.json()).then(state => state.phase !== 'starting')"
        )
        self.press("continue")

    def press(self, *names: str) -> None:
        """Press keys, one after the other."""
        for name in names:
            self.page.click(f"[data-key={name}]")

    def fire(self) -> None:
        """Arm and start a scan."""
        self.press("scan", "arm", "fire")

    def verdict(self) -> str:
        """Wait for a result and return its verdict."""
        shown = self.page.locator("[data-verdict]")
        shown.wait_for()
        return str(shown.get_attribute("data-verdict"))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the API, as a program beside the page does."""
        answer = self.context.request.fetch(f"{self.url}api/{path}", method=method, data=body)
        if not answer.ok:
            raise ParameterError(f"{method} {path} was answered by {answer.status}", where=answer.text())
        return answer.json()

    def close(self) -> None:
        """Close it, with everything that belongs to it."""
        self.context.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium.

    Raises
    ------
    ParameterError
        There is none, or Playwright is not installed.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise ParameterError(
            "the screen is measured through Playwright", remedy="pip install playwright"
        ) from error
    if program is None:
        raise ParameterError("no Chromium was found", remedy="install the system's package chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
