"""A report as one HTML file that loads nothing; needs jinja2 and segno, the extra `report`."""

from __future__ import annotations

import base64
from dataclasses import asdict
from importlib import resources
from typing import Any

from spectriage.device.report.content import Content
from spectriage.spectra.errors import ParameterError


def html_report(content: Content) -> str:
    """Return the page.

    Raises
    ------
    ParameterError
        When jinja2 or segno is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise ParameterError(
            "reports need jinja2", remedy='install the extra: pip install "spectriage[report]"'
        ) from None
    text = resources.files("spectriage.device.report").joinpath("templates/report.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    picture = {kind: base64.b64encode(data).decode("ascii") for kind, data in content.picture.items()}
    return environment.from_string(text).render(
        **{
            **asdict(content),
            "picture": picture,
            "qr": base64.b64encode(qr_svg(content.hash)).decode("ascii"),
        }
    )


def qr_svg(text: str) -> bytes:
    """Return a QR code (ISO/IEC 18004) as SVG."""
    import io

    out = io.BytesIO()
    _segno().make(text, error="m").save(out, kind="svg", scale=3, border=2)
    return out.getvalue()


def qr_png(text: str) -> bytes:
    """Return a QR code as PNG."""
    import io

    out = io.BytesIO()
    _segno().make(text, error="m").save(out, kind="png", scale=6, border=2)
    return out.getvalue()


def _segno() -> Any:
    try:
        import segno
    except ImportError:
        raise ParameterError(
            "reports need segno", remedy='install the extra: pip install "spectriage[report]"'
        ) from None
    return segno
