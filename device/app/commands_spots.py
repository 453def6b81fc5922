"""`spectriage scan --spots`: several spots of one item into one decision that keeps the spots apart."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from spectriage.device.app.commands_scan import (
    ScanRequest,
    calibrated,
    configure,
    countdown,
    is_clear,
    take_carefully,
)
from spectriage.library.service import EXIT_FAILED, Answer, error_json
from spectriage.library.service import answer as identify_spectrum
from spectriage.library.service.printing import print_answer, write_plot
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.verdict import JSON_SCHEMA, Verdict, most_serious

if TYPE_CHECKING:
    from spectriage.device.acquire.accumulate import Accumulated
    from spectriage.device.acquire.acquisition import Acquirer
    from spectriage.device.contract.rawscan import RawScan
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum
    from spectriage.spectra.verdict import Identification

EXPOSURE_SEARCH_S = 120.0
"""Longest search for the exposure of one spot."""
LONGEST_SPOT_S = 600.0
"""Time allowed for a spot whose exposure is not known beforehand."""


@dataclass(frozen=True)
class Outputs:
    """Where the answers go, and with which calibration they are made: the options of `spectriage scan`."""

    as_json: bool = False
    explain: bool = False
    out: Path | None = None
    plot: Path | None = None
    calibration: Path | None = None
    force: bool = False


@dataclass
class Item:
    """One item with the answers for its spots, in the order measured.

    Parameters
    ----------
    name
        The device's URI.
    expected
        Number of spots asked for.
    answers
        Those that were measured; the last may be an error, and then no more follow.
    """

    name: str
    expected: int
    answers: list[Answer] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict | None:
        """The most serious of the spots'; at least INCONCLUSIVE when one is missing; None without any."""
        verdicts = [answer.result.verdict for answer in self.answers if answer.result is not None]
        if not verdicts:
            return None
        # What was not measured cannot count as free of alarm.
        missing = [Verdict.INCONCLUSIVE] if len(verdicts) < self.expected else []
        return most_serious(verdicts + missing)

    @property
    def decisive(self) -> int | None:
        """Index of the first spot with the item's verdict; None when a missing spot decided."""
        for index, answer in enumerate(self.answers):
            if answer.result is not None and answer.result.verdict is self.verdict:
                return index
        return None

    @property
    def summary(self) -> str:
        """One sentence on the item as a whole."""
        verdict = self.verdict
        if verdict is None:
            return "no spot could be measured"
        same = [
            str(index + 1)
            for index, answer in enumerate(self.answers)
            if answer.result is not None and answer.result.verdict is verdict
        ]
        measured = sum(answer.result is not None for answer in self.answers)
        count = f"{measured} of {self.expected} spots measured" if measured < self.expected else ""
        said = f"{verdict} at spot {', '.join(same)} of {self.expected}" if same else str(verdict)
        return "; ".join(part for part in (said, count) if part)

    @property
    def exit_code(self) -> int:
        """That of the item's verdict; 2 when no spot could be measured."""
        return EXIT_FAILED if self.verdict is None else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the item's object: its verdict, the spot that decided, and a line for each spot."""
        decisive = self.decisive
        return {
            "schema": JSON_SCHEMA,
            "input": self.name,
            "verdict": None if self.verdict is None else str(self.verdict),
            "summary": self.summary,
            "decided_by_spot": None if decisive is None else decisive + 1,
            "spots_asked": self.expected,
            "spots": [_spot_json(index, answer) for index, answer in enumerate(self.answers)],
        }


def _spot_json(index: int, answer: Answer) -> dict[str, Any]:
    if answer.result is None:
        return {"spot": index + 1, "error": error_json(answer.error)}
    result = answer.result
    return {
        "spot": index + 1,
        "verdict": str(result.verdict),
        "reason": result.reason,
        "summary": result.summary,
    }


def scan_spots(request: ScanRequest, engine: Identifier, count: int, outputs: Outputs) -> int:
    """Measure `count` spots of one item, print each and then the item; return the exit code.

    A spot that fails ends the measurement; the spots before it stay, and the item is then at least
    INCONCLUSIVE.
    """
    item = Item(request.uri, count)

    def measured(raw: RawScan) -> None:
        answer = _conclude(raw, len(item.answers), request, engine, outputs)
        item.answers.append(answer)
        _print_spot(item, outputs)

    try:
        take_spots(request, engine, count, measured)
    except SpectriageError as error:
        item.answers.append(Answer(request.uri, error=error))
        _print_spot(item, outputs)
    _print_item(item, outputs)
    return item.exit_code


def take_spots(
    request: ScanRequest, engine: Identifier, count: int, measured: Callable[[RawScan], None]
) -> None:
    """Open the device, scan each spot and close it, the laser off between spots and on every way out.

    Parameters
    ----------
    measured
        Called with the scan of each spot as soon as it is there.

    Raises
    ------
    SpectriageError
        What went wrong.
    """
    from spectriage.device.acquire.accumulate import measure_spots
    from spectriage.device.acquire.acquisition import Acquirer, powered_light
    from spectriage.device.contract.uri import open_device

    with open_device(request.uri) as spectrometer:
        configure(spectrometer, request.integration_ms, request.accumulations)
        acquirer = Acquirer(spectrometer, light=powered_light(delay_s=request.delay_s, countdown=countdown))

        def next_spot(spot: int) -> None:
            _move(spectrometer, spot, count)
            if request.auto and not request.careful:
                _expose(acquirer, request)

        if request.careful:
            for spot in range(count):
                next_spot(spot)
                measured(take_carefully(acquirer, request, engine))
            return

        def decide(spectrum: Spectrum) -> Identification | None:
            return None if request.seconds is None else engine.identify(spectrum)

        def resolved(decision: Identification | None) -> bool:
            return decision is None or is_clear(decision)

        def finished(spot: int, accumulated: Accumulated[Identification | None]) -> None:
            measured(accumulated.raw)

        seconds = _spot_seconds(request, acquirer)
        measure_spots(acquirer, count, next_spot, decide, resolved, seconds, finished)


def _spot_seconds(request: ScanRequest, acquirer: Acquirer) -> float:
    from spectriage.device.acquire.acquisition import scan_time_s

    if request.seconds is not None or request.timeout_s is not None:
        return request.seconds or request.timeout_s or LONGEST_SPOT_S
    if request.auto:
        return LONGEST_SPOT_S
    return 3.0 * scan_time_s(acquirer.settings) + request.delay_s + 10.0


def _expose(acquirer: Acquirer, request: ScanRequest) -> None:
    """Find the exposure of this spot: another one may be brighter."""
    from spectriage.device.acquire.exposure import auto_expose
    from spectriage.device.contract.clock import Deadline

    auto_expose(acquirer, Deadline.after(request.timeout_s or EXPOSURE_SEARCH_S, acquirer.device.clock))


def _move(device: Spectrometer, spot: int, count: int) -> None:
    """Bring the next spot under the beam; the first is there."""
    from spectriage.device.contract.capabilities import SampleStage

    if spot == 0:
        return
    if isinstance(device, SampleStage):
        device.move_to_spot(spot)
        return
    typer.echo(f"Move the item to spot {spot + 1} of {count}, then press Enter.", err=True)
    if not sys.stdin.readline():
        raise ParameterError(
            f"nobody said that the item was moved to spot {spot + 1}",
            where="standard input",
            remedy="answer each question with Enter, or scan each spot by itself",
        )


def _conclude(raw: RawScan, index: int, request: ScanRequest, engine: Identifier, outputs: Outputs) -> Answer:
    """Write one spot's scan and plot, and identify it under the unit's calibration."""
    try:
        if outputs.out is not None:
            from spectriage.device.acquire.scanfile import write_scan

            write_scan(raw, numbered(outputs.out, index))
        spectrum, health = calibrated(raw, outputs.calibration, force=outputs.force)
    except SpectriageError as error:
        return Answer(request.uri, error=error)
    answer = identify_spectrum(engine, request.uri, spectrum, traces=outputs.plot is not None, health=health)
    if outputs.plot is not None:
        write_plot(answer, numbered(outputs.plot, index))
    return answer


def numbered(path: Path, index: int) -> Path:
    """Return the file of one spot: ``scan.csv`` becomes ``scan-1.csv`` for index 0."""
    return path.with_name(f"{path.stem}-{index + 1}{path.suffix}")


def _print_spot(item: Item, outputs: Outputs) -> None:
    """Print the spot just measured: its whole object, or its verdict line."""
    answer, number = item.answers[-1], len(item.answers)
    if outputs.as_json:
        print(json.dumps({**answer.to_json(), "spot": number}, ensure_ascii=False), flush=True)
    elif answer.result is None:
        print(f"spot {number} of {item.expected}: error: {answer.error}", file=sys.stderr, flush=True)
    else:
        result = answer.result
        print(f"spot {number} of {item.expected}: {result.verdict}: {result.summary}", flush=True)


def _print_item(item: Item, outputs: Outputs) -> None:
    """Print the item's object, or its verdict and the screen of the spot that decided."""
    if outputs.as_json:
        print(json.dumps(item.to_json(), ensure_ascii=False), flush=True)
        return
    print(f"item: {item.summary}\n", flush=True)
    if item.decisive is not None:
        answer = item.answers[item.decisive]
        print_answer(
            Answer(f"{item.name} spot {item.decisive + 1}", answer.result),
            as_json=False,
            explain=outputs.explain,
        )
