"""`Captions`: the words on a picture, so that a page in another language need not carry English ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spectriage.spectra.report.drawing import FOOTER
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.words import wording


@dataclass(frozen=True)
class Captions:
    """English, as the engine speaks, unless others are given; {braces} are filled in.

    Parameters
    ----------
    heading, kind
        The answer, and what kind of evidence it rests on; the engine's own sentences where empty.
    named
        What a component is called.
    """

    heading: str = ""
    kind: str = ""
    named: Callable[[Component], str] = wording
    scan: str = "scan"
    measured: str = "measured"
    fit: str = "fit"
    background: str = "background"
    intensity: str = "intensity"
    components: str = "components"
    nothing: str = "nothing fits"
    not_claimed: str = "{name} (not claimed)"
    packaging: str = "{name} (packaging)"
    share: str = "{name}, {share} of the signal"
    rest: str = "(grey: measured less\nall the others)"
    residual: str = "residual, %"
    noise: str = "of the strongest band;\ngrey: ±2 × noise ({percent} %)"
    shift: str = "Raman shift (cm⁻¹)"
    footer: str = FOOTER
