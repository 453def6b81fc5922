"""What every picture shares: colours told apart by all, labels that do not cross, a file or a typed error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HAZARD = "#D55E00"
"""Vermilion, kept for what alarms or warns."""
COLOURS = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""The rest of Okabe and Ito's palette, told apart with every common colour vision."""
PACKAGING, MEASURED, FAINT = "#666666", "#000000", "#999999"
STYLES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)))
"""Line styles do in print what colours do on a screen."""
LABEL_POINTS = 11.0
"""Least distance of two labels on the page: a line of their text is 7 points high, written upwards."""
DPI = 130


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


def new_figure(width: float, height: float, path: Path | str) -> Figure:
    """Return an empty figure, in inches, for a file of this name.

    Raises
    ------
    ParameterError
        Without matplotlib, or for a kind of file that it does not write.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    # matplotlib would add a suffix of its own to a name that has none
    if Path(path).suffix.lower().lstrip(".") not in figure.canvas.get_supported_filetypes():
        raise ParameterError("not a kind of picture", where=str(path), remedy="use .png, .svg or .pdf")
    return figure


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure.

    Raises
    ------
    ParameterError
        When the file cannot be written.
    """
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise ParameterError(f"cannot be written: {error.strerror or error}", where=str(path)) from None


FOOTER = "library {library} · spectriage {engine} · drawn {day} · presumptive"


def footer(library: str, engine: str, when: datetime | None, text: str = FOOTER) -> str:
    """Return the line that says what a picture rests on: library, version, day."""
    day = (when or datetime.now(UTC)).date().isoformat()
    return text.format(library=library, engine=engine, day=day)


class Label(NamedTuple):
    """A band to be labelled: its text, where, how high its curve is there, how much it matters."""

    text: str
    shift_cm: float
    height: float
    weight: float


def place_labels(
    axes: Axes, labels: Sequence[Label], curve: FloatArray, shift: FloatArray, *, colour: str, most: int
) -> list[float]:
    """Write shifts above a curve, what matters most first, none nearer to another than text is high.

    Parameters
    ----------
    axes
        Their x limits are final.
    labels
        What could be labelled; those without room are left out.
    curve, shift
        What the labels must stay above, shape (m,) each.
    colour
        Of the text.
    most
        So many at most.

    Returns
    -------
    list of float
        The shifts that were labelled.
    """
    low, high = axes.get_xlim()
    width_points = axes.bbox.width / axes.figure.dpi * 72.0
    apart = LABEL_POINTS * (high - low) / width_points
    placed: list[float] = []
    for label in sorted(labels, key=lambda label: -label.weight):
        inside = low + 0.5 * apart <= label.shift_cm <= high - 0.5 * apart
        if len(placed) == most or not inside or any(abs(label.shift_cm - x) < apart for x in placed):
            continue
        near = np.abs(shift - label.shift_cm) < 0.5 * apart
        top = float(np.nanmax(curve[near])) if near.any() else label.height
        axes.annotate(
            label.text,
            (label.shift_cm, max(top, label.height)),
            textcoords="offset points",
            xytext=(0, 2),
            ha="center",
            va="bottom",
            fontsize=7,
            color=colour,
            rotation=90,
            annotation_clip=False,
        )
        placed.append(label.shift_cm)
    return placed
