"""What the library's commands share: options, counts in words, and how a made file is reported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spectriage.spectra.terminal import print_json

if TYPE_CHECKING:
    from spectriage.library.signing import Trust
    from spectriage.spectra.reference import Reference, ReferenceSet

OutOption = Annotated[Path, typer.Option("--out", "-o", help="The library file to make.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
RequireOption = Annotated[
    bool,
    typer.Option("--require-signature", help="Open only a library that a trusted key has signed."),
]
KeysOption = Annotated[
    Path | None,
    typer.Option("--trusted-keys", help="File of trusted keys; the user's own if not given."),
]
RollbackOption = Annotated[
    bool, typer.Option("--allow-rollback", help="Accept a release older than one in use before.")
]


def trust_of(require: bool, keys: Path | None, rollback: bool) -> Trust:
    """Return which libraries may be opened, by options and environment."""
    from spectriage.library.signing import Trust

    return Trust.from_environment(require=require, keys=keys, allow_rollback=rollback)


def record_json(record: Reference) -> dict[str, Any]:
    """Return a record under the names that files and JSON use."""
    from spectriage.library.store.file import NUMBER_FIELDS, TEXT_FIELDS

    texts = {name: str(getattr(record, attribute)) for name, attribute in TEXT_FIELDS.items()}
    return texts | {name: getattr(record, name) for name in NUMBER_FIELDS}


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def report_made(out: Path, references: ReferenceSet, as_json: bool) -> None:
    """Say what file was made."""
    from spectriage.spectra.reference import Hazard, Tier

    column = references.column("tier").tolist()
    tiers = {tier: column.count(tier.encode()) for tier in Tier}
    if as_json:
        print_json(
            {
                "path": str(out),
                "name": references.name,
                "references": len(references),
                "tiers": {str(tier): number for tier, number in tiers.items()},
                "sha256": references.sha256,
            }
        )
        return
    parts = ", ".join(f"{number} {tier}" for tier, number in tiers.items() if number)
    print(f"{out}: {count(len(references), 'reference')} ({parts})")
    for record in references.records:
        if record.tier is Tier.MEASURED and record.hazard is not Hazard.NONE:
            print(f"    {record.id}: {record.hazard}")
    print(f"sha256 {references.sha256}")
