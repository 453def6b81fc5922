"""The command `spectriage bench laser`: attack the laser's off, and count."""

from __future__ import annotations

from typing import Annotated

import typer

ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="Emulated model; may be repeated. All when left out."),
]
AttackOption = Annotated[
    list[str] | None, typer.Option("--attack", "-a", help="Attacks whose name holds this; may be repeated.")
]
TimesOption = Annotated[
    int, typer.Option("--times", "-n", min=1, help="How often each attack on each model.")
]
CostOption = Annotated[
    bool, typer.Option("--cost/--no-cost", help="Also measure what the supervisor adds to a scan.")
]


def laser(
    model: ModelOption = None, attack: AttackOption = None, times: TimesOption = 1, cost: CostOption = True
) -> None:
    """Attack the laser's off on emulated units: signals, kills, stalls, races. Exit code 1 on a failure."""
    from spectriage.bench.laser.attacks import ATTACKS, Tally, run_side_by_side
    from spectriage.bench.laser.cost import measure_cost
    from spectriage.bench.laser.deaths import LASERS

    unknown = [name for name in model or () if name not in LASERS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is none of {', '.join(LASERS)}")
    models = tuple(model or LASERS)
    names = [name for name in ATTACKS if not attack or any(part in name for part in attack)]
    typer.echo("| attack | runs | on after the bound | unlatched | off after, ms |")
    typer.echo("|---|---|---|---|---|")

    def show(tally: Tally) -> None:
        slowest = "–" if tally.slowest_off_ms is None else f"≤ {tally.slowest_off_ms:.0f}"
        typer.echo(f"| {tally.name} | {tally.runs} | {tally.on} | {tally.unlatched} | {slowest} |")
        for note in [*tally.notes, *(f"{m}: not possible: {why}" for m, why in tally.skipped.items())]:
            typer.echo(f"{tally.name}: {note}", err=True)

    tallies = run_side_by_side(names, models, times=times, done=show)
    runs, on, unlatched = (sum(getattr(t, key) for t in tallies) for key in ("runs", "on", "unlatched"))
    typer.echo(f"| all {len(tallies)} attacks | {runs} | {on} | {unlatched} | |")
    if cost:
        for name in models:
            measured = measure_cost(name)
            typer.echo(
                f"{name}: a scan's {measured.calls:.0f} transfers take {measured.computed_ms:.1f} ms more "
                f"through the supervisor ({measured.trip_us:.0f} µs each, fastest trips); measured now: "
                f"medians {measured.more_ms:+.1f} ms, fastest scans {measured.more_fastest_ms:+.1f} ms."
            )
    raise typer.Exit(1 if on or unlatched else 0)
