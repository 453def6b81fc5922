"""Tasks that the workers of a test's cluster find by this module's name."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from made import SHIFT, scan

from spectriage.spectra.errors import SpectrumError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.technique import Technique


@dataclass(frozen=True)
class Sum:
    """A context with a value of its own."""

    start: int


def added(context, task):
    return context.start + task


def refused(context, task):
    if task == 7:
        raise SpectrumError("the seventh is flat")
    return task


def said(engine, seed, technique=Technique.NORMAL):
    made = engine.identify(Spectrum(SHIFT, scan(seed), technique=technique)).to_json()
    return json.dumps({name: value for name, value in made.items() if name != "elapsed_ms"})


def identify_slowly(engine, seed):
    time.sleep(0.05)
    return seed, said(engine, seed)
