"""Two engines, libraries or policies on the same scans: McNemar's exact test, chapter by chapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectriage.bench.report.statistics import paired_difference
from spectriage.bench.validation.counting import first_scans
from spectriage.bench.validation.records import Record
from spectriage.bench.validation.store import latest_run
from spectriage.spectra.errors import ParameterError


@dataclass(frozen=True)
class Compared:
    """A panel's trials under two runs.

    Parameters
    ----------
    both, only_first, only_second, neither
        Trials with a correct answer.
    p_value
        Two-sided, of McNemar's exact test that both are correct equally often.
    """

    chapter: str
    panel: str
    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float

    def to_json(self) -> dict[str, Any]:
        """Return the comparison."""
        return {**self.__dict__, "p_value": round(self.p_value, 9)}


def compare_runs(
    first: Path | str,
    second: Path | str,
    *,
    first_run: int | None = None,
    second_run: int | None = None,
) -> tuple[Compared, ...]:
    """Compare two runs scan by scan; only scans with the very same spectrum count.

    Raises
    ------
    ParameterError
        When they share no spectrum.
    """
    one = _by_scan(latest_run(Path(first), first_run).records())
    two = _by_scan(latest_run(Path(second), second_run).records())
    shared = [key for key in one if key in two]
    if not shared:
        raise ParameterError("the two runs share no spectrum", remedy="run the same plan with both")
    groups: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for key in shared:
        record = one[key]
        pair = (record.correct, two[key].correct)
        groups.setdefault((record.chapter, record.panel), []).append(pair)
    return tuple(_compared(chapter, panel, pairs) for (chapter, panel), pairs in groups.items())


def _by_scan(records: tuple[Record, ...]) -> dict[tuple[str, int, str], Record]:
    return {
        (record.panel, record.index, record.spectrum_sha256): record
        for record in first_scans(records)
        if record.spectrum_sha256
    }


def _compared(chapter: str, panel: str, pairs: list[tuple[bool, bool]]) -> Compared:
    return Compared(
        chapter,
        panel,
        both=sum(a and b for a, b in pairs),
        only_first=sum(a and not b for a, b in pairs),
        only_second=sum(b and not a for a, b in pairs),
        neither=sum(not a and not b for a, b in pairs),
        p_value=paired_difference([a for a, _ in pairs], [b for _, b in pairs]),
    )
