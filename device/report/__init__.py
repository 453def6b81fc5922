"""The report of one record: one page, on a screen or on paper, presumptive where it cannot be missed.

`report_content` says what is on it, `html_report` and `pdf_report` draw the same content. Everything comes
from the record; nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.report.content import Content, Section, report_content
    from spectriage.device.report.page import html_report
    from spectriage.device.report.paper import PAPERS, pdf_report
    from spectriage.device.report.pictured import pictures

__all__ = ["PAPERS", "Content", "Section", "html_report", "pdf_report", "pictures", "report_content"]

__getattr__, __dir__ = late(
    __name__,
    {
        "content": ("Content", "Section", "report_content"),
        "page": ("html_report",),
        "paper": ("PAPERS", "pdf_report"),
        "pictured": ("pictures",),
    },
)
