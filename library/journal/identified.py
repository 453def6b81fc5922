"""What an identification leaves to be recorded, and doing it again from that."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np

from spectriage.library.journal.chain import Record
from spectriage.library.journal.entry import Entry, unpack_array
from spectriage.library.journal.errors import AlteredJournalError
from spectriage.library.journal.journal import Journal
from spectriage.library.service.program import code_sha256
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import Hazard, Tier
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import Identification

KIND = "identification"


@dataclass(frozen=True)
class Context:
    """Who, where and what for; empty where nobody said.

    Parameters
    ----------
    operator, place
        As configured to be kept.
    item
        What the scan is of: a seizure's or a sample's number.
    """

    operator: str = ""
    place: str = ""
    item: str = ""


def identification_entry(
    spectrum: Spectrum,
    result: Identification,
    engine: Identifier,
    *,
    input_name: str,
    context: Context | None = None,
) -> Entry:
    """Return what is recorded of a spectrum from a file, and of its answer."""
    payload = {
        "input": input_name,
        "spectrum": spectrum_json(spectrum),
        "health": "",
        **said_by(engine, result, context),
    }
    return Entry(KIND, payload, spectrum_arrays(spectrum))


def said_by(engine: Identifier, result: Identification, context: Context | None) -> dict[str, Any]:
    """Return the answer with all that it depends on besides the spectrum."""
    policy = jsonable(asdict(engine.policy))
    return {
        "result": result.to_json(),
        "program": {"version": result.engine, "sha256": code_sha256("spectriage.spectra", "**/*.py")},
        "policy": policy,
        "policy_sha256": engine.policy.sha256,
        "packaging": list(engine.packaging),
        **asdict(context or Context()),
    }


def recorded_policy(payload: Mapping[str, Any]) -> Policy:
    """Return the policy that a record was decided by, as it was then.

    Raises
    ------
    AlteredJournalError
        It is none, or not the one whose hash was recorded.
    """
    try:
        said = dict(payload["policy"])
        targets = tuple(
            Target(
                **{
                    **target,
                    "families": tuple(target["families"]),
                    "classes": tuple(target["classes"]),
                    "hazards": tuple(map(Hazard, target["hazards"])),
                }
            )
            for target in said.pop("targets")
        )
        made = Policy(
            **{
                **said,
                "targets": targets,
                "raises": tuple(map(Hazard, said["raises"])),
                "explained": {Tier(tier): float(value) for tier, value in said["explained"].items()},
                "strip_after": tuple(said["strip_after"]),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError, ParameterError) as error:
        raise AlteredJournalError(f"the recorded policy is none that this program knows: {error}") from None
    if made.sha256 != payload.get("policy_sha256"):
        raise AlteredJournalError("the recorded policy is not the one whose hash was recorded")
    return made


def spectrum_json(spectrum: Spectrum) -> dict[str, Any]:
    """Return what is known of a spectrum besides its numbers."""
    return {
        "excitation_nm": spectrum.excitation_nm,
        "resolution_cm": spectrum.resolution_cm,
        "metadata": jsonable(spectrum.metadata),
        "history": list(spectrum.history),
    }


def spectrum_arrays(spectrum: Spectrum) -> dict[str, np.ndarray[Any, Any]]:
    """Return a spectrum's numbers by name."""
    arrays = {"shift": spectrum.shift, "intensity": spectrum.intensity}
    if spectrum.variance is not None:
        arrays["variance"] = spectrum.variance
    return arrays


def jsonable(value: Any) -> Any:
    """Return a value as JSON has it; a number that is not finite becomes its name, anything else its text."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)


def recorded_array(journal: Journal, payload: Mapping[str, Any], name: str) -> np.ndarray[Any, Any] | None:
    """Return a recorded array; None where the record has none of that name.

    Raises
    ------
    AlteredJournalError
        When it is gone or was changed.
    """
    sha256 = payload["blobs"].get(name)
    return None if sha256 is None else unpack_array(journal.blob(sha256))


def recorded_spectrum(journal: Journal, record: Record) -> tuple[Spectrum, str]:
    """Return the spectrum of a recorded identification, and the health it was decided with.

    Raises
    ------
    AlteredJournalError
        When the record holds none.
    """
    payload = json.loads(record.payload)
    shift, intensity, variance = (
        recorded_array(journal, payload, name) for name in ("shift", "intensity", "variance")
    )
    if shift is None or intensity is None:
        raise AlteredJournalError("the record holds no spectrum", where=f"record {record.number}")
    said = payload["spectrum"]
    spectrum = Spectrum(
        shift,
        intensity,
        variance,
        excitation_nm=said["excitation_nm"],
        resolution_cm=said["resolution_cm"],
        metadata=said["metadata"],
        history=tuple(said["history"]),
    )
    return spectrum, payload["health"]
