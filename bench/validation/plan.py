"""A validation plan: one TOML file that fixes what is tested, how often, and what must come out, beforehand.

Keys of a plan: ``schema = 1``, ``name``, ``title``, ``purpose``, ``limits`` (what its result will not say),
``seed``, ``[library]``, ``[engine]``, ``[[panel]]`` and ``[[criterion]]``.

``[library]``
    ``path`` (relative to the plan; the shipped catalogue without).
``[engine]``
    ``lod`` (policy) and ``packaging`` (``auto``, ``none``, or names).
``[device]``
    ``uri`` of the spectrometer that panels with ``source = "device"`` are scanned with.
``[[panel]]``
    ``name``; ``source`` is ``simulated``, ``measured`` or ``device``; ``purpose`` is ``detect`` or ``blank``.

    Simulated: ``targets`` × ``levels`` × ``matrices`` × ``packaging`` × ``instruments`` × ``exposures``
    (``[integration_ms, accumulations]``) × ``vary`` (options of the simulator, ``axis_offset_cm`` and
    ``resolution_cm``), each combination ``replicates`` times; or, with ``draws``, that many trials of each
    target and level, the other factors drawn evenly. ``paired`` uses the same samples throughout ``vary``,
    ``packaging``, ``instruments`` and ``exposures``. ``units`` is the number of distinct instruments (each
    trial its own without), ``repeats`` scans are taken one after the other without touching the sample.
    ``basis``, ``perturbation`` and ``options`` are the simulator's. A matrix is ``NAME`` or
    ``NAME:0.6+NAME``; ``catalogue:benign`` stands for every harmless material.

    Measured: ``set`` names a labelled set that is given when the plan is run, or is a path relative to the
    plan; ``library_set`` searches in a library made of another set. An ``optional`` panel whose set is not
    given is not tested, nor are its criteria.

    Device: ``targets`` × ``levels`` × ``matrices`` × ``packaging`` × ``exposures``, each ``replicates``
    times, ``repeats`` scans each: samples that the operator prepares and is asked for one after the other.

    ``detection`` is what counts as found: ``family`` (the verdict is raised for the target's family),
    ``alarm`` (the same, and the verdict is ALARM) or ``named`` (the material is among the components).
``[[criterion]]``
    See `spectriage.bench.validation.criteria`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectriage.bench.validation._fields import Scalar
from spectriage.spectra.errors import ParameterError

SCHEMA = 1
MAX_PLAN_BYTES = 1_000_000
MAX_TRIALS = 100_000
SOURCES = ("simulated", "measured", "device")
DETECTIONS = ("family", "alarm", "named")
AFTERWARDS = ("axis_offset_cm", "resolution_cm")
"""Varied conditions that are applied to the spectrum, not asked of the simulator."""
CRITERIA = (
    *("pod", "false-alarms", "precision", "recall", "lod", "auc", "loss", "calibration", "spread"),
    "agreement",
)


@dataclass(frozen=True)
class Panel:
    """One panel of a plan; the fields are the keys of the module's text."""

    name: str
    title: str
    source: str
    purpose: str
    detection: str
    targets: tuple[str, ...]
    levels: tuple[float, ...]
    matrices: tuple[str, ...]
    packaging: tuple[str, ...]
    instruments: tuple[str, ...]
    exposures: tuple[tuple[float, int], ...]
    vary: tuple[tuple[str, tuple[Scalar, ...]], ...]
    options: tuple[tuple[str, str], ...]
    basis: str
    perturbation: str
    replicates: int
    draws: int
    repeats: int
    units: int
    paired: bool
    set: str
    library_set: str
    optional: bool

    @property
    def chapter(self) -> str:
        """``measured``, ``simulated`` or ``unperturbed``: never pooled.

        What is scanned with a device counts as measured, unless the device is simulated: the trial knows.
        """
        if self.source in ("measured", "device"):
            return "measured"
        return "unperturbed" if self.perturbation == "none" else "simulated"


@dataclass(frozen=True)
class Criterion:
    """One acceptance criterion; fixed before the run.

    Parameters
    ----------
    kind
        One of `CRITERIA`.
    panel, where
        Which trials: those of a panel whose factors have these values.
    against
        The trials compared with, for ``loss``.
    blanks
        The panel of negatives, for ``auc``.
    at_least, at_most
        The limit.
    confidence
        Of the one-sided bound that is held against the limit; None judges the estimate itself.
    settings
        What only some kinds need: ``target``, ``probability``, ``by``, ``min_fraction``, ``part``,
        ``events``.
    """

    name: str
    kind: str
    panel: str
    where: tuple[tuple[str, tuple[Scalar, ...]], ...]
    against: tuple[tuple[str, tuple[Scalar, ...]], ...]
    blanks: str
    at_least: float | None
    at_most: float | None
    confidence: float | None
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """A checked plan.

    Parameters
    ----------
    text
        The file as it was read: its hash is the plan's identity.
    folder
        Relative paths in it start here; None for a plan without a file.
    """

    name: str
    title: str
    purpose: str
    limits: tuple[str, ...]
    seed: int
    library: str
    device: str
    lod: float | None
    packaging: tuple[str, ...]
    panels: tuple[Panel, ...]
    criteria: tuple[Criterion, ...]
    text: str
    folder: Path | None = None

    @property
    def sha256(self) -> str:
        """Hash of the text, whatever its line endings."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()

    def panel(self, name: str) -> Panel:
        """Return a panel by its name."""
        for panel in self.panels:
            if panel.name == name:
                return panel
        raise ParameterError(f"plan {self.name} has no panel {name!r}")
