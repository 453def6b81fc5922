"""Where a benchmark's report goes: tables on a screen, JSON on standard output, JSON in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.bench.report.tables import Report

PRINTED_WIDTH = 200


def check_folder(out: Path | None) -> None:
    """Refuse before hours of work a file that could not be written after them.

    Raises
    ------
    ParameterError
        When its folder is not there.
    """
    if out is not None and not out.absolute().parent.is_dir():
        raise ParameterError("there is no such folder", where=str(out.parent), remedy="make it first")


def give_out(report: Report, as_json: bool, out: Path | None) -> None:
    """Print a report's tables, or its JSON in one line, and write the JSON where that was asked for."""
    from rich.console import Console

    from spectriage.bench.report.tables import finite

    if as_json:
        print_json(finite(report.to_json()))
    else:
        console = Console()
        report.show(console if console.is_terminal else Console(width=PRINTED_WIDTH))
    if out is not None:
        report.write(out)
