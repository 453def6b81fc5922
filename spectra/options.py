"""Options that several commands of the program share, so that they are called and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ENGINE = "Engine"
OUTPUT = "Output"
INPUT = "Input"
MANY = "Many files, other programs"
RECORD = "Record"

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        "-l",
        help="Library file.",
        show_default="the shipped catalogue",
        rich_help_panel=ENGINE,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object a line.", rich_help_panel=OUTPUT)
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", help="Write a picture to this .png, .svg or .pdf file.", rich_help_panel=OUTPUT),
]
ExplainOption = Annotated[
    bool,
    typer.Option(
        "--explain", help="List the bands that decided, and the alternatives.", rich_help_panel=OUTPUT
    ),
]
PackagingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--packaging",
        metavar="auto|none|NAME",
        help="What the sample may be wrapped in; a name may be repeated, e.g. ldpe. "
        "`spectriage library list --class packaging` lists them.",
        show_default="auto: any packaging of the library",
        rich_help_panel=ENGINE,
    ),
]
PolicyOption = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        help="What is watched for: border, drug-checking, explosives, or a TOML file.",
        rich_help_panel=ENGINE,
    ),
]
LodOption = Annotated[
    float | None,
    typer.Option(
        "--lod",
        help="Share of the signal (above 0, below 1) that every watched target must be visible at.",
        show_default="each target's mass, from the policy",
        rich_help_panel=ENGINE,
    ),
]
JournalOption = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        "-j",
        help="Record in this journal.",
        show_default="the configured one",
        rich_help_panel=RECORD,
    ),
]
ItemOption = Annotated[
    str, typer.Option("--item", help="Number of the item, recorded with the answer.", rich_help_panel=RECORD)
]
