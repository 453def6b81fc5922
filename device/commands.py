"""The commands `spectriage scan` and `spectriage devices`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from rich.console import Console

    from spectriage.device.protocol import Spectrometer
    from spectriage.device.rawscan import RawScan
    from spectriage.device.registry import FoundDevice

EXIT_FAILED = 2

DeviceOption = Annotated[
    str,
    typer.Option("--device", "-d", help="Device URI, e.g. sim:caffeine; `spectriage devices` lists them."),
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Write the scan to this CSV.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
PlotOption = Annotated[Path | None, typer.Option("--plot", help="Write a plot to this PNG.")]
IntegrationOption = Annotated[
    float | None, typer.Option("--integration-ms", min=0.001, help="Length of one exposure.")
]
AccumulationsOption = Annotated[
    int | None, typer.Option("--accumulations", min=1, max=10_000, help="Exposures averaged.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0.1, help="Seconds allowed; from the exposure if not given.")
]
LibraryOption = Annotated[
    Path | None, typer.Option("--library", "-l", help="Library file; the shipped catalogue if not given.")
]


def scan(
    device: DeviceOption,
    library: LibraryOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
    out: OutOption = None,
    integration_ms: IntegrationOption = None,
    accumulations: AccumulationsOption = None,
    timeout_s: TimeoutOption = None,
) -> None:
    """Take one scan with a spectrometer and say what it shows."""
    try:
        raw = _take(device, integration_ms, accumulations, timeout_s)
        if out is not None:
            from spectriage.device.scanfile import write_scan

            write_scan(raw, out)
    except SpectriageError as error:
        raise typer.Exit(_failed(error, device, as_json)) from error
    raise typer.Exit(_identify(raw, device, library, as_json, plot))


def _take(
    uri: str, integration_ms: float | None, accumulations: int | None, timeout_s: float | None
) -> RawScan:
    from spectriage.device.acquisition import Acquirer, scan_time_s
    from spectriage.device.clock import Deadline
    from spectriage.device.uri import open_device

    with open_device(uri) as spectrometer:
        _configure(spectrometer, integration_ms, accumulations)
        acquirer = Acquirer(spectrometer)
        seconds = timeout_s or 3.0 * scan_time_s(acquirer.settings) + 10.0
        return acquirer.scan(Deadline.after(seconds, spectrometer.clock))


def _configure(device: Spectrometer, integration_ms: float | None, accumulations: int | None) -> None:
    from spectriage.device.protocol import ScanSettings

    present = device.settings or ScanSettings()
    device.configure(
        ScanSettings(
            present.integration_ms if integration_ms is None else integration_ms,
            present.accumulations if accumulations is None else accumulations,
        )
    )


def _failed(error: SpectriageError, name: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"schema": 1, "input": name, "error": str(error)}, ensure_ascii=False))
    else:
        _console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
    return EXIT_FAILED


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def _identify(raw: RawScan, name: str, library: Path | None, as_json: bool, plot: Path | None) -> int:
    from spectriage.library.commands_identify import answer, exit_code, make_engine, print_answer, write_plot

    made = answer(make_engine(library), name, raw.to_spectrum(), traces=plot is not None)
    print_answer(made, as_json=as_json)
    if plot is not None:
        write_plot(made, plot)
    return exit_code([made])


def devices(as_json: JsonOption = False) -> None:
    """List the kinds of device, the devices found, and what is missing for each."""
    listing = [_survey(scheme) for scheme in sorted(_schemes())]
    if as_json:
        for entry in listing:
            print(json.dumps(entry, ensure_ascii=False))
        return
    console = _console()
    for entry in listing:
        _show(console, entry)


def _schemes() -> list[str]:
    from spectriage.device.registry import registered

    return list(registered())


def _survey(scheme: str) -> dict[str, Any]:
    """Return what there is to say of one scheme."""
    from spectriage.device.registry import load_driver, registered

    entry: dict[str, Any] = {"schema": 1, "scheme": scheme, "summary": "", "devices": [], "missing": ""}
    try:
        driver = load_driver(registered()[scheme])
        entry["summary"] = driver.summary
        entry["devices"] = [_found(device) for device in driver.discover()]
    except SpectriageError as error:
        entry["missing"] = str(error)
    except Exception as error:
        # A third party's driver may raise anything; the others are still to be listed.
        entry["missing"] = f"the driver failed to look for devices: {type(error).__name__}: {error}"
    return entry


def _found(device: FoundDevice) -> dict[str, str]:
    return {
        "uri": device.uri,
        "summary": device.summary,
        "readiness": str(device.readiness),
        "remedy": device.remedy,
    }


def _show(console: Console, entry: dict[str, Any]) -> None:
    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    line(f"{entry['scheme']}:  {entry['summary']}".rstrip())
    if entry["missing"]:
        line(f"    missing: {entry['missing']}")
    elif not entry["devices"]:
        line("    none found")
    for device in entry["devices"]:
        line(f"    {device['uri']}  {device['summary']} [{device['readiness']}]")
        if device["remedy"]:
            line(f"        {device['remedy']}")
