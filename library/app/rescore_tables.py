"""What `spectriage rescore` prints: verdicts, substances, limits, and the changes that matter most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.library.app.shared import count

if TYPE_CHECKING:
    from rich.table import Table

    from spectriage.library.rescore.tally import Tally

SHOWN = 20


def print_tally(tally: Tally) -> None:
    """Print what changed in an archive, in words and tables."""
    from rich.console import Console

    console = Console()
    print(f"{count(tally.rows, 'row')}, {tally.changed:,} changed")
    if tally.added:
        print(f"{count(tally.added, 'new row')} that the old results did not have")
    for why, number in tally.why_passed_over.most_common():
        print(f"{count(number, 'record')} passed over: {why}")
    for name, before in tally.before.items():
        now = tally.now.get(name, "")
        print(f"{name}: {before}, the same" if before == now else f"{name}: {before} then, {now} now")
    known = tally.references
    if known is not None:
        print(f"references: {len(known.added)} new, {len(known.removed)} gone, {len(known.changed)} changed")
    for table in (_verdicts(tally), _substances(tally), _limits(tally), _changes(tally), _causes(tally)):
        if table.row_count:
            console.print(table)


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    made = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    return made


def _verdicts(tally: Tally) -> Table:
    made = _table("Verdicts", "then, now", "rows")
    for (before, now), number in sorted(
        tally.verdicts.items(), key=lambda each: (each[0][0] == each[0][1], each)
    ):
        made.add_row(before if before == now else f"{before} → {now}", f"{number:,}")
    return made


def _substances(tally: Tally) -> Table:
    made = _table("Components", "substance", "gained", "lost", "kept")
    for name in sorted({*tally.gained, *tally.lost}, key=lambda n: (-tally.gained[n] - tally.lost[n], n)):
        made.add_row(name, f"{tally.gained[name]:,}", f"{tally.lost[name]:,}", f"{tally.kept[name]:,}")
    return made


def _limits(tally: Tally) -> Table:
    made = _table("Limits of detection", "target", "lower", "higher", "median now / then", "found", "missed")
    for name in sorted({*tally.limits, *tally.found, *tally.missed}):
        moved = tally.limits[name].to_json() if name in tally.limits else {}
        median = moved.get("median_ratio")
        made.add_row(
            name,
            f"{moved.get('lower', 0) + moved.get('visible_now', 0):,}",
            f"{moved.get('higher', 0) + moved.get('never_now', 0):,}",
            "" if median is None else f"{median:.2f}",
            f"{tally.found[name]:,}",
            f"{tally.missed[name]:,}",
        )
    return made


def _changes(tally: Tally) -> Table:
    from rich.table import Table

    made = Table(title="Most serious changes", title_justify="left")
    for column in ("input", "verdict", "reason", "components", "why"):
        made.add_column(column, overflow="fold")
    for change in tally.changes()[:SHOWN]:
        if change.rank > 3:
            break
        verdict = change.now if change.before == change.now else f"{change.before} → {change.now}"
        then, now = change.reason
        reason = now if then == now else f"{then} → {now}"
        parts = [f"+ {name}" for name in change.gained] + [f"− {name}" for name in change.lost]
        made.add_row(
            f"{change.name} {change.spectrum}".strip(),
            verdict,
            reason,
            "\n".join(parts),
            "\n".join(change.causes),
        )
    return made


def _causes(tally: Tally) -> Table:
    made = _table("Why", "cause", "rows")
    for cause, number in tally.causes.most_common(SHOWN):
        made.add_row(cause, f"{number:,}")
    return made
