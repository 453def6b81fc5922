"""The plots of a report, each an SVG in a data URI: nothing is loaded from outside, nothing in them runs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spectriage.bench.report.statistics import Proportion
from spectriage.bench.validation.panel_result import Curve
from spectriage.bench.validation.sections import VERDICTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, MUTED = "#1f2937", "#1d4ed8", "#9ca3af"
VERDICT_COLOURS = ("#b91c1c", "#d97706", "#9ca3af", "#15803d", "#111827")
SPARK_WIDTH, SPARK_HEIGHT, SPARK_POINTS = 260, 60, 130


def draw(curve: Curve) -> str:
    """Return a plot as a data URI."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.hashsalt": curve.title,
        "svg.fonttype": "path",
        # Names of materials come from outside: no text of theirs is taken for mathematics.
        "text.parse_math": False,
        "font.size": 8.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.titlesize": 9,
    }
    with rc_context(settings):
        figure = Figure(figsize=_size(curve), layout="constrained")
        _DRAWN[curve.kind](figure.add_subplot(), curve.data)
        return _data_uri(figure)


def _size(curve: Curve) -> tuple[float, float]:
    rows = len(curve.data.get("groups", curve.data.get("samples", ())))
    return (6.6, 0.7 + 0.2 * rows) if rows else (4.2, 2.7)


def _data_uri(figure: Figure) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _pod(axes: Axes, data: dict[str, Any]) -> None:
    levels = np.array(data["levels"])
    shares = [Proportion(a, b, "exact").interval for a, b in zip(data["found"], data["tried"], strict=True)]
    values = np.array([share.value for share in shares])
    errors = np.array([[s.value - s.low for s in shares], [s.high - s.value for s in shares]])
    axes.errorbar(levels, values, np.maximum(errors, 0.0), fmt="o", color=INK, markersize=4, capsize=2.5)
    if data["slope"] is not None:
        x = np.geomspace(levels[0] * 0.7, min(levels[-1] * 1.2, 1.0), 200)
        logit = data["intercept"] + data["slope"] * np.log(x)
        axes.plot(x, 1.0 / (1.0 + np.exp(-np.clip(logit, -50, 50))), color=ACCENT)
    axes.axhline(0.95, color=MUTED, linewidth=0.8, linestyle="--")
    axes.set(xscale="log", ylim=(-0.03, 1.03), xlabel="level", ylabel="probability of detection")
    axes.set_xticks(levels, [f"{level:g}" for level in levels])
    axes.minorticks_off()


def _roc(axes: Axes, data: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
    axes.plot(data["false"], data["true"], color=ACCENT, drawstyle="steps-post")
    axes.text(0.98, 0.05, f"AUC {data['area']:.4f}", ha="right", transform=axes.transAxes)
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="false-positive rate", ylabel="true-positive rate")


def _reliability(axes: Axes, data: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
    right = np.array(data["right"])
    errors = np.maximum([right - np.array(data["low"]), np.array(data["high"]) - right], 0.0)
    axes.errorbar(data["stated"], right, errors, fmt="o-", color=ACCENT, markersize=4, capsize=2.5)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="stated probability", ylabel="share right")


def _verdicts(axes: Axes, data: dict[str, Any]) -> None:
    counts = np.array(data["counts"], dtype=np.float64)
    places = np.arange(len(counts))[::-1]
    left = np.zeros(len(counts))
    for i, label in enumerate((*VERDICTS, "no answer")):
        axes.barh(places, counts[:, i], left=left, height=0.8, color=VERDICT_COLOURS[i], label=label)
        left += counts[:, i]
    axes.set_yticks(places, data["groups"])
    axes.set(xlim=(0, max(left.max(), 1.0)), ylim=(-0.6, len(counts) - 0.4), xlabel="trials")
    axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=7)


def _spread(axes: Axes, data: dict[str, Any]) -> None:
    parts = np.square(np.array(data["parts"]))
    places = np.arange(len(parts))[::-1]
    left = np.zeros(len(parts))
    for i, (label, colour) in enumerate((("repeats", MUTED), ("spots", "#d97706"), ("instruments", ACCENT))):
        axes.barh(places, parts[:, i], left=left, height=0.7, color=colour, label=label)
        left += parts[:, i]
    axes.set_yticks(places, data["samples"])
    axes.set(xlabel="variance of the reported fraction", ylim=(-0.6, len(parts) - 0.4))
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=7)


_DRAWN: dict[str, Callable[[Axes, dict[str, Any]], None]] = {
    "pod": _pod,
    "roc": _roc,
    "reliability": _reliability,
    "verdicts": _verdicts,
    "spread": _spread,
}


def spark_path(shift: Sequence[float], intensity: Sequence[float]) -> str:
    """Return a spectrum as the path of a small inline SVG: numbers only; the peaks of each step are kept."""
    x = np.asarray(shift, dtype=np.float64)
    y = np.asarray(intensity, dtype=np.float64)
    edges = np.linspace(0, x.size, min(SPARK_POINTS, x.size) + 1).astype(int)
    top = np.maximum.reduceat(y, edges[:-1])
    at = x[edges[:-1]]
    low, span = float(top.min()), float(np.ptp(top)) or 1.0
    across = (at - x[0]) / (x[-1] - x[0]) * SPARK_WIDTH
    down = (SPARK_HEIGHT - 2.0) - (top - low) / span * (SPARK_HEIGHT - 4.0)
    return "M" + "L".join(f"{a:.0f} {b:.1f}" for a, b in zip(across, down, strict=True))
