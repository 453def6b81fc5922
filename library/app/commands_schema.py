"""The command `spectriage schema`: what other programs send and get, as JSON Schema."""

from __future__ import annotations

from enum import StrEnum
from importlib import resources
from typing import Annotated

import typer


class Schema(StrEnum):
    """The schemas there are."""

    RESULT = "result"
    STREAM = "stream"


def schema(
    name: Annotated[
        Schema,
        typer.Argument(
            help="result: the object that --json prints. stream: requests and answers of identify --stream."
        ),
    ],
) -> None:
    """Print a JSON Schema (draft 2020-12) of what other programs send and get."""
    print(schema_text(name), end="")


def schema_text(name: str) -> str:
    """Return the text of a schema.

    Parameters
    ----------
    name
        ``result`` or ``stream``.
    """
    folder = resources.files("spectriage.library.service") / "schemas"
    return (folder / f"{name}.json").read_text(encoding="utf-8")
