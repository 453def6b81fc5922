"""The picture of one identification: measured and fit, each component in a lane of its own, what is left.

Needs matplotlib, the extra `plot`. What alarms or warns stands first and strongest: vermilion, filled, with
its deciding bands marked through all panels and, behind it, what the measurement leaves when everything else
is taken away.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.fitting.band_list import BandSupport
from spectriage.spectra.reference import Hazard
from spectriage.spectra.report.captions import Captions
from spectriage.spectra.report.drawing import (
    COLOURS,
    FAINT,
    HAZARD,
    MEASURED,
    PACKAGING,
    STYLES,
    Label,
    footer,
    new_figure,
    place_labels,
    require_matplotlib,
    save,
)
from spectriage.spectra.signal.axis import corrected_shift
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.identification import AXIS_ASSUMED, Identification, Traces

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot", "require_matplotlib"]

WIDTH_IN, LANE_IN, TOP_IN, REST_IN, LINE_IN = 10.0, 0.9, 2.6, 1.1, 0.19
LEFT, RIGHT = 0.085, 0.79
MIN_LANES = 1.3
TEXT_COLUMNS = 27
LABELS_A_LANE = 6
ENGLISH = Captions()
MAGNIFIED = (1, 2, 5, 10, 20, 50)
LANE_FILL = 0.56
"""Share of a lane that its curve may take; its labels need the rest."""


class Lane(NamedTuple):
    """One part of the fit, as it is drawn."""

    name: str
    curve: FloatArray
    colour: str
    style: Any
    hazardous: bool
    bands: tuple[tuple[BandSupport, float], ...]


def plot(
    result: Identification,
    path: Path | str,
    *,
    title: str = "",
    when: datetime | None = None,
    captions: Captions = ENGLISH,
) -> None:
    """Write a picture of an identification: measured and fit, components, residual, labelled bands.

    Parameters
    ----------
    result
        Made by ``identify(..., traces=True)``.
    path
        A .png, .svg or .pdf file.
    title
        The input, printed above beside what kind of evidence it is.
    when
        The day on the picture; today's if None.
    captions
        The words on it.

    Raises
    ------
    ParameterError
        Without traces, without matplotlib, for a file type that it does not know, or when the file cannot be
        written.
    """
    if result.traces is None:
        raise ParameterError("there are no traces to plot", remedy="identify with traces=True")
    traces = result.traces
    lanes = _lanes(result, traces, captions)
    heights = (TOP_IN, LANE_IN * max(MIN_LANES, len(lanes)), REST_IN)
    verdict, kind = _heading(result, title, captions)
    above, below = 0.3 + LINE_IN * (verdict.count("\n") + kind.count("\n") + 2), 0.72
    total = sum(heights) + above + below
    figure = new_figure(WIDTH_IN, total, path)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    figure.subplots_adjust(left=LEFT, right=RIGHT, bottom=below / total, top=1.0 - above / total, hspace=0.06)
    seen = traces.shift[np.isfinite(traces.measured)]
    # cropped to what was measured: the rest of the library's axis is empty
    bottom.set_xlim(seen[0], seen[-1])
    place = 1.0 - 0.12 / total
    figure.text(LEFT, place, verdict, fontsize=11, weight="bold", va="top", parse_math=False)
    place -= (0.05 + LINE_IN * (verdict.count("\n") + 1)) / total
    figure.text(LEFT, place, kind, fontsize=8.5, va="top", color="#333333", parse_math=False)
    library = f"{result.library['name']} {result.library['version']} ({result.library['sha256'][:8]})"
    figure.text(
        LEFT,
        0.1 / total,
        footer(library, result.engine, when, captions.footer),
        fontsize=7.5,
        color="#555555",
    )
    _measured(top, traces, captions.scan if _synthetic(result) else captions.measured, captions)
    _draw_lanes(middle, lanes, traces, captions)
    _residual(bottom, traces, captions)
    for lane in lanes:
        if lane.hazardous:
            for _, place_cm in lane.bands:
                for axes in (top, bottom):
                    axes.axvline(place_cm, color=HAZARD, lw=0.7, alpha=0.5, zorder=0)
    save(figure, path)


def _heading(result: Identification, title: str, captions: Captions) -> tuple[str, str]:
    """Return the verdict with its sentence, and what was identified and of what kind it is."""
    verdict = captions.heading or f"{result.verdict.replace('_', ' ')}: {result.summary}"
    said = _synthetic(result)
    kind = captions.kind or " ".join(said if set(said) - {AXIS_ASSUMED} else ["Taken as measured.", *said])
    return textwrap.fill(verdict, 92), textwrap.fill(f"{title} · {kind}" if title else kind, 130)


def _synthetic(result: Identification) -> list[str]:
    """Return the notes that say that no instrument measured this, or that its axis was not named."""
    kinds = ("Simulated", "Emulated", "Unperturbed", AXIS_ASSUMED)
    return [note for note in result.notes if note.startswith(kinds)]


def _lanes(result: Identification, traces: Traces, captions: Captions) -> list[Lane]:
    """Return the parts of the fit: hazards, then the rest by share, then packaging."""
    shown = (*result.components, *result.packaging)
    by_id = {component.reference.id: component for component in shown}
    found = {target.reference.family for target in result.targets if target.found}

    def rank(name: str) -> tuple[int, float]:
        component = by_id.get(name)
        share = -float(np.nanmax(traces.parts[name], initial=0.0))
        if component is None:
            return 2, share
        return (0 if hazardous(component) else 3 if component.reference.is_packaging else 1), share

    def hazardous(component: Component | None) -> bool:
        if component is None:
            return False
        return component.reference.hazard is not Hazard.NONE or component.reference.family in found

    lanes = []
    plain = 0
    for name in sorted(traces.parts, key=rank):
        component = by_id.get(name)
        packaging = component is not None and component.reference.is_packaging
        style: Any
        if hazardous(component):
            colour, style = HAZARD, "-"
        elif packaging:
            colour, style = PACKAGING, STYLES[3]
        else:
            colour, style = COLOURS[plain % len(COLOURS)], STYLES[plain % len(STYLES)]
            plain += 1
        if component is None:
            label = captions.not_claimed.format(name=name)
        elif packaging:
            label = captions.packaging.format(name=captions.named(component))
        else:
            share = f"{component.spectral_fraction:.0%}"
            label = captions.share.format(name=captions.named(component), share=share)
        bands = () if component is None else tuple(_places(component, result, traces.shift))
        lanes.append(Lane(label, traces.parts[name], colour, style, hazardous(component), bands))
    return lanes


def _places(
    component: Component, result: Identification, shift: FloatArray
) -> Iterator[tuple[BandSupport, float]]:
    """Yield the bands that a component is needed for, and where on the measurement's own axis they lie."""
    theirs = corrected_shift(shift, result.axis_offset_cm, result.axis_stretch)
    for band in component.bands:
        if band.supports:
            yield band, float(np.interp(band.shift_cm, theirs, shift))


def _measured(axes: Axes, traces: Traces, name: str, captions: Captions) -> None:
    fit = traces.baseline + sum(traces.parts.values(), np.zeros(traces.shift.size))
    axes.plot(traces.shift, traces.measured, color=MEASURED, lw=1.0, label=name)
    if traces.parts:
        axes.plot(traces.shift, fit, color=COLOURS[0], lw=1.0, ls="--", label=captions.fit)
    axes.plot(traces.shift, traces.baseline, color=FAINT, lw=0.9, ls=":", label=captions.background)
    axes.set_ylabel(captions.intensity)
    axes.ticklabel_format(axis="y", scilimits=(-2, 5))
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0.0)


def _draw_lanes(axes: Axes, lanes: list[Lane], traces: Traces, captions: Captions) -> None:
    """Draw the parts of the fit above each other on one scale; a faint one is magnified, and says so."""
    seen = np.isfinite(traces.measured)
    strongest = max((float(np.max(lane.curve[seen], initial=0.0)) for lane in lanes), default=0.0)
    axes.set_ylim(0.0, max(1, len(lanes)))
    axes.set_yticks([])
    axes.set_ylabel(captions.components if lanes else captions.nothing)
    for place, lane in enumerate(reversed(lanes)):
        peak = float(np.max(lane.curve[seen], initial=0.0))
        fits = [factor for factor in MAGNIFIED if factor * peak <= strongest]
        factor = max(fits) if fits and peak > 0.0 else 1
        scale = LANE_FILL * factor / strongest if strongest > 0.0 else 0.0
        base = place + 0.06
        drawn = base + scale * lane.curve
        axes.axhline(base, color="#CCCCCC", lw=0.5, zorder=0)
        top = drawn
        if lane.hazardous:
            left = traces.measured - traces.baseline - sum(traces.parts.values()) + lane.curve
            left = np.clip(base + scale * left, place + 0.01, base + LANE_FILL)
            axes.plot(traces.shift, left, color=FAINT, lw=0.7, zorder=1)
            axes.fill_between(traces.shift, base, drawn, color=lane.colour, alpha=0.25, lw=0, zorder=2)
            top = np.fmax(drawn, left)
        axes.plot(
            traces.shift,
            drawn,
            color=lane.colour,
            ls=lane.style,
            lw=1.8 if lane.hazardous else 1.1,
            label=lane.name,
            zorder=3,
        )
        text = textwrap.fill(lane.name, TEXT_COLUMNS) + (f"\n×{factor}" if factor > 1 else "")
        if lane.hazardous:
            text += f"\n{captions.rest}"
        axes.annotate(
            text,
            (1.01, (place + 0.5) / len(lanes)),
            xycoords="axes fraction",
            fontsize=8,
            color=lane.colour,
            va="center",
            weight="bold" if lane.hazardous else "normal",
            parse_math=False,
        )
        _label_lane(axes, lane, traces.shift, top)


def _label_lane(axes: Axes, lane: Lane, shift: FloatArray, top: FloatArray) -> None:
    """Write the shift above the strongest bands that a component is needed for."""
    labels = [
        Label(f"{band.shift_cm:.0f}", place_cm, float(np.interp(place_cm, shift, top)), band.height)
        for band, place_cm in lane.bands
    ]
    place_labels(axes, labels, top, shift, colour=lane.colour, most=LABELS_A_LANE)


def _residual(axes: Axes, traces: Traces, captions: Captions) -> None:
    """Draw what the fit leaves, in per cent of the strongest band, beside what the noise alone would."""
    left = traces.measured - traces.baseline - sum(traces.parts.values(), np.zeros(traces.shift.size))
    span = float(np.nanmax(traces.measured - traces.baseline))
    percent = 100.0 / span if span > 0.0 else 0.0
    axes.plot(traces.shift, percent * left, color="#333333", lw=0.8)
    axes.axhline(0.0, color=FAINT, lw=0.5)
    axes.set_ylabel(captions.residual)
    axes.set_xlabel(captions.shift)
    in_noise = np.abs(traces.residual)
    known = np.isfinite(in_noise) & (in_noise > 0.0)
    noise = float(np.median(np.abs(left[known]) / in_noise[known])) if known.any() else 0.0
    axes.axhspan(-2.0 * percent * noise, 2.0 * percent * noise, color=FAINT, alpha=0.35, lw=0, zorder=0)
    axes.annotate(
        captions.noise.format(percent=f"{percent * noise:.2g}"),
        (1.01, 0.5),
        xycoords="axes fraction",
        fontsize=8,
        va="center",
    )
