"""The rows of old results, in their order: a file of JSON lines, or a cluster's shards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from spectriage.library.cluster.parts import open_place
from spectriage.library.cluster.rows import PREFIX, decoded
from spectriage.library.cluster.run import RUN_FILE, PartFormat
from spectriage.library.files.places import local_path
from spectriage.library.rescore.errors import RescoreError
from spectriage.library.service.batch import MAX_RESULT_BYTES
from spectriage.spectra.errors import ParameterError

SQLITE = b"SQLite format 3\0"
_NEEDED = ("run", "name", "sha256", "last")


@dataclass(frozen=True)
class Row:
    """One row of results.

    Parameters
    ----------
    run, name, sha256, spectrum, last
        As a batch writes them.
    result
        The whole row.
    where
        Its place, for messages.
    """

    run: str
    name: str
    sha256: str
    spectrum: str
    last: bool
    result: dict[str, Any]
    where: str


def is_journal(old: str) -> bool:
    """Whether old results are a journal, by the first bytes of the file."""
    path = local_path(old)
    if path is None or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def result_rows(old: str) -> Iterator[Row]:
    """Yield the rows of a batch.

    Parameters
    ----------
    old
        A file of JSON lines; or the folder, or URL, into which a cluster wrote.

    Raises
    ------
    RescoreError
        When it is neither, or a row is not one of a batch.
    """
    path = local_path(old)
    rows = _lines(old) if path is not None and not path.is_dir() else _parts(old)
    for where, result in rows:
        missing = [name for name in _NEEDED if name not in result]
        if missing or not ("error" in result or isinstance(result.get("verdict"), str)):
            raise RescoreError(
                f"the row has no {missing[0] if missing else 'verdict'}",
                where=where,
                remedy="give results of `spectriage identify --batch`",
            )
        yield Row(
            str(result["run"]),
            str(result["name"]),
            str(result["sha256"]),
            str(result.get("spectrum", "")),
            bool(result["last"]),
            result,
            where,
        )


def inputs_of(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows of one input after another.

    Raises
    ------
    RescoreError
        When the last input's rows are not all there.
    """
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if row.last:
            yield held
            held = []
    if held:
        raise RescoreError(
            "the batch that made these results was not finished",
            where=held[-1].where,
            remedy="run it again: it goes on where it stopped",
        )


def _lines(old: str) -> Iterator[tuple[str, dict[str, Any]]]:
    path = local_path(old)
    try:
        with open(path or old, "rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_RESULT_BYTES), b""), 1):
                where = f"{old}, line {number}"
                try:
                    result = json.loads(line)
                except (ValueError, RecursionError):
                    result = None
                if not isinstance(result, dict):
                    raise RescoreError(
                        "the line is no row of results",
                        where=where,
                        remedy="finish the batch first, or give results of `spectriage identify --batch`",
                    )
                yield where, result
    except OSError as error:
        raise RescoreError(f"the results cannot be read: {error.strerror or error}", where=old) from None


def _parts(old: str) -> Iterator[tuple[str, dict[str, Any]]]:
    place = open_place(old)
    try:
        form = PartFormat(json.loads(place.read(RUN_FILE) or b"")["format"])
    except (ValueError, KeyError, TypeError):
        raise RescoreError(
            "this is no place of a cluster's results", where=old, remedy="give the OUT of a batch"
        ) from None
    names = [name for name in place.names() if name.startswith(PREFIX)]
    for name in sorted(names, key=lambda name: (len(name), name)):
        where = f"{old}/{name}"
        try:
            for number, result in enumerate(decoded(place.read(name) or b"", form, where), 1):
                yield f"{where}, row {number}", result
        except ParameterError as error:
            raise RescoreError(error.what, where=error.where, remedy=error.remedy) from None
