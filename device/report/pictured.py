"""The spectrum of a record as a picture, with its fit where the record can be decided again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from spectriage.device.record import decided_on
from spectriage.library.journal import Journal, Record, canonical_json
from spectriage.spectra.identify import Identifier
from spectriage.spectra.report import plot


def pictures(journal: Journal, record: Record, engine: Identifier) -> dict[str, bytes]:
    """Return SVG and PNG of a record's spectrum; empty where this engine or library answers otherwise.

    A picture must not show a fit that the recorded answer does not rest on.
    """
    spectrum, health = decided_on(journal, record)
    result = engine.identify(spectrum, traces=True, health=health)
    if canonical_json(result.to_json()) != canonical_json(json.loads(record.payload)["result"]):
        return {}
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("svg", "png"):
            path = Path(folder) / f"spectrum.{kind}"
            plot(result, path)
            made[kind] = path.read_bytes()
    return made
