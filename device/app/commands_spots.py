"""`spectriage scan --spots`: several spots of one item on the screen, then the item."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from spectriage.device.app.scanning import Outputs, keep, session_for
from spectriage.device.app.waiting import laser_told
from spectriage.device.session import Item, ScanPlan, scan_spots
from spectriage.library.service import Answer
from spectriage.library.service.printing import print_answer, write_plot
from spectriage.spectra.errors import ParameterError, SpectriageError
from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.device.contract.spectrometer import Spectrometer
    from spectriage.library.journal import Recorder
    from spectriage.spectra.identify import Identifier


def scan_item(
    uri: str, plan: ScanPlan, engine: Identifier, count: int, outputs: Outputs, recorder: Recorder
) -> int:
    """Measure `count` spots of one item, print each and then the item; return the exit code.

    A spot that fails ends the measurement; the spots before it stay, and the item is then at least
    INCONCLUSIVE.
    """
    from spectriage.device.contract.registry import open_device

    item = Item(uri, count)
    try:
        with open_device(uri) as device, outputs.waiting, laser_told(device):
            session = session_for(device, plan, engine, outputs)
            for result in scan_spots(session, count, lambda spot: _move(device, spot, count)):
                outputs.waiting.stop()
                index = len(item.answers)
                keep(session, result, recorder, None if outputs.out is None else numbered(outputs.out, index))
                item.answers.append(Answer(uri, result.identification, elapsed_ms=result.elapsed_ms))
                if outputs.plot is not None:
                    write_plot(item.answers[-1], numbered(outputs.plot, index))
                _print_spot(item, outputs)
    except SpectriageError as error:
        item.answers.append(Answer(uri, error=error))
        _print_spot(item, outputs)
    _print_item(item, outputs)
    return item.exit_code


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


def numbered(path: Path, index: int) -> Path:
    """Return the file of one spot: ``scan.csv`` becomes ``scan-1.csv`` for index 0."""
    return path.with_name(f"{path.stem}-{index + 1}{path.suffix}")


def _print_spot(item: Item, outputs: Outputs) -> None:
    """Print the spot just measured: its whole object, or its verdict line."""
    answer, number = item.answers[-1], len(item.answers)
    if outputs.as_json:
        print_json({**answer.to_json(), "spot": number})
    elif answer.result is None:
        print(f"spot {number} of {item.expected}: error: {answer.error}", file=sys.stderr, flush=True)
    else:
        result = answer.result
        print(f"spot {number} of {item.expected}: {result.verdict}: {result.summary}", flush=True)


def _print_item(item: Item, outputs: Outputs) -> None:
    """Print the item's object, or its verdict and the screen of the spot that decided."""
    if outputs.as_json:
        print_json(item.to_json())
        return
    print(f"item: {item.summary}\n", flush=True)
    if item.decisive is not None:
        answer = item.answers[item.decisive]
        print_answer(
            Answer(f"{item.name} spot {item.decisive + 1}", answer.result),
            as_json=False,
            explain=outputs.explain,
        )
