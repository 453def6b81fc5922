"""What is recorded without being asked for, and what is left out: the user's ``settings.toml``.

.. code-block:: toml

    [journal]
    path = "journal.db"      # every scan and identification is recorded here
    operator = "badge 17"    # said with each record
    place = "lane 4"
    keep_operator = true     # false leaves it out of every record
    keep_place = true
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from spectriage.library.journal.errors import JournalError
from spectriage.library.journal.identified import Context

MAX_BYTES = 100_000


@dataclass(frozen=True)
class JournalSettings:
    """The table ``[journal]`` of the settings.

    Parameters
    ----------
    path
        Where scans are recorded without ``--journal``; empty records none.
    operator, place
        Said with each record.
    keep_operator, keep_place
        Whether they are kept at all.
    """

    path: str = ""
    operator: str = ""
    place: str = ""
    keep_operator: bool = True
    keep_place: bool = True

    def context(self, *, operator: str = "", place: str = "", item: str = "") -> Context:
        """Return what is said with a record; what is named here comes before the settings."""
        return Context(
            (operator or self.operator) if self.keep_operator else "",
            (place or self.place) if self.keep_place else "",
            item,
        )


def settings_path() -> Path:
    """Return where the settings are: ``$SPECTRIAGE_CONFIG``, or the user's configuration folder."""
    from platformdirs import user_config_path

    named = os.environ.get("SPECTRIAGE_CONFIG")
    return Path(named) if named else user_config_path("spectriage") / "settings.toml"


def journal_settings(path: Path | None = None) -> JournalSettings:
    """Read the settings; all defaults where there is no file.

    Raises
    ------
    JournalError
        When a key is unknown or of the wrong kind.
    """
    file = path or settings_path()
    where = str(file)
    try:
        if not file.is_file():
            return JournalSettings()
        table = tomllib.loads(file.read_bytes()[:MAX_BYTES].decode("utf-8")).get("journal", {})
    except (OSError, ValueError) as error:
        raise JournalError(f"the settings cannot be read: {error}", where=where) from error
    known = {field.name: field for field in fields(JournalSettings)}
    if not isinstance(table, dict):
        raise JournalError("[journal] is not a table", where=where)
    for key, value in table.items():
        if key not in known:
            raise JournalError(
                f"[journal] has no setting {key!r}", where=where, remedy=f"known are {', '.join(known)}"
            )
        if type(value) is not type(known[key].default):
            raise JournalError(f"[journal] {key} = {value!r} is of the wrong kind", where=where)
    return JournalSettings(**table)
