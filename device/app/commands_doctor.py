"""The command `spectriage doctor`."""

from __future__ import annotations

import typer

from spectriage.spectra.options import JournalOption, JsonOption, LibraryOption
from spectriage.spectra.terminal import print_json

EXIT_FAILED = 2
MARKS = {"ok": "ok  ", "attention": "note", "failed": "FAIL"}


def doctor(library: LibraryOption = None, journal: JournalOption = None, as_json: JsonOption = False) -> None:
    """Check this installation, and say what to mend. Exit code 2 where something needed is missing."""
    from spectriage.device.serve.doctor import examine

    failed = False
    for finding in examine(journal, library):
        failed |= finding.state == "failed"
        if as_json:
            print_json({"schema": 1, **finding._asdict()})
            continue
        typer.echo(f"{MARKS[finding.state]}  {finding.about}: {finding.said}")
        if finding.remedy and finding.state != "ok":
            typer.echo(f"      → {finding.remedy}")
    raise typer.Exit(EXIT_FAILED if failed else 0)
