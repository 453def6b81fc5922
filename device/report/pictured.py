"""The spectrum of a record as a picture, with its fit where the record can be decided again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from spectriage.device.record import decided_on
from spectriage.device.report.captioning import captions
from spectriage.device.wording import Words
from spectriage.library.journal import Journal, Record, canonical_json
from spectriage.spectra.identify import Identifier
from spectriage.spectra.report import plot


def pictures(journal: Journal, record: Record, engine: Identifier, language: str = "en") -> dict[str, bytes]:
    """Return SVG and PNG of a record's spectrum; empty where this engine or library answers otherwise.

    A picture must not show a fit that the recorded answer does not rest on.

    Parameters
    ----------
    language
        Of its words.

    Raises
    ------
    ParameterError
        When the language is not spoken, or what draws is not installed.
    """
    said = json.loads(record.payload)
    spectrum, health = decided_on(journal, record)
    result = engine.identify(spectrum, traces=True, health=health)
    if canonical_json(result.to_json()) != canonical_json(said["result"]):
        return {}
    made, worded = {}, captions(said, Words(language))
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("svg", "png"):
            path = Path(folder) / f"spectrum.{kind}"
            plot(result, path, captions=worded)
            made[kind] = path.read_bytes()
    return made
