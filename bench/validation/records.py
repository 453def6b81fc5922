"""What one scan of a trial came to: a flat record that holds no times, so that equal runs are equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from spectriage.bench.validation._fields import Scalar
from spectriage.spectra.errors import FormatError
from spectriage.spectra.verdict.verdict import RAISED


@dataclass(frozen=True)
class Named:
    """A component of an answer.

    Parameters
    ----------
    substance, family, material_class
        Of its reference.
    claim
        What was claimed: the substance, or its family.
    fraction, probability
        As stated.
    right
        Whether it is in the sample.
    """

    substance: str
    family: str
    material_class: str
    claim: str
    fraction: float
    probability: float | None
    right: bool


@dataclass(frozen=True)
class Material:
    """A component of a sample, and whether it was named."""

    name: str
    family: str
    material_class: str
    fraction: float
    found: bool = False


@dataclass(frozen=True)
class Record:
    """One scan.

    Parameters
    ----------
    index, repeat
        Its trial in the plan's order, and the scan of that trial.
    panel, chapter, factors, source
        What it was; `source` is the device URI, or the spectrum's name in its set.
    device, axis_sha256, spectrum_sha256
        The instrument, the axis it claimed (its calibration), and what was identified.
    sample, target
        What was there, and what was to be found.
    verdict, reason, summary
        The answer.
    named, raised
        Its components, and the families that it raised an alarm or warning for.
    best, best_probability, best_right
        The best match as a single substance, and whether it is the sample's strongest component.
    detected
        Whether the target was found; None for a blank.
    false_alarm
        Whether it raised something that was not there.
    correct
        Found what was to be found, raised nothing else, and named nothing for what the library does not have.
    amount
        Spectral fraction reported for the target's family.
    gains, lods
        Of the watched targets.
    result_sha256
        Of the whole canonical answer.
    error
        Why there is no answer; such a scan counts as not found.
    """

    index: int
    repeat: int
    panel: str
    chapter: str
    factors: Mapping[str, Scalar]
    source: str
    device: str
    sample: tuple[Material, ...]
    target: str
    axis_sha256: str = ""
    spectrum_sha256: str = ""
    verdict: str = ""
    reason: str = ""
    summary: str = ""
    named: tuple[Named, ...] = ()
    raised: tuple[str, ...] = ()
    best: str = ""
    best_probability: float | None = None
    best_right: bool = False
    detected: bool | None = None
    false_alarm: bool = False
    correct: bool = False
    amount: float = 0.0
    gains: Mapping[str, float] = field(default_factory=dict)
    lods: Mapping[str, float | None] = field(default_factory=dict)
    snr: float | None = None
    similarity: float | None = None
    result_sha256: str = ""
    error: str = ""

    @property
    def key(self) -> tuple[int, int]:
        """Trial and repeat."""
        return self.index, self.repeat

    @property
    def is_raised(self) -> bool:
        """Whether the verdict is an alarm or a warning."""
        return self.verdict in RAISED

    @property
    def material(self) -> str:
        """The cluster it belongs to: the target or, for a blank, the strongest material."""
        if self.target:
            return self.target
        return max(self.sample, key=lambda part: part.fraction).name if self.sample else ""

    def to_line(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def from_line(line: str, where: str) -> Record:
    """Read one line.

    Raises
    ------
    FormatError
        When it is not a record.
    """
    try:
        table = json.loads(line)
        table["sample"] = tuple(Material(**part) for part in table["sample"])
        table["named"] = tuple(Named(**part) for part in table["named"])
        table["raised"] = tuple(table["raised"])
        return Record(**table)
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"is not a record: {error}", where=where) from None
