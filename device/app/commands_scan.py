"""The commands `spectriage scan` and `spectriage devices`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.errors import SpectriageError

if TYPE_CHECKING:
    from rich.console import Console

    from spectriage.device.acquire.acquisition import Acquirer
    from spectriage.device.contract.rawscan import RawScan
    from spectriage.device.contract.registry import FoundDevice
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum
    from spectriage.spectra.verdict import Identification

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
PackagingOption = Annotated[
    list[str] | None, typer.Option("--packaging", help="auto, none, or names; may be repeated.")
]
LodOption = Annotated[
    float | None, typer.Option("--lod", help="Spectral fraction that watched targets must be visible at.")
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="List the bands that decided, and the alternatives.")
]
CalibrationOption = Annotated[
    Path | None, typer.Option("--calibration", help="Calibration file; the unit's stored one if not given.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Conclude in spite of an expired, failed or foreign calibration.")
]
CarefulOption = Annotated[
    bool, typer.Option("--careful", help="Lowest laser power first: dark or energetic material can ignite.")
]
DelayOption = Annotated[
    float, typer.Option("--delay", min=0.0, max=60.0, help="Seconds of countdown before the laser fires.")
]
AutoOption = Annotated[bool, typer.Option("--auto", help="Find the exposure: 60-85 % of full scale.")]
SecondsOption = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, help="Accumulate until the decision is clear, so long at most."),
]

SpotsOption = Annotated[
    int,
    typer.Option(
        "--spots",
        min=1,
        max=100,
        help="Measure so many spots of an uneven item, each decided by itself; the item has the most serious "
        "verdict. Asks for the next spot unless the device moves the item. --out and --plot number files.",
    ),
]


def scan(
    device: DeviceOption,
    library: LibraryOption = None,
    as_json: JsonOption = False,
    plot: PlotOption = None,
    out: OutOption = None,
    explain: ExplainOption = False,
    packaging: PackagingOption = None,
    lod: LodOption = None,
    auto: AutoOption = False,
    seconds: SecondsOption = None,
    integration_ms: IntegrationOption = None,
    accumulations: AccumulationsOption = None,
    timeout_s: TimeoutOption = None,
    calibration: CalibrationOption = None,
    force: ForceOption = False,
    careful: CarefulOption = False,
    delay_s: DelayOption = 0.0,
    spots: SpotsOption = 1,
) -> None:
    """Take one scan with a spectrometer, or several of one item, and say what it shows.

    Exit code: 10 alarm, 11 warning, 12 inconclusive, 0 no alarm; 2 when no scan could be taken.
    """
    from spectriage.library.service import Answer, exit_code, make_engine
    from spectriage.library.service import answer as identify_spectrum
    from spectriage.library.service.printing import print_answer, write_plot

    if plot is not None:
        from spectriage.spectra.report import require_matplotlib

        require_matplotlib()
    engine = make_engine(library, packaging, lod)
    request = ScanRequest(
        device, auto, seconds, integration_ms, accumulations, timeout_s, careful=careful, delay_s=delay_s
    )
    if spots > 1:
        from spectriage.device.app.commands_spots import Outputs, scan_spots

        outputs = Outputs(as_json, explain, out, plot, calibration, force)
        raise typer.Exit(scan_spots(request, engine, spots, outputs))
    try:
        raw = take_scan(request, engine)
        if out is not None:
            from spectriage.device.acquire.scanfile import write_scan

            write_scan(raw, out)
        spectrum, health = calibrated(raw, calibration, force=force)
        answer = identify_spectrum(engine, device, spectrum, traces=plot is not None, health=health)
    except SpectriageError as error:
        answer = Answer(device, error=error)
    print_answer(answer, as_json=as_json, explain=explain)
    if plot is not None:
        write_plot(answer, plot)
    raise typer.Exit(exit_code([answer]))


@dataclass(frozen=True)
class ScanRequest:
    """What `spectriage scan` was asked for; None where the device's own setting holds."""

    uri: str
    auto: bool = False
    seconds: float | None = None
    integration_ms: float | None = None
    accumulations: int | None = None
    timeout_s: float | None = None
    careful: bool = False
    delay_s: float = 0.0


def take_scan(request: ScanRequest, engine: Identifier) -> RawScan:
    """Open the device, take the scan and close it, the laser off on every way out.

    Raises
    ------
    SpectriageError
        What went wrong.
    """
    from spectriage.device.acquire.accumulate import accumulate
    from spectriage.device.acquire.acquisition import Acquirer, powered_light, scan_time_s
    from spectriage.device.acquire.exposure import auto_expose
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.contract.uri import open_device

    with open_device(request.uri) as spectrometer:
        configure(spectrometer, request.integration_ms, request.accumulations)
        acquirer = Acquirer(spectrometer, light=powered_light(delay_s=request.delay_s, countdown=countdown))
        if request.careful:
            return take_carefully(acquirer, request, engine)
        if request.auto:
            auto_expose(acquirer, Deadline.after(request.timeout_s or 120.0, spectrometer.clock))
        if request.seconds is not None:
            until = Deadline.after(request.seconds, spectrometer.clock)
            return accumulate(acquirer, engine.identify, is_clear, until).raw
        allowed = request.timeout_s or 3.0 * scan_time_s(acquirer.settings) + request.delay_s + 10.0
        return acquirer.scan(Deadline.after(allowed, spectrometer.clock))


def take_carefully(acquirer: Acquirer, request: ScanRequest, engine: Identifier) -> RawScan:
    """Scan at low power first; the reason for staying there goes to the screen and into the scan.

    Raises
    ------
    DeviceError
        What went wrong; the light is out.
    """
    from spectriage.device.acquire.acquisition import scan_time_s
    from spectriage.device.acquire.careful import careful_scan
    from spectriage.device.contract.clock import Deadline

    allowed = request.timeout_s or 9.0 * scan_time_s(acquirer.settings) + request.delay_s + 10.0
    result = careful_scan(
        acquirer,
        engine.identify,
        _objection,
        Deadline.after(allowed, acquirer.device.clock),
        delay_s=request.delay_s,
        countdown=countdown,
    )
    if not result.reason:
        return result.raw
    typer.echo(f"Full laser power was not used: {result.reason}", err=True)
    return replace(result.raw, metadata={**result.raw.metadata, "laser_limited": result.reason})


def _objection(identification: Identification) -> str:
    """Return why what was found must not get full laser power; empty when it may."""
    from spectriage.spectra.reference import Hazard

    for component in identification.components:
        if component.reference.hazard in (Hazard.EXPLOSIVE, Hazard.OXIDISER):
            return f"{component.reference.substance} could ignite."
    return ""


def countdown(left_s: float) -> None:
    """Tell how long it is until the laser fires."""
    typer.echo(f"laser in {left_s:.0f} s" if left_s > 0 else "laser on", err=True)


def is_clear(identification: Identification) -> bool:
    """Whether a decision needs no more light."""
    return str(identification.verdict) != "INCONCLUSIVE"


def configure(device: Spectrometer, integration_ms: float | None, accumulations: int | None) -> None:
    """Set the exposure; None leaves the device's own."""
    from spectriage.device.contract.spectrometer import ScanSettings

    present = device.settings or ScanSettings()
    device.configure(
        ScanSettings(
            present.integration_ms if integration_ms is None else integration_ms,
            present.accumulations if accumulations is None else accumulations,
        )
    )


def calibrated(raw: RawScan, path: Path | None, *, force: bool) -> tuple[Spectrum, str]:
    """Apply the unit's calibration, and say why its state forbids a conclusion.

    Parameters
    ----------
    raw
        The scan.
    path
        Calibration file; the unit's stored one when None. A unit without any keeps its factory axis.
    force
        Conclude all the same; the spectrum's metadata then says ``health_overridden`` and why.

    Returns
    -------
    spectrum, health
        `health` is one sentence, empty when nothing forbids a conclusion.
    """
    from spectriage.device.app.commands_calibration import known_calibration
    from spectriage.device.calibration.calibration import calibration_problem
    from spectriage.device.contract.errors import CalibrationError

    spectrum = raw.to_spectrum()
    try:
        known = known_calibration(raw.info.serial, path)
        problem = "" if known is None else calibration_problem(known, raw.info, raw.finished)
    except CalibrationError as error:
        known, problem = None, f"The calibration cannot be used: {error.what}."
    if known is not None:
        # An expired calibration of this very unit is still the best axis there is.
        try:
            spectrum = known.apply(raw)
        except CalibrationError as error:
            problem = problem or f"The calibration cannot be applied: {error.what}."
    if problem and force:
        overridden = {**spectrum.metadata, "health_overridden": problem}
        return spectrum.with_step("override health", metadata=overridden), ""
    return spectrum, problem


def _console() -> Console:
    from rich.console import Console

    return Console()


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
    from spectriage.device.contract.registry import registered

    return list(registered())


def _survey(scheme: str) -> dict[str, Any]:
    """Return what there is to say of one scheme."""
    from spectriage.device.contract.registry import load_driver, registered

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
