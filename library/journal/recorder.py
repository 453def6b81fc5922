"""`Recorder`: a journal where one is asked for or configured, and nothing where none is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spectriage.library.journal.chain import Record
from spectriage.library.journal.entry import Entry
from spectriage.library.journal.identified import Context
from spectriage.library.journal.journal import Journal
from spectriage.library.journal.settings import journal_settings


class Recorder:
    """Records entries, if there is a journal.

    Parameters
    ----------
    journal
        None records nothing.
    context
        Said with every record.
    """

    def __init__(self, journal: Journal | None, context: Context) -> None:
        self.journal = journal
        self.context = context

    def keep(
        self, make: Callable[[Context], Entry], committed: Callable[[Record], None] | None = None
    ) -> Record | None:
        """Record what `make` returns; on the disk when this returns, so show the result afterwards.

        Parameters
        ----------
        make
            Given the context, returns what is recorded.
        committed
            Called as soon as it is on the disk; not where there is no journal.

        Raises
        ------
        JournalError
            It could not be recorded.
        """
        return None if self.journal is None else self.journal.append(make(self.context), committed)


@contextmanager
def recording(
    path: Path | None = None, *, operator: str = "", place: str = "", item: str = ""
) -> Iterator[Recorder]:
    """Give a recorder for the journal at `path`, or the configured one, or for none.

    Raises
    ------
    JournalError
        When there is one that cannot be written: before anything is scanned.
    """
    settings = journal_settings()
    context = settings.context(operator=operator, place=place, item=item)
    file = path or (Path(settings.path).expanduser() if settings.path else None)
    if file is None:
        yield Recorder(None, context)
        return
    with Journal(file) as journal:
        yield Recorder(journal, context)
