"""Many units' journals in one store, each chain verified, with what a fleet's owner asks of it.

`merge` brings a journal into a store named by URL (SQLite or PostgreSQL, through SQLAlchemy, the extra
`fleet`); again is no change. `summary` counts by day, unit, place, target and verdict; `control_charts` show
a unit that drifts. A store holds the records as they were signed: it decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.fleet.charts import Chart, control_charts, plot_charts
    from spectriage.library.fleet.counting import GROUPS, summary
    from spectriage.library.fleet.merging import Merged, merge
    from spectriage.library.fleet.store import open_store

__all__ = ["GROUPS", "Chart", "Merged", "control_charts", "merge", "open_store", "plot_charts", "summary"]

__getattr__, __dir__ = late(
    __name__,
    {
        "charts": ("Chart", "control_charts", "plot_charts"),
        "merging": ("Merged", "merge"),
        "store": ("open_store",),
        "counting": ("GROUPS", "summary"),
    },
)
