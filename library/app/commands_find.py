"""The commands `spectriage library search` and `audit`, and the summary that `list` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from spectriage.spectra.reference import ReferenceSet


def print_summary(references: ReferenceSet, *, as_json: bool) -> None:
    """Print what a library holds, as a Markdown table or as JSON, one class a line."""
    from spectriage.library.catalogue.summary import as_markdown, summarise

    rows = summarise(references)
    if not as_json:
        print(as_markdown(rows))
        return
    for row in rows:
        tiers = {str(tier): count for tier, count in row.tiers.items()}
        counts = {"substances": row.substances, "response_measured": row.response_measured}
        print(
            json.dumps({"class": row.material_class, "tiers": tiers, **counts, "references": row.references})
        )


def search(
    words: Annotated[list[str], typer.Argument(help="Substance, alias, form, class, CAS number, formula…")],
    library: Annotated[
        Path | None,
        typer.Option("--library", "-l", help="A library file; the shipped catalogue if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Find references that hold all of the words, in what they are called or known by.

    Exit code 1 when there is none.
    """
    from spectriage.library.app.shared import record_json
    from spectriage.library.building.cache import open_library
    from spectriage.library.catalogue.lookup import search_records
    from spectriage.library.service.progress import progress_bar

    with progress_bar() as progress:
        references = open_library(library, progress=progress)
    rows = search_records(references, " ".join(words))
    for row in rows:
        record = references.records[row]
        if as_json:
            print(json.dumps(record_json(record), ensure_ascii=False))
        else:
            known = (f"{record.substance} ({record.form})" if record.form else record.substance, record.cas)
            print("  ".join((record.id, *(text for text in known if text), str(record.tier))))
    if not as_json:
        print(f"{len(rows)} of {len(references):,} references in {references.name} {references.version}")
    if not rows:
        raise typer.Exit(1)


def audit(
    resolution: Annotated[
        float, typer.Option("--resolution", help="Of the instrument that must tell families apart, cm⁻¹.")
    ] = 8.0,
    signal_to_noise: Annotated[float, typer.Option("--signal-to-noise", help="Of its scans.")] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Audit the shipped catalogue: duplicates, contradictions, what cannot be told apart, bands, sources.

    Exit code 1 when there are faults.
    """
    from spectriage.library.building.audit import audit_catalogue

    findings = audit_catalogue(resolution_cm=resolution, signal_to_noise=signal_to_noise)
    for finding in findings:
        if as_json:
            about = {"fault": finding.fault, "kind": finding.kind, "ids": list(finding.ids)}
            print(json.dumps({**about, "text": finding.text}, ensure_ascii=False))
        else:
            head = "FAULT" if finding.fault else "note "
            print(f"{head} {finding.kind}: {', '.join(finding.ids)}: {finding.text}")
    faults = sum(finding.fault for finding in findings)
    if not as_json:
        print(f"{faults} {'fault' if faults == 1 else 'faults'}, {len(findings) - faults} notes")
    if faults:
        raise typer.Exit(1)
