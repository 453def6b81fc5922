"""A report as one PDF page; needs fpdf2, the extra `report`.

fpdf2 is pure Python and the same on every board; WeasyPrint draws the HTML page itself, but needs system
libraries that a handheld's image does not have. The font comes with matplotlib, which draws the spectrum.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectriage.device.report.content import Content, Section
from spectriage.device.report.page import qr_png
from spectriage.spectra.errors import ParameterError

PAPERS = ("a4", "letter")
MARGIN_MM = 12.0
LINE_MM = 3.9
TALLEST_MM, SMALLEST_MM = 95.0, 30.0
NEXT_LINE: dict[str, Any] = {"new_x": "LMARGIN", "new_y": "NEXT"}
COLOURS = {
    "ALARM": (251, 233, 233),
    "WARNING": (255, 245, 222),
    "INCONCLUSIVE": (232, 243, 248),
    "NO_ALARM": (244, 244, 244),
}


def pdf_report(content: Content, *, paper: str = "a4") -> bytes:
    """Return the page as PDF.

    Parameters
    ----------
    paper
        ``a4`` or ``letter``.

    Raises
    ------
    ParameterError
        For another paper, or when fpdf2 is not installed.
    """
    if paper not in PAPERS:
        raise ParameterError(f"there is no paper {paper!r}", remedy=f"one of {', '.join(PAPERS)}")
    try:
        from fpdf import FPDF
    except ImportError:
        raise ParameterError(
            "PDF reports need fpdf2", remedy='install the extra: pip install "spectriage[report]"'
        ) from None

    def drawn(picture_mm: float) -> tuple[Any, float]:
        pdf = FPDF(format=paper)
        pdf.set_auto_page_break(False)
        pdf.set_margin(MARGIN_MM)
        pdf.set_title(f"{content.labels['title']}, {content.labels['record']}: {content.verdict}")
        for style, name in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            pdf.add_font("page", style, str(_fonts() / name))
        pdf.add_page()
        return pdf, pdf.h - MARGIN_MM - _Page(pdf, content, picture_mm).draw()

    # the words come first; the picture has what room they leave on one page
    _, left_mm = drawn(0.0)
    pdf, _ = drawn(min(left_mm, TALLEST_MM) if left_mm >= SMALLEST_MM else 0.0)
    return bytes(pdf.output())


def _fonts() -> Path:
    from spectriage.spectra.report import require_matplotlib

    return Path(require_matplotlib().get_data_path()) / "fonts" / "ttf"


class _Page:
    def __init__(self, pdf: Any, content: Content, picture_mm: float) -> None:
        self.pdf = pdf
        self.content = content
        self.picture_mm = picture_mm
        self.width = pdf.epw

    def draw(self) -> float:
        """Draw it, and return how far down it goes in mm."""
        self._head()
        self._verdict()
        self._picture()
        for section in self.content.sections[:2]:
            self._table(section)
        return self._pairs(self.content.sections[2:])

    def _text(
        self, text: str, size: float, *, bold: bool = False, width: float = 0.0, high: float = LINE_MM
    ) -> None:
        self.pdf.set_font("page", "B" if bold else "", size)
        self.pdf.multi_cell(width or self.width, high, text, align="L", **NEXT_LINE)

    def _head(self) -> None:
        pdf, content = self.pdf, self.content
        pdf.image(io.BytesIO(qr_png(content.hash)), x=pdf.w - MARGIN_MM - 22, y=MARGIN_MM - 2, w=22)
        width = self.width - 26
        self._text(content.labels["title"], 13, bold=True, width=width, high=6)
        self._text(f"{content.labels['record']} · Spectriage", 8, width=width)
        if content.origin != "measured":
            self._text(content.labels["origin"].upper(), 10, bold=True, width=width, high=5)
        pdf.set_y(max(pdf.get_y() + 1, MARGIN_MM + 19))
        pdf.set_font("page", "B", 8)
        pdf.multi_cell(
            self.width, LINE_MM, content.presumptive, border=1, padding=1.2, align="L", **NEXT_LINE
        )
        pdf.ln(1.5)

    def _verdict(self) -> None:
        pdf, content = self.pdf, self.content
        pdf.set_fill_color(*COLOURS[content.code])
        pdf.set_font("page", "B", 14)
        pdf.multi_cell(
            self.width,
            7,
            f"[{content.mark}]  {content.verdict}",
            border="LTR",
            fill=True,
            padding=(1, 2),
            align="L",
            **NEXT_LINE,
        )
        pdf.set_font("page", "", 8.5)
        pdf.multi_cell(
            self.width,
            LINE_MM,
            f"{content.summary}\n{content.labels['next']} {content.next_step}",
            border="LBR",
            fill=True,
            padding=(0, 2, 1),
            align="L",
            **NEXT_LINE,
        )
        pdf.ln(1.5)

    def _picture(self) -> None:
        data = self.content.picture.get("png")
        if data is not None and self.picture_mm:
            box = {"x": MARGIN_MM, "w": self.width, "h": self.picture_mm, "keep_aspect_ratio": True}
            self.pdf.image(io.BytesIO(data), **box)
            self.pdf.ln(0.5)

    def _heading(self, text: str, width: float = 0.0) -> None:
        pdf = self.pdf
        pdf.set_font("page", "B", 8.5)
        pdf.cell(width or self.width, 5, text, border="B", **NEXT_LINE)

    def _table(self, section: Section) -> None:
        """Draw rows whose first column is wider; a cell that is too long goes on in the next line."""
        pdf = self.pdf
        self._heading(section.title)
        count = len(section.head)
        widths = [self.width * (1.6 if place == 0 else 1.0) / (count + 0.6) for place in range(count)]
        for place, cells in enumerate((section.head, *section.rows)):
            pdf.set_font("page", "" if place else "B", 7.5)
            top = bottom = pdf.get_y()
            left = MARGIN_MM
            for cell, width in zip(cells, widths, strict=True):
                pdf.set_xy(left, top)
                pdf.multi_cell(width, LINE_MM, cell, align="L", **NEXT_LINE)
                bottom = max(bottom, pdf.get_y())
                left += width
            pdf.set_y(bottom)
        if section.note:
            self._text(section.note, 7.5)
        pdf.ln(1)

    def _pairs(self, sections: Sequence[Section]) -> float:
        """Draw the pairs of two sections side by side; return where the longer one ends."""
        pdf = self.pdf
        bottom = 0.0
        top, width = pdf.get_y(), (self.width - 6) / 2
        left = MARGIN_MM
        for section in sections:
            pdf.set_left_margin(left)
            pdf.set_xy(left, top)
            self._heading(section.title, width)
            for name, value in section.rows:
                pdf.set_font("page", "B", 6.8)
                pdf.cell(29, 3.3, name)
                pdf.set_font("page", "", 6.8)
                wrap = "WORD" if " " in value else "CHAR"
                pdf.multi_cell(width - 29, 3.3, value, wrapmode=wrap, align="L", **NEXT_LINE)
            if section.note:
                pdf.set_font("page", "", 6.8)
                pdf.multi_cell(width, 3.3, section.note, **NEXT_LINE, align="L")
            left += width + 6
            bottom = max(bottom, float(pdf.get_y()))
        pdf.set_left_margin(MARGIN_MM)
        return bottom


def wrap_of(value: str) -> str:
    """Break a hash or an address anywhere, and prose between words."""
    return "CHAR" if " " not in value else "WORD"
