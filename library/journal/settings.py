"""What is recorded without being asked for, and what is left out: the user's ``settings.toml``.

.. code-block:: toml

    [journal]
    path = "journal.db"      # every scan and identification is recorded here
    operator = "badge 17"    # said with each record
    place = "lane 4"
    keep_operator = true     # false leaves it out of every record
    keep_place = true

Other tables are read by those who use them, with `settings_table`.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from spectriage.library.journal.errors import JournalError
from spectriage.library.journal.identified import Context

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_BYTES = 100_000
Settings = TypeVar("Settings", bound="DataclassInstance")


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
    """Read the table ``[journal]``; all defaults where there is no file.

    Raises
    ------
    JournalError
        When a key is unknown or of the wrong kind.
    """
    return settings_table("journal", JournalSettings, path)


def settings_table(name: str, kind: type[Settings], path: Path | None = None) -> Settings:
    """Read one table of the settings; all defaults where there is no file or no such table.

    Parameters
    ----------
    name
        Of the table.
    kind
        A dataclass whose fields all have defaults: a setting is of the default's type.
    path
        The file; `settings_path` if None.

    Raises
    ------
    JournalError
        When a key is unknown or of the wrong kind.
    """
    file = path or settings_path()
    where = str(file)
    try:
        if not file.is_file():
            return kind()
        table = tomllib.loads(file.read_bytes()[:MAX_BYTES].decode("utf-8")).get(name, {})
    except (OSError, ValueError) as error:
        raise JournalError(f"the settings cannot be read: {error}", where=where) from error
    known = {field.name: field for field in fields(kind)}
    if not isinstance(table, dict):
        raise JournalError(f"[{name}] is not a table", where=where)
    for key, value in table.items():
        if key not in known:
            raise JournalError(
                f"[{name}] has no setting {key!r}", where=where, remedy=f"known are {', '.join(known)}"
            )
        wanted = type(known[key].default)
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise JournalError(f"[{name}] {key} = {value!r} is of the wrong kind", where=where)
    return kind(**table)
