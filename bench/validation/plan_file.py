"""Reading a plan: every table and key checked, errors that name the one that is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from spectriage.bench.validation._fields import Fields, Scalar, is_number, is_scalar
from spectriage.bench.validation.plan import (
    CRITERIA,
    DETECTIONS,
    MAX_PLAN_BYTES,
    MAX_TRIALS,
    SCHEMA,
    SOURCES,
    Criterion,
    Panel,
    Plan,
)
from spectriage.spectra.errors import FormatError, SpectriageError


def shipped_plans() -> dict[str, Path]:
    """Return the plans that come with the package, by name."""
    folder = Path(str(resources.files("spectriage.bench.validation").joinpath("plans")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_plan(name: str | Path) -> Plan:
    """Load a plan by its file, or a shipped one by its name.

    Raises
    ------
    FormatError
        Names the table and the key that is wrong.
    """
    path = Path(name)
    if not path.is_file():
        shipped = shipped_plans()
        if str(name) not in shipped:
            raise FormatError(
                "is neither a file nor a shipped plan",
                where=str(name),
                remedy=f"shipped plans: {', '.join(shipped)}",
            )
        path = shipped[str(name)]
    try:
        if path.stat().st_size > MAX_PLAN_BYTES:
            raise FormatError(f"is larger than {MAX_PLAN_BYTES // 1_000_000} MB", where=str(path))
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except UnicodeDecodeError:
        raise FormatError("is not UTF-8 text", where=str(path)) from None
    return parse_plan(text, where=path.name, folder=path.parent)


def parse_plan(text: str, *, where: str = "plan", folder: Path | None = None) -> Plan:
    """Read and check a plan.

    Raises
    ------
    FormatError
        Names the table and the key that is wrong.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"is not TOML: {error}", where=where) from None
    fields = Fields(table, where)
    if fields.integer("schema", ..., 1, 10**6) != SCHEMA:
        raise fields.error("is of a newer schema", f"this version reads schema {SCHEMA}")
    library = Fields(fields.table("library"), f"{where} [library]")
    device = Fields(fields.table("device"), f"{where} [device]")
    engine = Fields(fields.table("engine"), f"{where} [engine]")
    panels = tuple(
        _panel(entry, f"{where} [[panel]] {i}") for i, entry in enumerate(fields.tables("panel"), 1)
    )
    criteria = tuple(
        _criterion(entry, f"{where} [[criterion]] {i}")
        for i, entry in enumerate(fields.tables("criterion"), 1)
    )
    plan = Plan(
        name=fields.text("name"),
        title=fields.text("title"),
        purpose=fields.text("purpose", ""),
        limits=fields.texts("limits"),
        seed=fields.integer("seed", ..., 0, 2**63 - 1),
        library=library.text("path", ""),
        device=device.text("uri", ""),
        lod=engine.number("lod", None, 1e-4, 0.9999),
        packaging=engine.texts("packaging", ("auto",)),
        panels=panels,
        criteria=criteria,
        text=text,
        folder=folder,
    )
    for part in (fields, library, device, engine):
        part.done()
    _check_whole(plan, where)
    return plan


def _panel(table: Mapping[str, Any], where: str) -> Panel:
    fields = Fields(table, where)
    name = fields.text("name")
    fields.where = f"{where} ({name})"
    panel = Panel(
        name=name,
        title=fields.text("title", name),
        source=fields.choice("source", "simulated", SOURCES),
        purpose=fields.choice("purpose", "detect", ("detect", "blank")),
        detection=fields.choice("detection", "family", DETECTIONS),
        targets=fields.texts("targets"),
        levels=fields.numbers("levels", (1.0,), 1e-4, 1.0),
        matrices=fields.texts("matrices"),
        packaging=fields.texts("packaging", ("none",)),
        instruments=fields.texts("instruments", ("785-ccd",)),
        exposures=_exposures(fields),
        vary=_conditions(fields, "vary"),
        options=tuple(sorted(_options(fields).items())),
        basis=fields.choice("basis", "signal", ("signal", "weight")),
        perturbation=fields.choice("perturbation", "measured", ("measured", "none")),
        replicates=fields.integer("replicates", 1, 1, MAX_TRIALS),
        draws=fields.integer("draws", 0, 0, MAX_TRIALS),
        repeats=fields.integer("repeats", 1, 1, 1000),
        units=fields.integer("units", 0, 0, 10_000),
        paired=fields.flag("paired"),
        set=fields.text("set", ""),
        library_set=fields.text("library_set", ""),
        optional=fields.flag("optional"),
    )
    fields.done()
    _check_panel(panel, fields)
    return panel


def _check_panel(panel: Panel, fields: Fields) -> None:
    if panel.source == "measured":
        if not panel.set:
            raise fields.error("a measured panel names its set", 'set = "NAME"')
        return
    if panel.set or panel.library_set or panel.optional:
        raise fields.error("set, library_set and optional belong to measured panels")
    made_up = panel.vary or panel.options or panel.units or panel.draws or panel.paired
    if panel.source == "device" and (made_up or panel.perturbation == "none"):
        raise fields.error("vary, options, units, draws, paired and perturbation belong to simulated panels")
    if panel.purpose == "blank" and (panel.targets or not panel.matrices):
        raise fields.error("a blank panel has matrices and no targets")
    if panel.purpose == "detect" and not panel.targets:
        raise fields.error("a panel that detects has targets")
    if panel.purpose == "detect" and not panel.matrices and panel.levels != (1.0,):
        raise fields.error("levels below 1 need matrices")
    if panel.draws and (panel.paired or panel.replicates != 1):
        raise fields.error("draws goes with neither paired nor replicates")


def _exposures(fields: Fields) -> tuple[tuple[float, int], ...]:
    found = fields.raw("exposures", [[1000.0, 1]])
    if not isinstance(found, list) or not found or not all(_is_exposure(pair) for pair in found):
        raise fields.error("exposures is a list of [integration_ms, accumulations]")
    return tuple((float(ms), int(count)) for ms, count in found)


def _is_exposure(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2 or not all(is_number(value) for value in pair):
        return False
    return bool(pair[0] > 0 and pair[1] >= 1 and pair[1] == int(pair[1]))


def _options(fields: Fields) -> dict[str, str]:
    found = fields.table("options")
    for key, value in found.items():
        if not is_scalar(value):
            raise fields.error(f"option {key} is neither a text nor a number")
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Scalar) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _conditions(fields: Fields, key: str) -> tuple[tuple[str, tuple[Scalar, ...]], ...]:
    """Read a table of values, or lists of them, by factor."""
    found = []
    for name, value in fields.table(key).items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(is_scalar(item) for item in values):
            raise fields.error(f"{key}.{name} is not a value or a list of values")
        found.append((name, tuple(float(v) if is_number(v) else v for v in values)))
    return tuple(found)


def _criterion(table: Mapping[str, Any], where: str) -> Criterion:
    fields = Fields(table, where)
    name = fields.text("name")
    fields.where = f"{where} ({name})"
    kind = fields.choice("kind", ..., CRITERIA)
    criterion = Criterion(
        name=name,
        kind=kind,
        panel=fields.text("panel"),
        where=_conditions(fields, "where"),
        against=_conditions(fields, "against"),
        blanks=fields.text("blanks", ""),
        at_least=fields.number("at_least", None, 0.0, 1.0),
        at_most=fields.number("at_most", None, 0.0, 1.0),
        confidence=fields.number("confidence", None, 0.5, 0.9999),
        settings={
            "target": fields.text("target", ""),
            "probability": fields.number("probability", 0.95, 0.01, 0.99),
            "by": fields.choice("by", "trial", ("trial", "material")),
            "min_fraction": fields.number("min_fraction", 0.0, 0.0, 1.0),
            "part": fields.choice("part", "reproducibility", ("repeatability", "reproducibility")),
            "events": fields.integer("events", -1, -1, MAX_TRIALS),
        },
    )
    fields.done()
    _check_criterion(criterion, fields)
    return criterion


def _check_criterion(criterion: Criterion, fields: Fields) -> None:
    events = criterion.settings["events"] >= 0
    if events and criterion.kind != "false-alarms":
        raise fields.error("events belongs to false-alarms")
    limits = (criterion.at_least is not None) + (criterion.at_most is not None) + events
    if limits != 1:
        raise fields.error("a criterion has one limit: at_least, at_most or events")
    low = criterion.kind in ("pod", "precision", "recall", "auc", "agreement")
    if not events and low != (criterion.at_least is not None):
        raise fields.error(f"the limit of {criterion.kind} is {'at_least' if low else 'at_most'}")
    if criterion.kind in ("pod", "lod") and criterion.confidence is None:
        raise fields.error(f"{criterion.kind} states its confidence")
    if criterion.kind == "auc" and not (criterion.blanks and criterion.settings["target"]):
        raise fields.error("auc names its target and the panel of blanks")
    if criterion.kind == "loss" and not criterion.against:
        raise fields.error("loss says what it is measured against")


def _check_whole(plan: Plan, where: str) -> None:
    names = [panel.name for panel in plan.panels]
    if not names:
        raise FormatError("the plan has no panel", where=where)
    if len(set(names)) < len(names):
        raise FormatError("two panels have one name", where=where)
    titles = [criterion.name for criterion in plan.criteria]
    if len(set(titles)) < len(titles):
        raise FormatError("two criteria have one name", where=where)
    for criterion in plan.criteria:
        try:
            panel = plan.panel(criterion.panel)
            blanks = plan.panel(criterion.blanks) if criterion.blanks else panel
        except SpectriageError as error:
            raise FormatError(f"criterion {criterion.name!r}: {error.what}", where=where) from None
        if panel.chapter != blanks.chapter:
            raise FormatError(
                f"criterion {criterion.name!r} pools {panel.chapter} and {blanks.chapter} trials", where=where
            )
