"""The commands `spectriage calibrate` and `spectriage check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.device.calibration.standard import MAX_AXIS_ERROR_CM, STANDARDS
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.options import JsonOption
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.device.calibration.calibration import Calibration
    from spectriage.device.contract.rawscan import RawScan
    from spectriage.device.contract.spectrometer import Spectrometer

EXIT_OK, EXIT_FAILED, EXIT_UNFIT = 0, 2, 12

LAMPS = {"neon": "Ne", "argon": "Ar"}

DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        metavar="URI",
        help="Which spectrometer; `spectriage devices` lists those there are.",
    ),
]
StandardOption = Annotated[
    str, typer.Option("--standard", metavar="|".join(STANDARDS), help="Shift standard under the beam.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--calibration", help="Calibration file.", show_default="the unit's stored one"),
]


def calibrate(
    device: DeviceOption,
    lamp: Annotated[
        str, typer.Option("--lamp", metavar="|".join(LAMPS), help="Lamp for the wavelengths.")
    ] = "neon",
    lamp_device: Annotated[
        str,
        typer.Option("--lamp-device", metavar="URI", help="The lamp's scan.", show_default="--device"),
    ] = "",
    standard: StandardOption = "polystyrene",
    days: Annotated[float, typer.Option("--days", min=0.01, help="How long it is to be valid, days.")] = 30.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write it.", show_default="the unit's own place"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask to place lamp and standard.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Calibrate a unit: its wavelengths with a lamp, its laser with a shift standard."""
    try:
        plan = _Plan(device, lamp_device or device, lamp, standard, days, not yes)
        made, raw = _calibrate(plan)
        from spectriage.device.calibration.unit import calibration_path

        path = out or calibration_path(made.serial)
        path.parent.mkdir(parents=True, exist_ok=True)
        from spectriage.device.calibration.calibration import save_calibration

        save_calibration(made, path)
    except (SpectriageError, OSError) as error:
        raise typer.Exit(_failed(error, device, as_json)) from error
    before, after = _axis_errors(raw, made, plan.standard)
    _say(
        {**_summary(made), "file": str(path), "axis_error_before": before, "axis_error_after": after}, as_json
    )


def check(
    device: DeviceOption,
    standard: StandardOption = "polystyrene",
    calibration: FileOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask to place the standard.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a unit on a shift standard: its axis, its calibration's validity. Exit code 0 fit, 12 unfit."""
    from spectriage.device.calibration.calibration import calibration_problem
    from spectriage.device.calibration.unit import known_calibration

    try:
        if standard not in STANDARDS:
            raise _unknown("standard", standard, STANDARDS)
        raw, now = _scan(device, f"Place the {standard}.", ask=not yes)
        known = known_calibration(raw.info.serial, calibration)
        problem = calibration_problem(known, raw.info, now)
        error = _axis_errors(raw, known, standard)[1 if known is not None and not problem else 0]
    except SpectriageError as failure:
        raise typer.Exit(_failed(failure, device, as_json)) from failure
    reasons = [problem] if problem else []
    if error["bands"] < 3:
        reasons.append(f"The bands of {standard} were not found.")
    elif abs(error["mean_cm"]) > MAX_AXIS_ERROR_CM:
        reasons.append(f"The axis is off by {error['mean_cm']:.1f} cm⁻¹ on {standard}.")
    _say({"device": device, "fit": not reasons, "reasons": reasons, "axis_error": error}, as_json)
    raise typer.Exit(EXIT_UNFIT if reasons else EXIT_OK)


@dataclass(frozen=True)
class _Plan:
    device: str
    lamp_device: str
    lamp: str
    standard: str
    days: float
    ask: bool

    def __post_init__(self) -> None:
        if self.lamp not in LAMPS:
            raise _unknown("lamp", self.lamp, LAMPS)
        if self.standard not in STANDARDS:
            raise _unknown("standard", self.standard, STANDARDS)


def _unknown(what: str, name: str, known: dict[str, str]) -> SpectriageError:
    from spectriage.spectra.errors import ParameterError

    return ParameterError(f"there is no {what} called {name!r}", remedy=f"one of {', '.join(known)}")


def _calibrate(plan: _Plan) -> tuple[Calibration, RawScan]:
    from spectriage.device.calibration.axis import fit_laser, fit_wavelengths
    from spectriage.device.calibration.calibration import Calibration, counts_digest
    from spectriage.device.calibration.standard import standard_bands_cm
    from spectriage.device.contract.errors import CalibrationError
    from spectriage.library.catalogue.knowledge import load_emission_lines

    lamp, _ = _scan(
        plan.lamp_device, f"Shine the {plan.lamp} lamp into the instrument.", ask=plan.ask, dark=False
    )
    raw, now = _scan(plan.device, f"Place the {plan.standard}.", ask=plan.ask)
    if lamp.info.serial != raw.info.serial and lamp.info.origin == raw.info.origin != "replayed":
        raise CalibrationError(
            f"the lamp was measured on {lamp.info.serial} and the standard on {raw.info.serial}"
        )
    lines, strength = zip(*load_emission_lines()[LAMPS[plan.lamp]].lines, strict=True)
    wavelength = fit_wavelengths(lamp.counts, _rough_nm(lamp), lines, strength)
    signal = raw.counts if raw.dark is None else raw.counts - raw.dark
    nominal = raw.excitation_nm or 785.0
    laser = fit_laser(signal, wavelength.wavelength_nm(), standard_bands_cm(plan.standard), nominal)
    sources = ((plan.lamp, counts_digest(lamp)), (plan.standard, counts_digest(raw)))
    made = Calibration(
        raw.info.serial, raw.info.model, now, plan.days, wavelength=wavelength, laser=laser, sources=sources
    )
    return made, raw


def _rough_nm(raw: RawScan) -> Any:
    """Return the axis so far in nm, also of a recording that knows shifts only."""
    if raw.axis.wavelength_nm is not None:
        return raw.axis.wavelength_nm
    nominal = raw.excitation_nm or 785.0
    return 1.0 / (1.0 / nominal - raw.axis.shift(nominal) * 1e-7)


def _scan(uri: str, instruction: str, *, ask: bool, dark: bool = True) -> tuple[RawScan, Any]:
    """Take one scan; without `dark` the laser stays off, as a lamp needs it."""
    from spectriage.device.acquire.acquisition import Acquirer, scan_time_s
    from spectriage.device.contract.clock import Deadline
    from spectriage.device.contract.registry import open_device

    with open_device(uri) as device:
        if ask:
            typer.confirm(f"{instruction} Ready?", default=True, abort=True)
        acquirer = Acquirer(device)
        deadline = Deadline.after(3.0 * scan_time_s(acquirer.settings) + 10.0, device.clock)
        raw = acquirer.scan(deadline) if dark else _unlit(device, deadline)
        return raw, device.clock.now()


def _unlit(device: Spectrometer, deadline: Any) -> RawScan:
    return device.acquire(deadline)


def _axis_errors(
    raw: RawScan, calibration: Calibration | None, standard: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the axis error on a standard without and with the calibration."""
    from spectriage.device.calibration.standard import axis_error

    found = []
    for spectrum in [raw.to_spectrum()] + ([calibration.apply(raw)] if calibration is not None else []):
        error = axis_error(spectrum, standard)
        found.append(
            {
                "bands": error.bands,
                "mean_cm": round(error.mean_cm, 3),
                "rms_cm": round(error.rms_cm, 3),
                "strongest_fwhm_cm": 0.0
                if error.strongest_fwhm_cm is None
                else round(error.strongest_fwhm_cm, 1),
            }
        )
    return found[0], found[-1]


def _summary(made: Calibration) -> dict[str, Any]:
    assert made.wavelength is not None
    assert made.laser is not None
    return {
        "serial": made.serial,
        "expires": made.expires.isoformat(),
        "lines": len(made.wavelength.lines_nm),
        "rejected_lines": len(made.wavelength.rejected_nm),
        "order": made.wavelength.order,
        "rms_nm": round(made.wavelength.rms_nm, 4),
        "laser_nm": round(made.laser.laser_nm, 4),
        "laser_uncertainty_nm": round(made.laser.uncertainty_nm, 4),
        "sha256": made.digest(),
    }


def _say(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"schema": 1, **facts})
        return
    from rich.console import Console

    console = Console()
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {number}" for name, number in value.items())
        if isinstance(value, list):
            value = " ".join(value) or "none"
        console.print(f"{key.replace('_', ' ')}: {value}", markup=False, highlight=False, soft_wrap=True)


def _error_json(error: Exception) -> dict[str, str]:
    from spectriage.library.service import error_json

    if not isinstance(error, SpectriageError):
        error = SpectriageError(str(error))
    return error_json(error)


def _failed(error: Exception, name: str, as_json: bool) -> int:
    if as_json:
        print_json({"schema": 1, "input": name, "error": _error_json(error)})
    else:
        typer.echo(f"spectriage: error: {error}", err=True)
    return EXIT_FAILED
