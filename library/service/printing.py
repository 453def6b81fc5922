"""Giving answers out: a screen or a line each, JSON lines, errors, a table of many, a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from spectriage.library.service.answers import Answer
from spectriage.spectra.terminal import print_json
from spectriage.spectra.verdict import RAISED, Verdict

VERDICT_WIDTH = max(len(verdict) for verdict in Verdict)


def print_answer(item: Answer, *, as_json: bool, explain: bool = False) -> None:
    """Print one answer: a JSON line, a screen, or a line on standard error."""
    if as_json:
        print_json(item.to_json())
        return
    from rich.console import Console

    if item.result is None:
        print_error(item)
        return
    from spectriage.spectra.report import show

    console = Console()
    show(item.result, console, title=item.name, explain=explain)
    console.print()


def print_error(item: Answer) -> None:
    """Print on standard error why one input has no answer."""
    where = f"{item.name}: " if item.error is not None and not item.error.where else ""
    print(f"spectriage: error: {where}{item.error}", file=sys.stderr, flush=True)


def print_line(item: Answer) -> None:
    """Print one answer among many in one line: mark, verdict, input, summary; cut to a terminal's width."""
    if item.result is None:
        print_error(item)
        return
    from rich.console import Console
    from rich.text import Text

    from spectriage.spectra.report import MARKS
    from spectriage.spectra.verdict.identification import AXIS_ASSUMED

    result = item.result
    mark, style = MARKS[result.verdict]
    verdict = result.verdict.replace("_", " ").ljust(VERDICT_WIDTH)
    line = Text.assemble((f"{mark} {verdict}", style), f"  {item.name}: {result.summary}")
    if AXIS_ASSUMED in result.notes:
        line.append(f" {AXIS_ASSUMED}")
    console = Console()
    if console.is_terminal:
        console.print(line, no_wrap=True, overflow="ellipsis")
    else:
        # a pipe is read by programs and kept in files: nothing is cut there
        print(line.plain, flush=True)


def print_summary(items: Sequence[Answer]) -> None:
    """Print how many of many inputs have which verdict, the most serious first, and which alarm."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("verdict")
    table.add_column("files", justify="right")
    table.add_column("which", overflow="fold")
    for verdict in Verdict:
        names = [item.name for item in items if item.result is not None and item.result.verdict is verdict]
        if names:
            which = ", ".join(names) if verdict in RAISED else ""
            table.add_row(verdict.replace("_", " "), str(len(names)), Text(which))
    unread = [item.name for item in items if item.result is None]
    if unread:
        table.add_row("not read", str(len(unread)), Text(", ".join(unread)))
    console = Console()
    console.print(table)
    console.print("Presumptive results. Give one file alone, or --explain, to see why and what to do next.")


def write_plot(item: Answer, path: Path) -> None:
    """Write the plot of one answer."""
    from spectriage.spectra.report import plot

    if item.result is not None:
        plot(item.result, path, title=Path(item.name).name)
