"""The commands `spectriage fleet …`: many units' journals in one store."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

app = typer.Typer(
    help="Bring several units' journals together, and see what they saw.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StoreOption = Annotated[
    str,
    typer.Option("--store", "-s", help="SQLite file, or a URL such as postgresql+psycopg://user@host/name."),
]


@app.command()
def merge(
    journals: Annotated[list[Path], typer.Argument(help="Journals, each with its signed head beside it.")],
    store: StoreOption,
    key: Annotated[
        str, typer.Option("--key", help="The unit's public key in hexadecimal, from elsewhere (one journal).")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Verify journals and bring them into a store; again is no change."""
    from spectriage.library.fleet import merge as merged
    from spectriage.library.service import progress_bar

    if key and len(journals) != 1:
        raise ParameterError("--key is of one unit", remedy="merge its journal by itself")
    try:
        public = bytes.fromhex(key) if key else None
    except ValueError:
        raise ParameterError("the key is not hexadecimal", where="--key") from None
    for path in journals:
        with progress_bar() as progress:
            made = merged(path, store, public_key=public, progress=progress)
        if as_json:
            print_json({"schema": 1, "file": str(path), **vars(made)})
        else:
            print(f"{path}: {made.records} records, {made.new} of them new")


@app.command()
def summary(
    store: StoreOption,
    by: Annotated[
        str, typer.Option("--by", help="Of day, unit, place, target, verdict, separated by commas.")
    ] = "day,verdict",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count what was seen."""
    from spectriage.library.fleet import open_store
    from spectriage.library.fleet import summary as counted

    names = [name.strip() for name in by.split(",") if name.strip()]
    with open_store(store) as (connection, meta):
        rows = counted(connection, meta, names)
    if as_json:
        for row in rows:
            print_json({"schema": 1, **row})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, [*names, "scans"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(*names, "scans")
        for row in rows:
            table.add_row(*(str(row[name]) or "–" for name in (*names, "scans")))
        Console().print(table)


@app.command()
def charts(
    store: StoreOption,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw them into this PNG, SVG or PDF.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold every unit's limits, axis and alarms against control limits; name the days outside them."""
    from spectriage.library.fleet import control_charts, open_store, plot_charts

    with open_store(store) as (connection, meta):
        made = control_charts(connection, meta)
    if plot is not None:
        plot_charts(made, plot)
    for chart in made:
        if as_json:
            print_json({"schema": 1, **chart.to_json()})
        else:
            out = ", ".join(chart.to_json()["out"]) or "in control"
            print(f"{chart.unit}  {chart.measure:<7}  {out}")
