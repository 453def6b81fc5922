"""What is fixed, and recorded by hashes, before the first scan of a run."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

from spectriage.bench.validation.panels import Trial, trials_sha256
from spectriage.bench.validation.plan import Panel, Plan
from spectriage.bench.validation.trial import Bench, Setup, spectrum_sha256
from spectriage.library.service import code_sha256
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.spectra.reference import ReferenceSet

HEADER_SCHEMA = 1
_PACKAGES = ("numpy", "scipy", "numba", "statsmodels")


def device_said(plan: Plan, uri: str) -> dict[str, str]:
    """Open the device of the device panels once, and say what it is; empty without such panels.

    Raises
    ------
    ParameterError
        When no device is named, or it replays or emulates: its scans would be evidence of nothing.
    """
    if not any(panel.source == "device" for panel in plan.panels):
        return {}
    if not (uri or plan.device):
        raise ParameterError("panels are to be scanned with a device", where=plan.name, remedy="name it")
    from spectriage.device.contract import open_device

    with open_device(uri or plan.device) as device:
        info = device.info
    chapter = str(info.origin)
    if chapter not in ("measured", "simulated"):
        raise ParameterError(f"the device's scans are {chapter}, not measured", where=info.uri)
    if chapter == "simulated" and any("unperturbed" in note for note in info.notes):
        chapter = "unperturbed"
    return {
        "uri": uri or plan.device,
        "chapter": chapter,
        "maker": info.maker,
        "model": info.model,
        "serial": info.serial,
        "firmware": info.firmware,
    }


def make_header(
    setup: Setup, bench: Bench, trials: Sequence[Trial], device: Mapping[str, str]
) -> dict[str, Any]:
    """Return what is fixed before the first scan; it holds no times and no paths."""
    plan = setup.plan
    panels = [p for p in plan.panels if any(trial.panel == p.name for trial in trials)]
    return {
        "schema": HEADER_SCHEMA,
        "plan": {"name": plan.name, "title": plan.title, "sha256": plan.sha256, "seed": plan.seed},
        "trials": {
            "number": len(trials),
            "scans": sum(trial.repeats for trial in trials),
            "sha256": trials_sha256(trials),
            "by_panel": {panel.name: sum(t.panel == panel.name for t in trials) for panel in plan.panels},
        },
        "libraries": {panel.name: _library_said(bench, panel) for panel in panels},
        "engine": _engine_said(bench, panels[0]),
        "device": {
            **device,
            "simulator_sha256": code_sha256("spectriage.device.simulator", "*.py"),
            "note": "each scan's instrument and the hash of its axis calibration stand in its record",
        },
        "bench_sha256": code_sha256("spectriage.bench.validation", "*.py"),
        "sets": {name: _set_said(bench, name) for name in sorted(setup.sets)},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "machine": platform.machine(),
    }


def _library_said(bench: Bench, panel: Panel) -> dict[str, Any]:
    references = bench.engine(panel).references
    return {
        "name": references.name,
        "version": references.version,
        "sha256": references.sha256 or _matrix_sha256(references),
        "references": len(references),
    }


def _matrix_sha256(references: ReferenceSet) -> str:
    digest = hashlib.sha256(json.dumps([record.id for record in references.records]).encode())
    digest.update(references.spectra.astype("<f4").tobytes())
    return digest.hexdigest()


def _engine_said(bench: Bench, panel: Panel) -> dict[str, Any]:
    policy = asdict(bench.engine(panel).policy)
    return {
        "version": _version("spectriage"),
        "sha256": code_sha256("spectriage.spectra", "**/*.py"),
        "policy": json.loads(json.dumps(policy, default=str)),
    }


def _set_said(bench: Bench, name: str) -> dict[str, Any]:
    labelled = bench.labelled(name)
    lines = sorted(f"{i.substance}\t{i.instrument}\t{spectrum_sha256(i.spectrum)}" for i in labelled.items)
    return {
        "name": labelled.name,
        "spectra": len(labelled),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "left_out": list(labelled.left_out),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
