"""The command group `spectriage operator`: who may arm the laser on the screen, by PIN."""

from __future__ import annotations

from typing import Annotated

import typer

from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

app = typer.Typer(no_args_is_help=True, help="Who may arm the laser of `spectriage serve`, by PIN.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As it is recorded with each scan.")]


@app.command()
def add(
    name: NameArgument,
    pin: Annotated[
        str,
        typer.Option(
            "--pin", prompt="PIN", hide_input=True, confirmation_prompt=True, help="Asked for if not given."
        ),
    ],
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="May also choose the policy on the screen.")
    ] = False,
) -> None:
    """Add an operator, or give one another PIN; from then on nobody arms without logging in."""
    from spectriage.device.serve.operators import Operators, operators_path

    path = operators_path()
    Operators(path).add(name, pin, supervisor=supervisor)
    typer.echo(f"{name} may log in. Kept in {path}, the PIN as an scrypt hash.")


@app.command()
def remove(name: NameArgument) -> None:
    """Remove an operator; without any, nobody has to log in."""
    from spectriage.device.serve.operators import Operators, operators_path

    Operators(operators_path()).remove(name)
    typer.echo(f"{name} may no longer log in.")


@app.command("list")
def list_operators(as_json: JsonOption = False) -> None:
    """Print the operators' names, one a line."""
    from spectriage.device.serve.operators import Operators, operators_path

    names = Operators(operators_path()).names()
    if as_json:
        print_json({"schema": 1, "operators": list(names)})
        return
    for name in names:
        typer.echo(name)
