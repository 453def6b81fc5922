"""`spectriage scan --strip`: the powder, then a SERS strip of the same item when the policy asks for it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from spectriage.device.app.scanning import Outputs, session_for
from spectriage.device.session import ScanPlan, scan_powder_and_strip
from spectriage.library.app.powder_and_strip import print_both
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier

SAME = "same"


def scan_both(
    uri: str, strip_uri: str, plan: ScanPlan, engines: tuple[Identifier, Identifier], outputs: Outputs
) -> int:
    """Scan both with `engines` (normal, SERS), print both and the item; return the exit code."""
    from spectriage.device.contract.registry import open_device

    if outputs.out is not None or outputs.plot is not None:
        raise ParameterError("--strip goes with neither --out nor --plot", remedy="scan each by itself")
    with ExitStack() as stack:
        device = stack.enter_context(open_device(uri))
        same = strip_uri == SAME
        other = device if same else stack.enter_context(open_device(strip_uri))
        powder, strip = (
            session_for(each, plan, engine, outputs)
            for each, engine in zip((device, other), engines, strict=True)
        )
        made = scan_powder_and_strip(powder, strip, _strip_lies_ready if same else lambda: True, name=uri)
    print_both(made, as_json=outputs.as_json, explain=outputs.explain)
    return made.exit_code


def _strip_lies_ready() -> bool:
    """Ask the operator for the strip; no answer means that there is none."""
    typer.echo("Put a SERS strip of the same item under the probe, then press Enter.", err=True)
    return bool(sys.stdin.readline())
