"""`Answer`: what came of one input, as every program gives it out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.verdict import JSON_SCHEMA, Identification, most_serious

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier
    from spectriage.spectra.spectrum import Spectrum

EXIT_FAILED = 2


@dataclass(frozen=True)
class Answer:
    """What came of one input: an identification, or the error that prevented it."""

    name: str
    result: Identification | None = None
    error: SpectriageError | None = None
    elapsed_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the identification's object, or one with the field `error`."""
        if self.result is not None:
            return self.result.to_json(input_name=self.name, elapsed_ms=self.elapsed_ms)
        return {"schema": JSON_SCHEMA, "input": self.name, "error": error_json(self.error)}

    def json_text(self) -> str:
        """Return what `json.dumps` makes of `to_json`, to the byte, in a third of the time."""
        if self.result is not None:
            return self.result.json_text(input_name=self.name, elapsed_ms=self.elapsed_ms)
        return json.dumps(self.to_json())


def with_head(head: Mapping[str, Any], text: str) -> str:
    """Return an object, given as text, with other fields before its own; neither is empty."""
    return f"{json.dumps(head)[:-1]}, {text[1:]}"


def error_json(error: SpectriageError | None) -> dict[str, str]:
    """Return an error as an object: its type, what is wrong, where, and what to do."""
    if error is None:
        return {}
    return {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
    }


def answer(
    engine: Identifier, name: str, spectrum: Spectrum, *, traces: bool = False, health: str = ""
) -> Answer:
    """Identify one spectrum and time it."""
    start = time.perf_counter()
    try:
        result = engine.identify(spectrum, traces=traces, health=health)
    except SpectriageError as error:
        return Answer(name, error=error)
    return Answer(name, result, elapsed_ms=(time.perf_counter() - start) * 1e3)


def exit_code(answers: Iterable[Answer]) -> int:
    """Return 10, 11, 12 or 0 for the most serious verdict; 2 when there is none."""
    verdicts = [item.result.verdict for item in answers if item.result is not None]
    return most_serious(verdicts).exit_code if verdicts else EXIT_FAILED
