"""Doing a recorded decision again: the same bytes, or what differs, by name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from spectriage.library.journal.chain import Record
from spectriage.library.journal.entry import canonical_json
from spectriage.library.journal.errors import AlteredJournalError, JournalError
from spectriage.library.journal.identified import jsonable, recorded_policy, said_by
from spectriage.library.service.engines import Engines
from spectriage.spectra.identify import Identifier
from spectriage.spectra.spectrum import Spectrum


@dataclass(frozen=True)
class Replay:
    """What came of doing a decision again.

    Parameters
    ----------
    number
        Of the record.
    same
        Whether the canonical results are equal, byte for byte.
    versions
        What it depends on and is not what it was: engine, library, policy, packaging.
    fields
        The fields of the result that differ: before and now.
    """

    number: int
    same: bool
    versions: dict[str, tuple[str, str]]
    fields: dict[str, tuple[Any, Any]]

    @property
    def explained(self) -> bool:
        """Whether it is the same, or what it depends on is not."""
        return self.same or bool(self.versions)

    def to_json(self) -> dict[str, Any]:
        """Return it for a script."""
        return {"schema": 1, **asdict(self)}


def replay(record: Record, spectrum: Spectrum, health: str, engine: Identifier) -> Replay:
    """Identify a recorded spectrum again and compare canonical results.

    Parameters
    ----------
    record
        Of an identification or a scan.
    spectrum, health
        As recorded, or made again from recorded counts and calibration.
    engine
        With the library and the policy of then, or those that it is to be compared with.
    """
    before = json.loads(record.payload)
    result = engine.identify(spectrum, health=health)
    now = jsonable(said_by(engine, result, None))
    old, new = before["result"], now["result"]
    fields = {
        name: (old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if canonical_json(old.get(name)) != canonical_json(new.get(name))
    }
    return Replay(record.number, not fields, _versions(before, now), fields)


def engine_as_recorded(record: Record, engines: Engines) -> Identifier:
    """Return the engine with the policy and the packaging that a record was decided with.

    A policy of another version, with what this one does not know, is replaced by that of the first engine:
    then `replay` names it among what differs.

    Raises
    ------
    JournalError
        The record holds no decision.
    ParameterError
        The library has no such packaging.
    """
    said = json.loads(record.payload)
    if "result" not in said or "policy" not in said:
        raise JournalError("the record holds no answer", where=f"record {record.number}")
    try:
        policy = recorded_policy(said)
    except AlteredJournalError:
        policy = engines.first.policy
    return engines.of(policy, tuple(said.get("packaging") or ["auto"]))


def _versions(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[str, str]]:
    def pairs(said: dict[str, Any]) -> dict[str, str]:
        return {
            "engine version": str(said["program"]["version"]),
            "engine sha256": str(said["program"]["sha256"]),
            "library sha256": str(said["result"]["library"].get("sha256", "")),
            "policy sha256": str(said["policy_sha256"]),
            "packaging": ", ".join(said["packaging"]),
        }

    old, new = pairs(before), pairs(now)
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}
