"""The words on a report's picture, in the language of the report."""

from __future__ import annotations

from typing import Any

from spectriage.device.wording import Words, answers
from spectriage.spectra.origin import Origin
from spectriage.spectra.report.captions import Captions
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.identification import AXIS_ASSUMED
from spectriage.spectra.verdict.words import wording


def captions(said: dict[str, Any], words: Words) -> Captions:
    """Return the captions of the picture of a record's payload.

    In English the engine's own sentences stand, as they were recorded.
    """
    english = words.language == "en"
    return Captions(
        heading="" if english else _heading(said["result"], words),
        kind="" if english else _kind(said, words),
        named=wording if english else lambda part: _named(part, words),
        scan=words("picture_scan"),
        measured=words("measured"),
        fit=words("fit"),
        background=words("background"),
        intensity=words("picture_intensity"),
        components=words("picture_components"),
        nothing=words("picture_nothing"),
        not_claimed=words("picture_not_claimed", name="{name}"),
        packaging=words("picture_packaging", name="{name}"),
        share=words("picture_share", name="{name}", share="{share}"),
        rest=words("picture_rest"),
        residual=words("picture_residual"),
        noise=words("picture_noise", percent="{percent}"),
        shift=words("picture_shift"),
        footer=words("picture_footer", library="{library}", engine="{engine}", day="{day}"),
    )


def _heading(result: dict[str, Any], words: Words) -> str:
    found = answers(result, words)
    return f"{found.title}: {found.what[0]}"


def _kind(said: dict[str, Any], words: Words) -> str:
    device = said.get("device") or (said.get("spectrum") or {}).get("metadata") or {}
    measured = str(device.get("origin", Origin.MEASURED)) == str(Origin.MEASURED)
    kind = words("picture_measured") if measured else words("training")
    assumed = AXIS_ASSUMED in (said["result"].get("notes") or [])
    return f"{kind} {words('picture_axis')}" if assumed else kind


def _named(part: Component, words: Words) -> str:
    return words.name(part.claim)
