"""The commands `spectriage scan` and `spectriage devices`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.device.app.scanning import Outputs, keep, session_for
from spectriage.device.app.waiting import laser_told
from spectriage.library.app.shared import KeysOption, RequireOption, trust_of
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.options import (
    OUTPUT,
    RECORD,
    ExplainOption,
    ItemOption,
    JournalOption,
    JsonOption,
    LibraryOption,
    LodOption,
    PackagingOption,
    PlotOption,
    PolicyOption,
)
from spectriage.spectra.policy.target import DEFAULT
from spectriage.spectra.technique import Technique
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from rich.console import Console

    from spectriage.device.contract.registry import FoundDevice
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.device.session import ScanPlan, ScanResult
    from spectriage.library.journal import Recorder
    from spectriage.spectra.identify import Identifier

SCAN, LASER, UNIT = "Scan", "Laser", "Calibration"

DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        metavar="URI",
        help="Which spectrometer, e.g. sim:caffeine; `spectriage devices` lists those there are.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Write the scan with its dark to this CSV.", rich_help_panel=OUTPUT),
]
IntegrationOption = Annotated[
    float | None,
    typer.Option(
        "--integration-ms",
        min=0.001,
        help="Length of one exposure, ms.",
        show_default="the device's",
        rich_help_panel=SCAN,
    ),
]
AccumulationsOption = Annotated[
    int | None,
    typer.Option(
        "--accumulations",
        min=1,
        max=10_000,
        help="Exposures averaged.",
        show_default="the device's",
        rich_help_panel=SCAN,
    ),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0.1,
        help="Seconds allowed for the whole scan.",
        show_default="from the exposure",
        rich_help_panel=SCAN,
    ),
]
CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration", help="Calibration file.", show_default="the unit's stored one", rich_help_panel=UNIT
    ),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Conclude in spite of an expired, failed or foreign calibration.",
        rich_help_panel=UNIT,
    ),
]
CarefulOption = Annotated[
    bool,
    typer.Option(
        "--careful",
        help="Refuse a laser whose power cannot be set: it cannot begin low.",
        rich_help_panel=LASER,
    ),
]
SafePowerOption = Annotated[
    float | None,
    typer.Option(
        "--safe-mw",
        min=0.0,
        help="Power for an unknown sample, mW.",
        show_default="a tenth of the highest",
        rich_help_panel=LASER,
    ),
]
FixedPowerOption = Annotated[
    bool,
    typer.Option("--fixed-power", help="Accept a laser whose power cannot be set.", rich_help_panel=LASER),
]
DelayOption = Annotated[
    float,
    typer.Option(
        "--delay",
        min=0.0,
        max=60.0,
        help="Seconds of countdown before the laser fires.",
        rich_help_panel=LASER,
    ),
]
AutoOption = Annotated[
    bool,
    typer.Option("--auto", help="Find the exposure: 60-85 % of full scale.", rich_help_panel=SCAN),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=0.1,
        help="Accumulate until the decision is clear, so long at most.",
        show_default="one scan",
        rich_help_panel=SCAN,
    ),
]
OperatorOption = Annotated[
    str, typer.Option("--operator", help="Recorded with the scan.", rich_help_panel=RECORD)
]
PlaceOption = Annotated[str, typer.Option("--place", help="Recorded with the scan.", rich_help_panel=RECORD)]
StripOption = Annotated[
    str | None,
    typer.Option(
        "--strip",
        metavar="same|URI",
        help="Scan a SERS strip of the item too when the policy asks for it: same is the same device.",
        rich_help_panel=SCAN,
    ),
]
SpotsOption = Annotated[
    int,
    typer.Option(
        "--spots",
        min=1,
        max=100,
        help="Measure so many spots of an uneven item, each decided by itself; the item has the most serious "
        "verdict. Asks for the next spot unless the device moves the item. --out and --plot number files.",
        rich_help_panel=SCAN,
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
    policy: PolicyOption = DEFAULT,
    lod: LodOption = None,
    auto: AutoOption = False,
    seconds: SecondsOption = None,
    integration_ms: IntegrationOption = None,
    accumulations: AccumulationsOption = None,
    timeout_s: TimeoutOption = None,
    calibration: CalibrationOption = None,
    force: ForceOption = False,
    careful: CarefulOption = False,
    safe_power_mw: SafePowerOption = None,
    fixed_power: FixedPowerOption = False,
    delay_s: DelayOption = 0.0,
    spots: SpotsOption = 1,
    journal: JournalOption = None,
    operator: OperatorOption = "",
    place: PlaceOption = "",
    item: ItemOption = "",
    strip: StripOption = None,
    require: RequireOption = False,
    keys: KeysOption = None,
) -> None:
    """Take one scan with a spectrometer, or several of one item, and say what it shows.

    Exit code: 10 alarm, 11 warning, 12 inconclusive, 0 no alarm; 2 when no scan could be taken, 130 when
    Ctrl-C broke it off.
    """
    from spectriage.device.contract.registry import open_device
    from spectriage.device.session import ScanPlan
    from spectriage.library.journal import recording
    from spectriage.library.service import Answer, exit_code, make_engine
    from spectriage.library.service.printing import print_answer, write_plot

    if plot is not None:
        from spectriage.spectra.report import require_matplotlib

        require_matplotlib()
    engine = make_engine(library, packaging, lod, policy, trust_of(require, keys, False))
    plan = ScanPlan(
        auto=auto,
        seconds=seconds,
        integration_ms=integration_ms,
        accumulations=accumulations,
        timeout_s=timeout_s,
        careful=careful,
        safe_power_mw=safe_power_mw,
        fixed_power=fixed_power,
        delay_s=delay_s,
    )
    outputs = Outputs(as_json, explain, out, plot, calibration, force)
    if spots > 1:
        from spectriage.device.app.commands_spots import scan_item

        with recording(journal, operator=operator, place=place, item=item) as recorder:
            raise typer.Exit(scan_item(device, plan, engine, spots, outputs, recorder))
    if strip is not None:
        from spectriage.device.app.commands_strip import scan_both

        strip_engine = make_engine(library, None, lod, policy, trust_of(require, keys, False), Technique.SERS)
        raise typer.Exit(scan_both(device, strip, plan, (engine, strip_engine), outputs))
    try:
        with (
            recording(journal, operator=operator, place=place, item=item) as recorder,
            open_device(device) as spectrometer,
        ):
            result = _scan_once(spectrometer, plan, engine, outputs, recorder)
        answer = Answer(device, result.identification, elapsed_ms=result.elapsed_ms)
    except SpectriageError as error:
        answer = Answer(device, error=error)
    print_answer(answer, as_json=as_json, explain=explain)
    if plot is not None:
        write_plot(answer, plot)
    raise typer.Exit(exit_code([answer]))


def _scan_once(
    device: Spectrometer, plan: ScanPlan, engine: Identifier, outputs: Outputs, recorder: Recorder
) -> ScanResult:
    """Scan, record, say on standard error what limited the laser, and write the scan where asked to.

    Raises
    ------
    SpectriageError
        What went wrong; the laser is off.
    """
    session = session_for(device, plan, engine, outputs)
    with outputs.waiting, laser_told(device):
        result = session.run()
    keep(session, result, recorder, outputs.out)
    return result


def _console() -> Console:
    from rich.console import Console

    return Console()


def devices(as_json: JsonOption = False) -> None:
    """List the kinds of device, the devices found and whether each can be opened now, and what is missing.

    In brackets: ready, busy (another program has it), no permission, unusable.
    """
    listing = [_survey(scheme) for scheme in sorted(_schemes())]
    if as_json:
        for entry in listing:
            print_json(entry)
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

    entry: dict[str, Any] = {
        "schema": 1,
        "scheme": scheme,
        "summary": "",
        "devices": [],
        "missing": "",
        "remedy": "",
    }
    try:
        driver = load_driver(registered()[scheme])
        entry["summary"] = driver.summary
        entry["devices"] = [_found(device) for device in driver.discover()]
    except SpectriageError as error:
        entry["missing"], entry["remedy"] = error.what, error.remedy
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
        line(f"    missing: {entry['missing']}" + (f": {entry['remedy']}" if entry["remedy"] else ""))
    elif not entry["devices"]:
        line("    none found")
    for device in entry["devices"]:
        line(f"    {device['uri']}  {device['summary']} [{device['readiness']}]")
        if device["remedy"]:
            line(f"        {device['remedy']}")
