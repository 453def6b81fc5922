"""The picture of one library reference: its spectrum, its listed bands, how it is known and from where."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from spectriage.spectra.reference import Hazard, ReferenceSet, Tier
from spectriage.spectra.report.drawing import (
    COLOURS,
    HAZARD,
    Label,
    footer,
    new_figure,
    place_labels,
    save,
)
from spectriage.spectra.version import __version__

MAX_LABELS = 18
WIDTH_IN, HEIGHT_IN = 10.0, 4.6
CLAIMS = {
    Tier.MEASURED: "measured spectrum",
    Tier.BANDS: "band model: drawn from published or extracted bands",
    Tier.RECALLED: "band model: drawn from well-known bands whose table was not opened",
    Tier.ESTIMATED: "estimate: drawn by analogy, not known from any measurement",
    Tier.COMPUTED: "computed: from quantum chemistry, not measured",
}
"""What the curve is, by tier: only one of five was measured."""


def plot_reference(
    references: ReferenceSet,
    row: int,
    path: Path | str,
    *,
    bands: Sequence[tuple[float, float]] = (),
    when: datetime | None = None,
) -> None:
    """Write a picture of one reference.

    Parameters
    ----------
    references
        The library.
    row
        Of the reference.
    path
        A .png, .svg or .pdf file.
    bands
        Shift in cm⁻¹ and height of each listed band; peaks of the curve are labelled where there are none.
    when
        The day on the picture; today's if None.

    Raises
    ------
    ParameterError
        Without matplotlib, for a file type that it does not know, or when the file cannot be written.
    """
    record = references.records[row]
    figure = new_figure(WIDTH_IN, HEIGHT_IN, path)
    axes = figure.add_axes((0.07, 0.17, 0.90, 0.63))
    shift = references.shift
    curve = np.asarray(references.spectra[row], dtype=np.float64)
    known = np.isfinite(curve)
    colour = COLOURS[0] if record.hazard is Hazard.NONE else HAZARD
    axes.plot(shift, curve, color=colour, lw=1.1)
    if known.any():
        axes.set_xlim(shift[known][0], shift[known][-1])
        low, high = float(curve[known].min()), float(curve[known].max())
        # labels of 20 points stand above the highest band
        axes.set_ylim(low - 0.03 * (high - low), high + 0.17 * max(high - low, 1e-12))
    listed = list(bands) or _peaks(shift, curve)
    labels = [
        Label(f"{place_cm:.0f}", place_cm, float(np.interp(place_cm, shift, np.nan_to_num(curve))), height)
        for place_cm, height in listed
    ]
    place_labels(axes, labels, curve, shift, colour="#333333", most=MAX_LABELS)
    name = " ".join(part for part in (record.substance, record.form) if part)
    hazard = "" if record.hazard is Hazard.NONE else f", {record.hazard}"
    # Plain text: a name with a dollar sign is not a formula.
    figure.text(0.07, 0.965, f"{name}{hazard}", fontsize=11, weight="bold", va="top", parse_math=False)
    kind = f"{record.id} · {CLAIMS[record.tier]} · {record.source}".rstrip(" ·")
    text = textwrap.fill(textwrap.shorten(kind, 260, placeholder=" …"), 135)
    figure.text(0.07, 0.905, text, fontsize=8, va="top", color="#333333", parse_math=False)
    library = f"{references.name} {references.version} ({references.sha256[:8]})"
    figure.text(0.07, 0.02, footer(library, __version__, when), fontsize=7.5, color="#555555")
    axes.set_xlabel("Raman shift (cm⁻¹)")
    axes.set_ylabel("intensity (relative)")
    save(figure, path)


def _peaks(shift: np.ndarray, curve: np.ndarray) -> list[tuple[float, float]]:
    """Return the places and heights of the maxima that stand above a twentieth of the span."""
    values = np.nan_to_num(curve)
    inner = values[1:-1]
    least = values.min() + 0.05 * float(np.ptp(values))
    top = (inner > values[:-2]) & (inner >= values[2:]) & (inner > least)
    return [(float(shift[i + 1]), float(values[i + 1])) for i in np.flatnonzero(top)]
