"""`Origin`: where the numbers of a spectrum come from."""

from __future__ import annotations

from enum import StrEnum


class Origin(StrEnum):
    """Where the numbers of a spectrum come from; the kinds are never pooled."""

    MEASURED = "measured"
    REPLAYED = "replayed"
    EMULATED = "emulated"
    SIMULATED = "simulated"
