"""`spectriage identify POWDER --strip STRIP`: one item, two kinds of evidence, side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from spectriage.library.service.answers import Answer, answer
from spectriage.library.service.printing import print_answer
from spectriage.library.service.strip import TwoScans, asks_for_strip
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier


def identify_both(
    normal: Identifier,
    sers: Identifier,
    powder: tuple[str, Spectrum | SpectriageError],
    strip: tuple[str, Spectrum | SpectriageError],
) -> TwoScans:
    """Identify an item's powder and its strip, each by its own references alone."""
    first = _one(normal, *powder)
    second = _one(sers, *strip)
    asked = first.result is not None and asks_for_strip(first.result, normal.policy)
    return TwoScans(powder[0], first, second, asked)


def _one(engine: Identifier, name: str, item: Spectrum | SpectriageError) -> Answer:
    if isinstance(item, SpectriageError):
        return Answer(name, error=item)
    return answer(engine, name, as_measured(item, engine.technique))


def as_measured(spectrum: Spectrum, technique: Technique) -> Spectrum:
    """Return a file's spectrum as one of the technique that the caller says it was measured by."""
    return replace(spectrum, technique=technique)


def print_both(made: TwoScans, *, as_json: bool, explain: bool) -> None:
    """Print the item's object, or both screens and the item's verdict."""
    if as_json:
        print(json.dumps(made.to_json(), ensure_ascii=False), flush=True)
        return
    print_answer(made.powder, as_json=False, explain=explain)
    if made.strip is not None:
        print_answer(made.strip, as_json=False, explain=explain)
    print(f"item {made.name}: {made.verdict or 'no answer'}\n{made.summary}", flush=True)
