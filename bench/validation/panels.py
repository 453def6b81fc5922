"""From a plan's panels to its trials: each one's sample and seed are fixed before the first one runs."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spectriage.bench.validation._fields import Scalar
from spectriage.bench.validation.plan import AFTERWARDS, MAX_TRIALS, Panel, Plan
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.bench.sets.sets import LabelledSet

BENIGN = "catalogue:benign"
SEED_LIMIT = 2**48
_NOT_SAMPLES = frozenset({"packaging", "background", "calibration"})


@dataclass(frozen=True)
class Trial:
    """One sample on one instrument under one condition.

    Parameters
    ----------
    index
        In the plan's order, from 0.
    panel, chapter
        Where it belongs.
    factors
        What it is a trial of: target, level, matrix, packaging, instrument, exposure, unit, replicate, and
        what varies.
    sample
        Materials and their fractions of the Raman signal (or weight, as the panel says).
    target
        What is to be found; empty for a blank.
    uri
        Of the device; empty for a measured spectrum.
    attended
        Whether the operator has to put the sample in place.
    item
        Number of the spectrum in its labelled set, -1 for a simulated one.
    repeats
        Scans one after the other.
    """

    index: int
    panel: str
    chapter: str
    factors: Mapping[str, Scalar]
    sample: tuple[tuple[str, float], ...]
    target: str
    uri: str = ""
    item: int = -1
    repeats: int = 1
    attended: bool = False

    @property
    def label(self) -> str:
        """The sample in words, for the operator."""
        parts = ", ".join(f"{name} {share:.3g}" for name, share in self.sample)
        packaging = self.factors.get("packaging", "none")
        wrapped = "" if packaging == "none" else f", in {packaging}"
        return f"{parts}{wrapped} (sample {int(self.factors.get('replicate', 0)) + 1})"


def expand(
    plan: Plan,
    sets: Mapping[str, LabelledSet] | None = None,
    known: Callable[[Panel], Collection[str]] | None = None,
    device: tuple[str, str] = ("", ""),
) -> tuple[Trial, ...]:
    """Return all trials of a plan.

    Parameters
    ----------
    sets
        The labelled sets by the measured panels that ask for them; a panel without has no trials.
    known
        The keys of the substances in a panel's library: what it does not have cannot be found in it.
    device
        URI of the device of the panels that are scanned with one, and the chapter of what it delivers.

    Raises
    ------
    ParameterError
        When there are none, or too many.
    """
    trials: list[Trial] = []
    for panel in plan.panels:
        made: Iterator[dict[str, Any]] = iter(())
        if panel.source == "measured":
            labelled = (sets or {}).get(panel.name)
            if labelled is not None:
                made = _measured(panel, labelled, known(panel) if known is not None else None)
        elif panel.source == "simulated" or device[0]:
            made = _composed(plan, panel, device)
        for trial in made:
            trials.append(Trial(**{**trial, "index": len(trials)}))
            if len(trials) > MAX_TRIALS:
                raise ParameterError(f"the plan has more than {MAX_TRIALS:,} trials", where=plan.name)
    if not trials:
        raise ParameterError("the plan has no trials", where=plan.name, remedy="give its sets with --set")
    return tuple(trials)


def trials_sha256(trials: Sequence[Trial]) -> str:
    """Return the hash of all trials: what is going to be tested."""
    text = json.dumps([asdict(trial) for trial in trials], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seed_of(plan: Plan, *key: object) -> int:
    """Return a seed that follows from the plan's seed and a key: the same wherever and whenever it runs."""
    digest = hashlib.sha256(json.dumps([plan.seed, *map(str, key)]).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEED_LIMIT


def benign_materials() -> tuple[str, ...]:
    """Return every harmless substance of the catalogue that has bands and is no packaging, sorted."""
    from spectriage.library.catalogue import load_catalogue

    harmful = {e.substance for e in load_catalogue() if e.hazard.alarms or e.hazard.warns}
    return tuple(
        sorted(
            {
                entry.substance
                for entry in load_catalogue()
                if entry.bands and entry.material_class not in _NOT_SAMPLES
            }
            - harmful
        )
    )


def parse_matrix(text: str) -> tuple[tuple[str, float], ...]:
    """Read ``NAME:0.6+NAME``: fractions sum to 1, those without one share what is left.

    Raises
    ------
    ParameterError
        When they do not.
    """
    parts = [part.rpartition(":") if ":" in part else (part, "", "") for part in text.split("+")]
    names = [name.strip() for name, _, _ in parts]
    try:
        given = [float(number) if colon else None for _, colon, number in parts]
    except ValueError:
        raise ParameterError("a fraction is not a number", where=f"matrix {text!r}") from None
    rest = 1.0 - sum(value for value in given if value is not None)
    open_parts = given.count(None)
    if not all(names) or (rest <= 1e-9 if open_parts else abs(rest) > 1e-9):
        raise ParameterError("its fractions do not sum to 1", where=f"matrix {text!r}")
    shares = [rest / open_parts if value is None else value for value in given]
    return tuple(zip(names, shares, strict=True))


def _composed(plan: Plan, panel: Panel, device: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the trials of a panel whose samples the plan composes: simulated, or put before a device."""
    for target, level in itertools.product(panel.targets or ("",), panel.levels):
        cells = list(_cells(panel, level))
        if panel.draws:
            order = _drawn(plan, panel, target, level, cells)
        else:
            order = [(cell, i) for cell in cells for i in range(panel.replicates)]
        for cell, replicate in order:
            made = _trial(plan, panel, target, level, cell, replicate)
            if panel.source == "device":
                cell = {key: value for key, value in cell.items() if key not in ("unit", "instrument")}
                made |= {"uri": device[0], "chapter": device[1], "attended": True}
                made["factors"] = _factors(target, level, cell, replicate)
            yield made


def _cells(panel: Panel, level: float) -> Iterator[dict[str, Scalar]]:
    """Yield every combination of the factors beside target and level."""
    matrices: tuple[str, ...] = ("",)
    if panel.purpose == "blank" or level < 1.0:
        matrices = tuple(
            name for given in panel.matrices for name in (benign_materials() if given == BENIGN else (given,))
        )
    lists: list[tuple[str, Sequence[Scalar]]] = [
        ("matrix", matrices),
        ("packaging", panel.packaging),
        ("instrument", panel.instruments),
        ("exposure", [f"{ms:g} ms x {count}" for ms, count in panel.exposures]),
        ("unit", list(range(panel.units)) or [-1]),
        *panel.vary,
    ]
    for values in itertools.product(*(values for _, values in lists)):
        yield dict(zip((name for name, _ in lists), values, strict=True))


def _drawn(
    plan: Plan, panel: Panel, target: str, level: float, cells: list[dict[str, Scalar]]
) -> list[tuple[dict[str, Scalar], int]]:
    """Draw trials evenly from the cells: each comes once before any comes again."""
    import numpy as np

    rng = np.random.default_rng(seed_of(plan, panel.name, "draws", target, level))
    order: list[int] = []
    while len(order) < panel.draws:
        order += rng.permutation(len(cells)).tolist()
    return [(cells[cell], i) for i, cell in enumerate(order[: panel.draws])]


def _trial(
    plan: Plan, panel: Panel, target: str, level: float, cell: Mapping[str, Scalar], replicate: int
) -> dict[str, Any]:
    matrix = parse_matrix(str(cell["matrix"])) if cell["matrix"] else ()
    share = 1.0 - level if target else 1.0
    sample = tuple((name, part * share) for name, part in matrix)
    if target:
        sample = ((target, level), *sample)
    same_sample = () if panel.paired else (json.dumps(cell),)
    seed = seed_of(plan, panel.name, target, level, cell["matrix"], replicate, *same_sample)
    unit = seed if cell["unit"] == -1 else seed_of(plan, "unit", cell["unit"]) % 10**6
    if panel.units:
        # The same samples go round all units.
        seed = seed_of(plan, panel.name, target, level, cell["matrix"], replicate)
    return {
        "panel": panel.name,
        "chapter": panel.chapter,
        "factors": _factors(target, level, cell, replicate),
        "sample": sample,
        "target": target,
        "uri": _uri(panel, sample, cell, seed, unit),
        "repeats": panel.repeats,
    }


def _factors(target: str, level: float, cell: Mapping[str, Scalar], replicate: int) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {"target": target, "level": level} if target else {}
    return {**found, **cell, "replicate": replicate}


def _uri(
    panel: Panel, sample: Sequence[tuple[str, float]], cell: Mapping[str, Scalar], seed: int, unit: int
) -> str:
    parts = [f"{quote(name, safe=' ')}:{fraction:.10g}" for name, fraction in sample]
    parts[-1] = parts[-1].rpartition(":")[0]
    milliseconds, _, count = str(cell["exposure"]).partition(" ms x ")
    options: dict[str, Scalar] = {
        "preset": cell["instrument"],
        "packaging": cell["packaging"],
        "integration_ms": milliseconds,
        "accumulations": count,
        "basis": panel.basis,
        "perturbation": panel.perturbation,
        "seed": seed,
        "unit": unit,
        **dict(panel.options),
        **{name: cell[name] for name, _ in panel.vary if name not in AFTERWARDS},
    }
    asked = "&".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in options.items()
    )
    return f"sim:{'+'.join(parts)}?{asked}"


def _measured(panel: Panel, labelled: LabelledSet, known: Collection[str] | None) -> Iterator[dict[str, Any]]:
    """Yield one trial for each spectrum whose label a panel asks for; all without targets.

    A material that the library does not have is no target: it is only not to be taken for something else.
    """
    wanted = {labelled.names.key(name) for name in panel.targets}
    for number, item in enumerate(labelled.items):
        substance = labelled.names.substance(item.substance)
        if wanted and labelled.names.key(substance) not in wanted:
            continue
        chapter = str(item.origin)
        there = known is None or labelled.names.key(substance) in known
        yield {
            "panel": panel.name,
            "chapter": chapter,
            "factors": {
                "target" if panel.purpose == "detect" else "matrix": substance,
                "instrument": item.instrument,
                "spectrum": item.name,
                "in_library": "yes" if there else "no",
            },
            "sample": ((substance, 1.0),),
            "target": substance if panel.purpose == "detect" and there else "",
            "item": number,
        }
