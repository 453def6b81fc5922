"""Giving one answer out: a screen, a JSON line, an error, a picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spectriage.library.service.answers import Answer


def print_answer(item: Answer, *, as_json: bool, explain: bool = False) -> None:
    """Print one answer: a JSON line, a screen, or a line on standard error."""
    if as_json:
        print(json.dumps(item.to_json(), ensure_ascii=False), flush=True)
        return
    from rich.console import Console

    if item.result is None:
        where = f"{item.name}: " if item.error is not None and not item.error.where else ""
        print(f"spectriage: error: {where}{item.error}", file=sys.stderr)
        return
    from spectriage.spectra.report import show

    console = Console()
    show(item.result, console, title=item.name, explain=explain)
    console.print()


def write_plot(item: Answer, path: Path) -> None:
    """Write the plot of one answer."""
    from spectriage.spectra.report import plot

    if item.result is not None:
        plot(item.result, path, title=Path(item.name).name)
