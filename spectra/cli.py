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
from spectriage.spectra.terminal import allow_plain, make_sturdy, output_lost

GROUP = "spectriage.commands"
EXIT_FAILED = 2
EXIT_INTERRUPTED = 130

HELP = """Presumptive identification of unknown materials from their Raman spectra.

Start with `spectriage identify FILE`, or without a file with `spectriage scan -d sim:acetaminophen`."""

PANELS = {
    "Identify a material": ("identify", "scan", "serve"),
    "Set up an instrument": ("devices", "calibrate", "check", "operator", "warmup", "doctor"),
    "References": ("library",),
    "For integrators": ("schema",),
    "Records": ("journal", "fleet"),
    "For laboratories and benchmarks": ("rescore", "validate", "bench"),
}
"""The subcommands by who needs them; others, of third parties, follow under `OTHERS`."""
OTHERS = "Others"


def _commands() -> dict[str, metadata.EntryPoint]:
    found = {point.name: point for point in sorted(metadata.entry_points(group=GROUP), key=lambda p: p.name)}
    order = [name for names in PANELS.values() for name in names if name in found]
    return {name: found[name] for name in (*order, *(name for name in found if name not in order))}


def _panel(name: str) -> str:
    return next((panel for panel, names in PANELS.items() if name in names), OTHERS)


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
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        # a square bracket in a help text is a square bracket
        rich_markup_mode="markdown",
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
        panel = _panel(point.name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=point.name, rich_help_panel=panel)
        else:
            app.command(point.name, rich_help_panel=panel)(command)
    return app


def _asked(words: list[str], commands: dict[str, metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    """Return the subcommand that comes first, or all: `spectriage --help` lists every one."""
    return [commands[words[0]]] if words and words[0] in commands else list(commands.values())


def main(arguments: list[str] | None = None) -> None:
    """Run the program: exit code 2 and one line on standard error for whatever goes wrong.

    Standard output that cannot be written changes no exit code that is a verdict; where it was lost for
    another reason than a reader who left, the exit code is not 0.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        make_sturdy()
    else:
        allow_plain()
    code: Any = 0
    try:
        with lasting():
            app = build_app(_asked(words, _commands()))
        app(args=words, prog_name="spectriage")
    except SpectriageError as error:
        print(f"spectriage: error: {error}", file=sys.stderr)
        code = EXIT_FAILED
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except SystemExit as end:
        code = end.code
    lost = output_lost()
    if lost is not None:
        print(f"spectriage: error: standard output cannot be written: {lost.strerror}", file=sys.stderr)
        code = code or EXIT_FAILED
    if arguments is None:
        # the process ends: the memory goes back whole, without a last search for garbage
        gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
