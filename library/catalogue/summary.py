"""What a library holds: its substances by class and evidence tier, with and without a measured response."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from spectriage.spectra.reference import Reference, ReferenceSet, Tier


@dataclass(frozen=True)
class ClassSummary:
    """Substances of one class.

    Parameters
    ----------
    material_class
        Its name; ``all`` for the whole library.
    tiers
        Substances by the strongest tier that any of their references has.
    response_measured
        Substances whose response per mass was measured; that of all others is assumed.
    references
        Of all of them.
    """

    material_class: str
    tiers: dict[Tier, int]
    response_measured: int
    references: int

    @property
    def substances(self) -> int:
        """How many there are."""
        return sum(self.tiers.values())


def summarise(references: ReferenceSet) -> list[ClassSummary]:
    """Count the substances of a library by class, the whole library last.

    A substance in two classes (acetaminophen, which is also a calibration standard) counts in each, and once
    in all.
    """
    classes: dict[str, list[Reference]] = defaultdict(list)
    for record in references.records:
        classes[record.material_class].append(record)
    rows = [_summary(name, records) for name, records in sorted(classes.items())]
    return [*rows, _summary("all", list(references.records))]


def _summary(name: str, records: list[Reference]) -> ClassSummary:
    best: dict[str, Tier] = {}
    measured = set()
    for record in records:
        known = best.get(record.substance, record.tier)
        best[record.substance] = min(known, record.tier, key=lambda tier: tier.rank)
        if record.response_basis == "measured":
            measured.add(record.substance)
    tiers = {tier: sum(own is tier for own in best.values()) for tier in Tier}
    return ClassSummary(name, tiers, len(measured), len(records))


def as_markdown(rows: list[ClassSummary]) -> str:
    """Return the table as the README shows it."""
    tiers = [tier for tier in Tier if any(row.tiers[tier] for row in rows)]
    heads = ["class", *(str(tier) for tier in tiers), "substances", "response measured", "references"]
    lines = [" | ".join(heads), "|".join(["---"] * len(heads))]
    for row in rows:
        counts = [str(row.tiers[tier] or "") for tier in tiers]
        cells = [row.material_class, *counts, str(row.substances), str(row.response_measured or "")]
        lines.append(" | ".join([*cells, str(row.references)]))
    return "\n".join(f"| {line} |" if i != 1 else f"|{line}|" for i, line in enumerate(lines))
