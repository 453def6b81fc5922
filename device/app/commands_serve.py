"""The command `spectriage serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.options import RECORD, JournalOption, LibraryOption, PolicyOption

NETWORK = "Network"
TRAINING = "sim:street-sample?realtime=1&seed=1"
TOKEN = "SPECTRIAGE_TOKEN"


def serve(
    device: Annotated[
        str,
        typer.Option(
            "--device",
            "-d",
            metavar="URI",
            help="Which spectrometer; `spectriage devices` lists those there are.",
            show_default="training on the simulator",
        ),
    ] = TRAINING,
    library: LibraryOption = None,
    policy: PolicyOption = "border",
    language: Annotated[str, typer.Option("--language", help="Of the screen: en or es.")] = "en",
    journal: JournalOption = None,
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", help="Calibration file.", show_default="the unit's stored one"),
    ] = None,
    safe_power_mw: Annotated[
        float | None,
        typer.Option(
            "--safe-mw",
            min=0.0,
            help="Power for an unknown sample, mW.",
            show_default="a tenth of the highest",
        ),
    ] = None,
    fixed_power: Annotated[
        bool, typer.Option("--fixed-power", help="Accept a laser whose power cannot be set.")
    ] = False,
    headless: Annotated[bool, typer.Option("--headless", help="The JSON API alone, no screen.")] = False,
    operator: Annotated[
        str, typer.Option("--operator", help="Recorded with each scan.", rich_help_panel=RECORD)
    ] = "",
    place: Annotated[
        str, typer.Option("--place", help="Recorded with each scan.", rich_help_panel=RECORD)
    ] = "",
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help=f"Address to listen on; any but loopback needs ${TOKEN}, --certificate and --key.",
            rich_help_panel=NETWORK,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.", rich_help_panel=NETWORK)
    ] = 8385,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", help="PEM file for TLS.", show_default="", rich_help_panel=NETWORK),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Its private key.", show_default="", rich_help_panel=NETWORK)
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name",
            help="Host name under which pages ask; repeat for several.",
            show_default="",
            rich_help_panel=NETWORK,
        ),
    ] = None,
) -> None:
    """Serve the touch screen and the JSON API of one spectrometer, on this machine alone by default."""
    from spectriage.device.session import ScanPlan

    try:
        from spectriage.device.serve import Binding, Scans, Setup
        from spectriage.device.serve import serve as serve_until_stopped
    except ImportError as error:
        raise ParameterError(
            f"the screen needs {error.name}", remedy='install the extra: pip install "spectriage[app]"'
        ) from error
    binding = Binding(host, port, os.environ.get(TOKEN, ""), certificate, key, tuple(name or ()))
    plan = ScanPlan(auto=True, safe_power_mw=safe_power_mw, fixed_power=fixed_power)
    from spectriage.device.serve.operators import operators_path

    setup = Setup(
        device,
        journal or default_journal(),
        library,
        calibration,
        plan,
        policy,
        operator,
        place,
        operators_path(),
    )
    serve_until_stopped(Scans(setup), binding, screen=not headless, language=language, ready=_say)


def default_journal() -> Path:
    """Return the configured journal, or the user's own."""
    from platformdirs import user_data_path

    from spectriage.library.journal import journal_settings

    configured = journal_settings().path
    return Path(configured).expanduser() if configured else user_data_path("spectriage") / "journal.db"


def _say(url: str) -> None:
    typer.echo(f"Spectriage: open {url} in a browser. Ctrl-C ends it.", err=True)
