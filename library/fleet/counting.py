"""What a fleet saw: counts by day, unit, place, target and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spectriage.library.fleet.store import require_sqlalchemy
from spectriage.spectra.errors import ParameterError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

GROUPS = ("day", "unit", "place", "target", "verdict")
"""What may be counted by; ``target`` counts what was found."""


def summary(
    connection: Connection, meta: MetaData, by: Sequence[str] = ("day", "verdict")
) -> list[dict[str, Any]]:
    """Return one row a group with its number of ``scans``, sorted by the groups.

    Parameters
    ----------
    by
        Of `GROUPS`. With ``target`` a scan that found two targets counts in both, one that found none in
        neither.

    Raises
    ------
    ParameterError
        For an unknown group, or none.
    """
    wrong = [name for name in by if name not in GROUPS]
    if wrong or not by:
        raise ParameterError(
            f"cannot count by {', '.join(wrong) or 'nothing'}", remedy=f"by {', '.join(GROUPS)}"
        )
    sa = require_sqlalchemy()
    records, targets = meta.tables["records"], meta.tables["targets"]
    columns = [(targets if name == "target" else records).c[name] for name in by]
    query = sa.select(*columns, sa.func.count().label("scans")).where(records.c.verdict != "")
    if "target" in by:
        joined = sa.and_(targets.c.journal == records.c.journal, targets.c.number == records.c.number)
        query = query.select_from(records.join(targets, joined)).where(targets.c.found)
    query = query.group_by(*columns).order_by(*columns)
    return [dict(row._mapping) for row in connection.execute(query)]
