"""The spectra behind old rows: found again among the inputs, unchanged, before anything is identified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spectriage.library.inputs.item import Item
from spectriage.library.inputs.reader import AHEAD, Reader
from spectriage.library.rescore.errors import RescoreError
from spectriage.library.rescore.results import Row, inputs_of
from spectriage.spectra.progress import Progress


def check_spectra(
    rows: Iterable[Row], items: Iterable[Item], *, progress: Progress | None = None
) -> tuple[int, int]:
    """Find the input of every old row, and compare its hash.

    Results stand in the order of their inputs. There may be more inputs than rows: an archive grows.

    Parameters
    ----------
    rows
        Of the old results.
    items
        The inputs, as `batch_items` lists them.
    progress
        Called with the inputs checked.

    Returns
    -------
    inputs, others
        How many inputs the rows are of, and how many there are besides.

    Raises
    ------
    RescoreError
        When the input of a row is not there, or its hash is another.
    """
    reader = Reader()
    stream = _ahead(items, reader)
    inputs = others = 0
    for row, *_ in inputs_of(rows):
        for item in stream:
            if item.name == row.name:
                break
            others += 1
        else:
            raise RescoreError(
                f"the spectrum behind this row is not there: no input {row.name!r} after those before it",
                where=row.where,
                remedy="give the inputs of the old batch with --inputs",
            )
        if reader.digest(item) != row.sha256:
            raise RescoreError(
                f"the input {row.name!r} is not what was identified then: its hash differs",
                where=row.where,
                remedy="give the inputs as they were, or identify them anew",
            )
        inputs += 1
        if progress is not None and inputs % AHEAD == 0:
            progress("checking inputs", inputs, inputs)
    others += sum(1 for _ in stream)
    return inputs, others


def _ahead(items: Iterable[Item], reader: Reader) -> Iterator[Item]:
    """Yield items, those at URLs fetched some at a time."""
    held: list[Item] = []
    for item in items:
        held.append(item)
        if len(held) == AHEAD:
            reader.look_ahead(held)
            yield from held
            held = []
    reader.look_ahead(held)
    yield from held
