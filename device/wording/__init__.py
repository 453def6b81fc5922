"""What results, checks and errors are called, in every language: for the screen and the report.

``words.toml`` holds every sentence, ``names.toml`` what materials are called. `Words` fills them in;
`answers` puts an officer's five answers together from a result's codes. Nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.wording.answering import Answers, answers
    from spectriage.device.wording.words import LANGUAGES, Words

__all__ = ["LANGUAGES", "Answers", "Words", "answers"]

__getattr__, __dir__ = late(__name__, {"answering": ("Answers", "answers"), "words": ("LANGUAGES", "Words")})
