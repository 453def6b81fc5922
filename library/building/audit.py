"""Auditing a catalogue: what stands twice, contradicts itself, cannot be told apart, or lacks a source.

A fault is what must be put right; a note is what a reader should know. Parsing has refused already what is no
entry (identifiers whose check digits fail, bands outside the range of their source).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectriage.library.catalogue import CatalogueEntry, load_catalogue
from spectriage.library.catalogue._identifiers import count_elements
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.reference import Tier
from spectriage.spectra.signal import DEFAULT_GRID, differentiate
from spectriage.spectra.signal.derivative import DERIVATIVE_WINDOW_CM, savgol_weights, window_points

PROPORTIONAL_ERROR = 0.15
"""By so much of their height bands differ between instruments (15–20 % of the norm)."""
AXIS_CM = 2.0
"""And by so much their axes do, after correction."""
INSEPARABLE = 1.5
"""Mean square of what two references differ by, in units of what an instrument errs by: 1 is chance alone."""
COMMON_CM = 500.0
"""References that share less range are not compared."""
NARROWEST_CM, WIDEST_CM = 1.0, 250.0
SHARPEST_CM = 4.0
HIGHEST_SHIFT_CM = 4000.0


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    kind
        ``duplicate``, ``contradiction``, ``inseparable``, ``band`` or ``source``.
    ids
        The entries.
    text
        What was found.
    fault
        Whether it must be put right.
    """

    kind: str
    ids: tuple[str, ...]
    text: str
    fault: bool = True


def audit_catalogue(
    entries: Sequence[CatalogueEntry] | None = None,
    *,
    resolution_cm: float = 8.0,
    signal_to_noise: float = 300.0,
) -> list[Finding]:
    """Audit catalogue entries.

    Parameters
    ----------
    entries
        The entries; None for the shipped catalogue.
    resolution_cm, signal_to_noise
        Of the instrument that must be able to tell references of different families apart.

    Returns
    -------
    list of Finding
        Faults first.
    """
    pool = load_catalogue() if entries is None else tuple(entries)
    found = [
        *_duplicates(pool),
        *_contradictions(pool),
        *_inseparable(pool, resolution_cm, signal_to_noise),
        *_bands(pool),
        *_sources(pool),
    ]
    return sorted(found, key=lambda finding: (not finding.fault, finding.kind, finding.ids))


def _duplicates(entries: Sequence[CatalogueEntry]) -> list[Finding]:
    found = []
    by_bands: dict[bytes, list[CatalogueEntry]] = defaultdict(list)
    by_source: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        if entry.bands:
            by_bands[entry.band_array.tobytes()].append(entry)
        if entry.extracted_from and entry.tier is Tier.BANDS and entry.material_class != "calibration":
            by_source[entry.extracted_from, entry.substance].append(entry.id)
    for own in by_bands.values():
        if len(own) > 1:
            # What was estimated for a racemate was estimated for its enantiomer too.
            guessed = len({e.family for e in own}) == 1 and all(e.tier is Tier.ESTIMATED for e in own)
            ids = tuple(entry.id for entry in own)
            found.append(Finding("duplicate", ids, "have the same bands", fault=not guessed))
    for (source, _), names in by_source.items():
        if len(names) > 1:
            found.append(Finding("duplicate", tuple(names), f"are both from {source}"))
    return found


def _contradictions(entries: Sequence[CatalogueEntry]) -> list[Finding]:
    found = []
    groups: dict[str, list[CatalogueEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.substance].append(entry)
    for substance, own in groups.items():
        for name in ("family", "hazard"):
            values = {str(getattr(entry, name)) for entry in own}
            if len(values) > 1:
                ids = tuple(entry.id for entry in own)
                text = f"{substance} has more than one {name}: {', '.join(sorted(values))}"
                found.append(Finding("contradiction", ids, text))
        for first, second in itertools.combinations(own, 2):
            if first.form != second.form:
                continue
            for name in ("cas", "formula", "inchikey"):
                pair = {getattr(first, name), getattr(second, name)} - {""}
                if len(pair) > 1:
                    text = f"{substance} ({first.form}) has two values of {name}: {', '.join(sorted(pair))}"
                    found.append(Finding("contradiction", (first.id, second.id), text))
    numbers: dict[str, set[str]] = defaultdict(set)
    holders: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        # Polymers and starches share one number between different materials.
        if entry.cas and "n" not in entry.formula.rpartition(")")[2]:
            numbers[entry.cas].add(entry.substance)
            holders[entry.cas].append(entry.id)
        if entry.formula:
            count_elements(entry.formula)
    for cas, substances in numbers.items():
        if len(substances) > 1:
            text = f"CAS {cas} stands for {', '.join(sorted(substances))}"
            found.append(Finding("contradiction", tuple(holders[cas]), text))
    return found


def _inseparable(entries: Sequence[CatalogueEntry], resolution_cm: float, ratio: float) -> list[Finding]:
    """Compare references of different families as an instrument would, whose error is known.

    The error is noise (the strongest band's height over the signal-to-noise ratio, through the derivative)
    and a share of each band; what is left between two references after the best scale and a small shift of
    the axis is compared with it, mean square a point. Below `INSEPARABLE` no instrument tells them apart.
    """
    from spectriage.library.building.render import render_entry

    shift = DEFAULT_GRID.shift
    step = float(shift[1] - shift[0])
    pool = [entry for entry in entries if len(entry.bands) and entry.material_class != "calibration"]
    weights = savgol_weights(window_points(DERIVATIVE_WINDOW_CM, step), 3, 2)
    noise = float(np.linalg.norm(weights)) / step**2 / ratio
    rows, valid, unit = [], [], []
    for entry in pool:
        drawn = render_entry(entry, shift, resolution_cm)
        held = np.isfinite(drawn)
        top = float(np.nanmax(np.where(held, drawn, 0.0), initial=0.0))
        values, inside = differentiate(
            np.nan_to_num(drawn) / max(top, 1e-12), held, order=2, step_cm=step, width_cm=DERIVATIVE_WINDOW_CM
        )
        rows.append(values)
        valid.append(inside)
        norm = float(np.linalg.norm(values))
        unit.append(values / norm if norm > 0.0 else values)
    cosine = np.array(unit) @ np.array(unit).T
    found = []
    for i, j in zip(*np.nonzero(np.triu(cosine > 1.0 - 4.0 * PROPORTIONAL_ERROR**2, 1)), strict=True):
        first, second = pool[i], pool[j]
        both = valid[i] & valid[j]
        if first.family == second.family or both.sum() * step < COMMON_CM:
            continue
        excess = _excess(rows[i], rows[j], both, noise, step)
        if excess < INSEPARABLE:
            text = (
                f"no instrument of {resolution_cm:g} cm-1 and S/N {ratio:g} tells {first.family} from "
                f"{second.family} ({excess:.2f} of its own error): they belong to one family"
            )
            # Two that need no action are confused without harm, and say so; what raises must not be.
            harm = first.hazard is not second.hazard
            found.append(Finding("inseparable", (first.id, second.id), text, fault=harm))
    return found


def _excess(first: FloatArray, second: FloatArray, both: np.ndarray, noise: float, step: float) -> float:
    """Return the least mean square difference of two derivatives in units of an instrument's error."""
    best = np.inf
    points = np.arange(second.size, dtype=np.float64)
    fixed = first[both]
    for offset in np.arange(-AXIS_CM, AXIS_CM + 0.25, 0.5) / step:
        moved = np.interp(points - offset, points, second)[both]
        scale = float(fixed @ moved) / max(float(moved @ moved), 1e-300)
        error = noise**2 * (1.0 + scale**2) + (PROPORTIONAL_ERROR * fixed) ** 2
        best = min(best, float(np.mean((fixed - scale * moved) ** 2 / error)))
    return best


def _bands(entries: Sequence[CatalogueEntry]) -> list[Finding]:
    found = []
    for entry in entries:
        for band in entry.bands:
            seen = f"band at {band.shift_cm:g} cm-1"
            if not NARROWEST_CM <= band.fwhm_cm <= WIDEST_CM and entry.hazard.alarms:
                found.append(Finding("band", (entry.id,), f"the {seen} is {band.fwhm_cm:g} cm-1 wide"))
            if band.shift_cm > HIGHEST_SHIFT_CM:
                found.append(Finding("band", (entry.id,), f"the {seen} is beyond all Raman bands"))
            if entry.resolution_cm and band.fwhm_cm < 0.6 * entry.resolution_cm:
                text = f"the {seen} is {band.fwhm_cm:g} cm-1 wide, narrower than the resolution it contains"
                found.append(Finding("band", (entry.id,), text, fault=False))
        narrow = sum(band.fwhm_cm < SHARPEST_CM for band in entry.bands if entry.instrument_cm)
        if narrow > 0.5 * len(entry.bands) > 0:
            text = f"{narrow} of {len(entry.bands)} bands are narrower than {SHARPEST_CM:g} cm-1"
            found.append(Finding("band", (entry.id,), text, fault=False))
    return found


def _sources(entries: Sequence[CatalogueEntry]) -> list[Finding]:
    found = []
    for entry in entries:
        if entry.tier is Tier.BANDS and len(entry.citation) < 20:
            found.append(Finding("source", (entry.id,), f"'{entry.citation}' is no source that can be found"))
        if entry.citation.startswith("Measured spectrum") and not entry.extracted_from:
            found.append(
                Finding("source", (entry.id,), "was extracted from a spectrum that it does not name")
            )
        if entry.model_v is not None and entry.model_v < 0.9:
            found.append(Finding("source", (entry.id,), f"V to its own spectrum is {entry.model_v:.3f}"))
        if not entry.cas and not entry.cas_base and not entry.inchikey:
            text = "has neither CAS number nor InChIKey"
            found.append(Finding("source", (entry.id,), text, fault=entry.hazard.alarms))
    return found
