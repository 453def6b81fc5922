"""The chart of a recorded scan: spectrum, fit, background, and what the fit leaves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spectriage.device.serve.models import Curves
from spectriage.device.wording.words import Words


def chart(found: Curves, words: Words, *, night: bool) -> dict[str, Any]:
    """Return the options of an ECharts chart, zoomed by pinch, wheel or slider."""
    fitted = [
        None if base is None else base + sum(part[row] or 0.0 for part in found.parts.values())
        for row, base in enumerate(found.baseline)
    ]
    x = found.shift_cm
    series = [
        _line(words("measured"), x, found.measured, "#1f77d0"),
        _line(words("fit"), x, fitted, "#d1495b"),
        _line(words("background"), x, found.baseline, "#8a8f98"),
        _line(words("noise_units"), x, found.residual, "#b8860b", grid=1),
    ]
    ink = "#f2f4f7" if night else "#10151c"
    axis = {"axisLabel": {"color": ink, "fontSize": 14}, "nameTextStyle": {"color": ink}}
    span = {"type": "value", "min": "dataMin", "max": "dataMax"}
    return {
        "animation": False,
        "legend": {"top": 0, "textStyle": {"color": ink, "fontSize": 15}},
        "grid": [
            {"left": 60, "right": 20, "top": 34, "bottom": 175},
            {"left": 60, "right": 20, "height": 65, "bottom": 80},
        ],
        "xAxis": [
            {**span, "gridIndex": 0, "axisLabel": {"show": False}},
            {**span, "gridIndex": 1, "name": "cm⁻¹", "nameLocation": "middle", "nameGap": 24, **axis},
        ],
        "yAxis": [
            {"type": "value", "gridIndex": 0, "scale": True, **axis},
            {"type": "value", "gridIndex": 1, "scale": True, "splitNumber": 2, **axis},
        ],
        "dataZoom": [
            {"type": "inside", "xAxisIndex": [0, 1]},
            {"type": "slider", "xAxisIndex": [0, 1], "height": 30},
        ],
        "series": series,
    }


def live_chart(words: Words, *, night: bool) -> dict[str, Any]:
    """Return the options of the chart of a scan that is going on, without points yet."""
    ink = "#f2f4f7" if night else "#10151c"
    axis = {"axisLabel": {"color": ink, "fontSize": 14}, "nameTextStyle": {"color": ink, "fontSize": 14}}
    span = {"type": "value", "min": "dataMin", "max": "dataMax"}
    return {
        "animation": False,
        "grid": {"left": 64, "right": 14, "top": 26, "bottom": 40},
        "xAxis": {**span, "name": "cm⁻¹", "nameLocation": "middle", "nameGap": 24, **axis},
        "yAxis": {"type": "value", "scale": True, "name": words("counts"), "splitNumber": 3, **axis},
        "series": [_line(words("measured"), (), (), "#8cc2ff" if night else "#14477d")],
    }


def _line(
    name: str, x: Iterable[float], y: Iterable[float | None], color: str, *, grid: int = 0
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "lineStyle": {"width": 2 - grid},
        "color": color,
        "xAxisIndex": grid,
        "yAxisIndex": grid,
        "data": [[at, value] for at, value in zip(x, y, strict=True) if value is not None],
    }
