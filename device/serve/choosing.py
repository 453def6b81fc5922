"""`choose`: another policy, made ready, recorded, and in force from the next scan on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from spectriage.device.serve.unit import Unit
from spectriage.spectra.policy import Policy

KIND = "policy"


def choose(unit: Unit, choice: str, journal: Path, operator: str) -> Policy:
    """Decide by another policy; on the thread that scans.

    Parameters
    ----------
    choice
        Of the unit's rules.
    journal
        Where it is recorded that, when and by whom it was chosen.
    operator
        Empty where nobody has to log in.

    Raises
    ------
    JournalError
        It could not be recorded: then the policy is the one of before.
    """
    from spectriage.library.journal import Entry, jsonable, recording

    before, policy = unit.rules.policy, unit.rules.of(choice)
    unit.engines().of(policy)
    text = f"decided by the policy {policy.name} from now on, before by {before.name}"
    payload = {
        "text": text,
        "policy": jsonable(asdict(policy)),
        "policy_sha256": policy.sha256,
        "before": {"name": before.name, "sha256": before.sha256},
    }
    with recording(journal, operator=operator, place=unit.setup.place) as recorder:
        recorder.keep(lambda context: Entry(KIND, {**payload, **asdict(context)}))
    unit.rules.choose(choice)
    unit.warm()
    return policy
