"""Working off one shard: identify its inputs, or find it done; what comes back is small."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from spectriage.library.cluster.parts import Place, open_place, other_content
from spectriage.library.cluster.rows import encoded, lines_of, part_name
from spectriage.library.cluster.run import Run
from spectriage.library.cluster.shards import Shard
from spectriage.library.inputs.item import Item
from spectriage.library.inputs.reader import AHEAD, Reader
from spectriage.library.service.lines import Line, lines_of_items
from spectriage.spectra.errors import ParameterError
from spectriage.spectra.identify import Identifier


@dataclass(frozen=True)
class Done:
    """What came of a shard.

    Parameters
    ----------
    number, name
        Of the shard, and of its file.
    inputs, rows, size
        How many inputs and rows it has, and how many bytes.
    sha256
        Of its bytes.
    inputs_sha256
        Of its inputs' names and hashes.
    verdicts, errors
        Rows by verdict, and those that are errors.
    before
        Whether it was there already.
    """

    number: int
    name: str
    inputs: int
    rows: int
    size: int
    sha256: str
    inputs_sha256: str
    verdicts: dict[str, int]
    errors: int
    before: bool


def work_off(engine: Identifier, reader: Reader, run: Run, shard: Shard) -> Done:
    """Write the results of a shard, unless they are there.

    Raises
    ------
    ParameterError
        When what is there are the results of other inputs, or nothing can be written.
    """
    place = open_place(run.out)
    name = part_name(shard.number, run.form)
    there = place.read(name)
    if there is not None:
        return _done(shard, name, there, _checked(there, reader, run, shard, place), before=True)
    lines: list[Line] = []
    for start in range(0, len(shard.items), AHEAD):
        some = shard.items[start : start + AHEAD]
        reader.look_ahead(some)
        for own in lines_of_items(engine, reader, some, run.key):
            lines += own
    data = encoded(lines, run.form)
    place.write_once(name, data)
    return _done(shard, name, data, lines, before=False)


def _checked(data: bytes, reader: Reader, run: Run, shard: Shard, place: Place) -> list[Line]:
    """Return the rows of a shard that is there, when they are those of these inputs as they are now."""
    name = part_name(shard.number, run.form)
    where = f"{place.where}/{name}"
    known = lines_of(data, run.form, where)
    if any(key != run.key for key, _ in known):
        raise other_content(where)
    rows = [row for _, row in known]
    for item, (named, sha256) in _paired(shard.items, rows, where):
        if named != item.name:
            raise ParameterError(
                f"the results hold {named!r} where the inputs have {item.name!r}",
                where=where,
                remedy="name another place: the inputs are not those of the run that began it",
            )
        if reader.digest(item) != sha256:
            raise ParameterError(
                f"the input {item.name!r} has changed since it was identified",
                where=where,
                remedy="name another place for the results, or remove this one",
            )
    return rows


def _paired(items: Sequence[Item], rows: Sequence[Line], where: str) -> list[tuple[Item, tuple[str, str]]]:
    ends = [(row.name, row.sha256) for row in rows if row.last]
    if len(ends) != len(items):
        raise ParameterError(
            f"the shard holds the results of {len(ends)} inputs, not of {len(items)}",
            where=where,
            remedy="name another place: the inputs are not those of the run that began it",
        )
    return list(zip(items, ends, strict=True))


def _done(shard: Shard, name: str, data: bytes, rows: Sequence[Line], *, before: bool) -> Done:
    verdicts: dict[str, int] = {}
    inputs = hashlib.sha256()
    for row in rows:
        if row.verdict is not None:
            verdicts[row.verdict] = verdicts.get(row.verdict, 0) + 1
        if row.last:
            inputs.update(f"{row.name}\0{row.sha256}\0".encode("utf-8", "surrogatepass"))
    return Done(
        shard.number,
        name,
        len(shard.items),
        len(rows),
        len(data),
        hashlib.sha256(data).hexdigest(),
        inputs.hexdigest(),
        verdicts,
        len(rows) - sum(verdicts.values()),
        before,
    )
