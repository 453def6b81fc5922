"""A plot of one identification; needs matplotlib, the extra `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.identification import Identification, Traces
from spectriage.spectra.verdict.rules import wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
"""Okabe and Ito's palette, told apart with every common colour vision; line styles do the same in print."""
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
LABELLED_BANDS = 6


def require_matplotlib() -> Any:
    """Return matplotlib with a backend that opens no window.

    Raises
    ------
    ParameterError
        When it is not installed, naming the extra.
    """
    try:
        import matplotlib
    except ImportError:
        raise ParameterError(
            "plots need matplotlib", remedy='install the extra: pip install "spectriage[plot]"'
        ) from None
    matplotlib.use("Agg")
    return matplotlib


def plot(result: Identification, path: Path | str, *, title: str = "") -> None:
    """Write a picture of an identification: measured and fit, components, residual, labelled bands.

    Parameters
    ----------
    result
        Made by ``identify(..., traces=True)``.
    path
        A .png, .svg or .pdf file.
    title
        Printed above.

    Raises
    ------
    ParameterError
        Without traces, without matplotlib, for a file type that it does not know, or when the file cannot be
        written.
    """
    if result.traces is None:
        raise ParameterError("there are no traces to plot", remedy="identify with traces=True")
    require_matplotlib()
    from matplotlib.figure import Figure

    traces = result.traces
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    # matplotlib would add a suffix of its own to a name that has none
    if Path(path).suffix.lower().lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise ParameterError("not a kind of picture", where=str(path), remedy="use .png, .svg or .pdf")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1))
    heading = f"{result.verdict.replace('_', ' ')}: {result.summary}"
    figure.suptitle(f"{title}\n{heading}" if title else heading, fontsize=10, wrap=True)
    _measured(top, traces)
    _parts(middle, result, traces)
    bottom.plot(traces.shift, traces.residual, color="#444444", lw=0.7)
    bottom.axhline(0.0, color="#999999", lw=0.5)
    bottom.set_ylabel("residual / noise")
    bottom.set_xlabel("Raman shift (cm⁻¹)")
    # cropped to what was measured: the rest of the library's axis is empty
    seen = traces.shift[np.isfinite(traces.measured)]
    bottom.set_xlim(seen[0], seen[-1])
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise ParameterError(f"cannot be written: {error.strerror or error}", where=str(path)) from None


def _measured(axes: Axes, traces: Traces) -> None:
    fit = traces.baseline + sum(traces.parts.values(), np.zeros(traces.shift.size))
    axes.plot(traces.shift, traces.measured, color="black", lw=0.9, label="measured")
    axes.plot(traces.shift, traces.baseline, color="#999999", lw=0.9, ls=":", label="background")
    if traces.parts:
        axes.plot(traces.shift, fit, color=COLOURS[1], lw=0.9, label="fit")
    axes.set_ylabel("intensity")
    axes.legend(fontsize=8, loc="upper right")


def _parts(axes: Axes, result: Identification, traces: Traces) -> None:
    shown = (*result.components, *result.packaging)
    by_id = {component.reference.id: component for component in shown}
    for i, (name, curve) in enumerate(traces.parts.items()):
        component = by_id.get(name)
        colour, style = COLOURS[i % len(COLOURS)], STYLES[i % len(STYLES)]
        label = name if component is None else wording(component)
        if component is not None and component.reference.is_packaging:
            label += " (packaging)"
        axes.plot(traces.shift, curve, color=colour, ls=style, lw=1.0, label=label)
        if component is not None:
            _label_bands(axes, component, traces.shift, curve, colour)
    axes.set_ylabel("components")
    if traces.parts:
        axes.legend(fontsize=8, loc="upper right")
    axes.margins(y=0.25)


def _label_bands(axes: Axes, component: Component, shift: Any, curve: Any, colour: str) -> None:
    """Write the shift above the strongest bands that a component is needed for."""
    for band in [band for band in component.bands if band.supports][:LABELLED_BANDS]:
        height = float(np.interp(band.shift_cm, shift, curve))
        axes.annotate(
            f"{band.shift_cm:.0f}",
            (band.shift_cm, height),
            textcoords="offset points",
            xytext=(0, 3),
            ha="center",
            fontsize=7,
            color=colour,
            rotation=90,
        )
