"""The one program `spectriage`: its subcommands come from the entry points of the four packages.

Only the subcommand that was asked for is imported: identifying a file loads no driver and no benchmark.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from importlib import metadata
from typing import Annotated, Any

import typer

from spectriage.spectra.compile.collector import lasting
from spectriage.spectra.errors import SpectriageError

GROUP = "spectriage.commands"
EXIT_FAILED = 2
EXIT_INTERRUPTED = 130

HELP = "Presumptive identification of unknown materials from their Raman spectra."


def _commands() -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in sorted(metadata.entry_points(group=GROUP), key=lambda p: p.name)}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"spectriage {metadata.version('spectriage')}")
        raise typer.Exit


def build_app(points: Iterable[metadata.EntryPoint]) -> typer.Typer:
    """Return the program with these subcommands.

    A subcommand whose package cannot be imported is left out and named on standard error: it must not take
    the others with it.
    """
    app = typer.Typer(
        name="spectriage",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
        ] = False,
    ) -> None:
        """Hold the options of the program itself."""

    for point in points:
        try:
            command: Any = point.load()
        except ImportError as error:
            print(f"spectriage: the command {point.name!r} is not available: {error}", file=sys.stderr)
            continue
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=point.name)
        else:
            app.command(point.name)(command)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the program: exit code 2 and one line on standard error for whatever goes wrong."""
    words = sys.argv[1:] if arguments is None else arguments
    commands = _commands()
    asked = next((word for word in words if not word.startswith("-")), "")
    points = [commands[asked]] if asked in commands else list(commands.values())
    try:
        with lasting():
            app = build_app(points)
        app(args=words, prog_name="spectriage")
    except SpectriageError as error:
        print(f"spectriage: error: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    finally:
        if arguments is None:
            # the process ends: the memory goes back whole, without a last search for garbage
            gc.freeze()


if __name__ == "__main__":
    main()
