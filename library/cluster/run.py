"""`Run`: what all shards of a batch share, and what is kept of it beside the results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from spectriage.library.cluster.parts import Place
from spectriage.library.inputs.item import Item
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from spectriage.spectra.policy.policy import Policy

RUN_FILE = "_run.json"
"""Readers of Parquet folders pass over names that begin so."""
SCHEMA = 1


class PartFormat(StrEnum):
    """How shards of results are written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Run:
    """One batch on a cluster.

    Parameters
    ----------
    key
        What every result depends on besides its input, as `run_key`.
    out
        Where the shards go: a folder, or a URL.
    form
        Of the shards.
    library_sha256
        Content hash of the library.
    file_sha256
        Of the bytes of its file, as they are sent.
    policy
        Resolved here: a worker need not have its file.
    packaging
        As `Identifier` has it.
    versions
        Of the program here; those of a worker must be equal.
    first
        The first input, and its hash here: a worker that finds another there does not see the same files.
    """

    key: str
    out: str
    form: PartFormat
    library_sha256: str
    file_sha256: str
    policy: Policy
    packaging: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    first: tuple[Item, str] | None = None

    @property
    def name(self) -> str:
        """The name under which a worker knows it: others may run there meanwhile, into other places."""
        place = hashlib.sha256(self.out.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return f"spectriage-{self.key}-{place}"


def begin(place: Place, about: Mapping[str, Any]) -> None:
    """Write down what a run is, or check that the one begun there is the same.

    Raises
    ------
    ParameterError
        When the place holds results of another library, version, policy or cut, or something else.
    """
    if not is_begun(place, about):
        place.write_once(RUN_FILE, _text(about))
        is_begun(place, about)


def is_begun(place: Place, about: Mapping[str, Any]) -> bool:
    """Say whether a run was begun there; nothing is written.

    Raises
    ------
    ParameterError
        As for `begin`.
    """
    text, there = _text(about), place.read(RUN_FILE)
    if there is None:
        others = place.names()
        if others:
            raise ParameterError(
                f"the place for the results holds other things, such as {others[0]!r}",
                where=place.where,
                remedy="name an empty or a new folder",
            )
        return False
    if there == text:
        return True
    try:
        known = json.loads(there)
        different = sorted(name for name in about if known.get(name) != about[name]) or ["schema"]
    except (ValueError, AttributeError):
        different = [RUN_FILE]
    raise ParameterError(
        f"the results there are of another run: {', '.join(different)} differ",
        where=place.where,
        remedy="name another place, or remove this one",
    )


def _text(about: Mapping[str, Any]) -> bytes:
    return json.dumps({"schema": SCHEMA, **about}, indent=1, sort_keys=True).encode() + b"\n"
