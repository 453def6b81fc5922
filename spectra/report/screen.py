"""One identification as a screen for people: verdict, components, why, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.evidence.target_evidence import TargetEvidence
from spectriage.spectra.verdict.component import Component
from spectriage.spectra.verdict.identification import Identification
from spectriage.spectra.verdict.verdict import Verdict
from spectriage.spectra.verdict.words import wording

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {
    Verdict.ALARM: ("[!!]", "bold white on red"),
    Verdict.WARNING: ("[! ]", "bold black on yellow"),
    Verdict.INCONCLUSIVE: ("[? ]", "bold black on cyan"),
    Verdict.NO_ALARM: ("[--]", "bold"),
}
BAR_CELLS = 24
SHOWN_CANDIDATES = 3
WELL_EXPLAINED = 0.9
"""Agreement from which a share is called one of the signal."""


def show(result: Identification, console: Console, *, title: str = "", explain: bool = False) -> None:
    """Print an identification.

    Parameters
    ----------
    result
        What to print.
    console
        Where; a rich console, which respects ``NO_COLOR``. Every colour is doubled by a word or a mark.
    title
        The file or device, printed first.
    explain
        Whether to list the bands that decided, the alternatives and every target.
    """
    from rich.text import Text

    mark, style = MARKS[result.verdict]
    if title:
        console.print(title, style="dim", markup=False, highlight=False)
    head = Text(f"{mark} {result.verdict.replace('_', ' ')}", style=style)
    console.print(Text.assemble(head, f"  {result.summary}"), markup=False, highlight=False)
    wrapped = sum(part.spectral_fraction for part in result.packaging)
    for component in result.components:
        console.print(_component_line(component, result), markup=False, highlight=False)
    for component in result.packaging:
        share = component.spectral_fraction / (1.0 + wrapped) if result.components else 1.0
        bar = "·" * BAR_CELLS
        console.print(
            f"  {bar}  packaging, {share:.0%} of all light  {wording(component)}",
            markup=False,
            highlight=False,
        )
    rows: list[tuple[str, str]] = [("Why", fact) for fact in result.facts]
    rows.append(("Next", result.next_step))
    rows += _target_rows(result, explain)
    if result.candidates and (explain or not result.components):
        shown = result.candidates[: 10 if explain else SHOWN_CANDIDATES]
        names = ", ".join(f"{c.reference.substance} {c.score:.2f}" for c in shown)
        rows.append(("Looks like", f"{names} (1 is identical)"))
    if explain:
        rows += _explanation_rows(result)
    rows += [("Note", note) for note in result.notes]
    quality = result.quality
    rows.append(
        (
            "Signal",
            f"{quality.snr:.0f} times the noise ({quality.noise_from}), {quality.low_cm:.0f}-"
            f"{quality.high_cm:.0f} cm⁻¹; axis {result.axis_offset_cm:+.1f} cm⁻¹. Presumptive result.",
        )
    )
    _print_rows(console, rows)


def _print_rows(console: Console, rows: list[tuple[str, str]]) -> None:
    """Print labelled lines; a label that repeats is printed once, long lines keep their indent."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=14, no_wrap=True)
    grid.add_column(overflow="fold")
    before = ""
    for label, text in rows:
        grid.add_row(Text(f"  {label}:" if label != before else ""), Text(text))
        before = label
    console.print(grid)


def _component_line(component: Component, result: Identification) -> str:
    filled = round(component.spectral_fraction * BAR_CELLS)
    bar = "█" * filled + "░" * (BAR_CELLS - filled)
    # of a scan that is explained by half a share is one of that half
    whole = "the signal" if result.similarity >= WELL_EXPLAINED else "what is explained"
    return f"  {bar}  {component.spectral_fraction:4.0%} of {whole}  {wording(component)}"


def _target_rows(result: Identification, explain: bool) -> list[tuple[str, str]]:
    """List what was watched for and not found, each with the least that would have been seen."""
    missed = [target for target in result.targets if not target.found]
    covered = [target for target in missed if target.covered]
    rows = []
    if covered:
        shown = covered if explain else sorted(covered, key=lambda target: -target.lod)
        names = ", ".join(f"{target.name} {_limit(target)}" for target in shown)
        rows.append(("Not found", f"{names} (would have been seen)"))
    provisional = ", ".join(target.name for target in covered if target.provisional)
    if provisional:
        rows.append(("Provisional", f"the limits of {provisional}: their references are recalled tables"))
    guessed = sorted({family for target in missed for family in target.guessed})
    if guessed:
        rows.append(("Not covered", f"{', '.join(guessed)}: no measured reference"))
    return rows


def _limit(target: TargetEvidence) -> str:
    if not target.lod <= 1.0:
        return "in no amount"
    if target.asked.mass is None:
        return f"≥ {target.lod:.0%} of the signal"
    return f"≥ {target.mass.middle:.0%} (≤ {target.mass.high:.0%}) by mass"


def _explanation_rows(result: Identification) -> list[tuple[str, str]]:
    rows = []
    for component in (*result.components, *result.packaging):
        bands = ", ".join(
            f"{band.shift_cm:.0f}{'' if band.supports else ' (not needed)'}" for band in component.bands[:12]
        )
        rows.append(("Component", f"{component.reference.id} ({component.reference.tier}): bands {bands}"))
        low, high = component.fraction_low, component.fraction_high
        odds = "" if component.probability is None else f"; probability {component.probability:.3f}"
        rows.append(("Component", f"{low:.0%} to {high:.0%} of the signal (nominal 95 %){odds}"))
        if component.alternatives:
            rows.append(("Component", f"could also be: {', '.join(component.alternatives)}"))
    return rows
