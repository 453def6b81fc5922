"""What a terminal shows while a scan is taken, and what Ctrl-C says of the laser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

from spectriage.device.contract.capabilities import LaserGateLine, LaserSource, LaserState
from spectriage.device.contract.errors import DeviceError
from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from spectriage.device.acquire.acquisition import Progress
    from spectriage.device.contract.spectrometer import Spectrometer

EXIT_INTERRUPTED = 130

WORDS = {
    "dark": "taking the dark, laser off",
    "exposure": "finding the exposure",
    "scan": "scanning",
    "decide": "deciding",
}


class Waiting:
    """A line on standard error that moves while a scan is taken; nothing where that is no terminal.

    Call it with the acquisition's progress; `stop` takes the line away, and the next call brings it back.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._shown = sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        """Show what is being done and for how long already."""
        if not self._shown:
            return
        if str(progress.stage) == "done":
            self.stop()
            return
        if self._bar is None:
            self._start()
        word = WORDS.get(str(progress.stage), str(progress.stage))
        detail = progress.message.partition(", ")[2]
        times = f"{progress.total} × " if progress.total > 1 else ""
        self._bar.update(self._task, description=f"{word}{f', {times}{detail}' if detail else ''}")

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def stop(self) -> None:
        """Take the line away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def laser_words(device: Spectrometer) -> str:
    """Return what is known of the laser after a scan was broken off, asked of the device now."""
    if isinstance(device, LaserSource):
        try:
            state = device.laser_readback()
        except DeviceError:
            state = LaserState.UNKNOWN
        if state is LaserState.OFF:
            return "the laser is off, verified by reading it back"
        return "THE LASER COULD NOT BE VERIFIED TO BE OFF: switch it off at its key"
    if isinstance(device, LaserGateLine):
        return "the line that gates the laser was commanded off; the light itself cannot be read back"
    return "this program does not control the light of this device: see to it yourself"


@contextmanager
def laser_told(device: Spectrometer) -> Iterator[None]:
    """Let Ctrl-C end the program with code 130, and say first what the device says of its laser."""
    try:
        yield
    except (KeyboardInterrupt, SpectriageError) as error:
        if not _was_interrupted(error):
            raise
        # The guard has commanded the laser off on the way out; this asks the device once more.
        typer.echo(f"spectriage: interrupted; {laser_words(device)}", err=True)
        if isinstance(error, SpectriageError):
            typer.echo(f"spectriage: error: {error}", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error, as when a driver was abandoned in the middle of a transfer."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
