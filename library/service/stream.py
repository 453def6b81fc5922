"""A warm engine for programs that are not in Python: a JSON object a line in, an answer a line out.

A request names a file, or holds the arrays itself::

    {"id": "s1", "path": "scan.csv"}                       also: "which", "column"
    {"id": "s2", "shift": [...], "intensity": [...]}       also: "variance", "excitation_nm", "resolution_cm"

Each answer is the object that ``spectriage identify --json`` prints, with the request's ``id`` where it has
one and its line number; a request that cannot be answered gets an ``error`` object instead, and the next
line is read. Answers come in the order of the requests, each written before the next line is read. Blank
lines are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from spectriage.library.service.answers import Answer, answer
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.spectrum import Spectrum

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier

MAX_LINE_BYTES = 16 * 2**20
MAX_ID_CHARS = 1000
_DISCARD_BYTES = 2**16
_FILE_KEYS = frozenset({"id", "path", "which", "column"})
_ARRAY_KEYS = frozenset({"id", "shift", "intensity", "variance", "excitation_nm", "resolution_cm"})


class RequestError(FormatError):
    """A line that is not a request."""


def identify_stream(engine: Identifier, requests: BinaryIO, answers: BinaryIO) -> int:
    """Answer requests until their end.

    Parameters
    ----------
    engine
        Prepared beforehand, so that the first answer takes no longer than the next.
    requests, answers
        Binary streams of lines in UTF-8; every answer is flushed.

    Returns
    -------
    int
        How many lines were answered.

    Raises
    ------
    BrokenPipeError
        When nobody reads the answers any more.
    """
    count = 0
    for number, line in bounded_lines(requests):
        if line is not None and not line.strip():
            continue
        answers.write(json.dumps(respond(engine, number, line)).encode("ascii") + b"\n")
        answers.flush()
        count += 1
    return count


def bounded_lines(stream: BinaryIO, limit: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """Yield line numbers and lines; None for a line of more than `limit` bytes, which is never held whole."""
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) <= limit or line.endswith(b"\n"):
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_DISCARD_BYTES)
        yield number, None


def respond(engine: Identifier, number: int, line: bytes | None) -> dict[str, Any]:
    """Return the answer to one line, whatever it holds."""
    identity: str | int | None = None
    name = f"line {number}"
    try:
        request = parse_request(line)
        identity = request.get("id")
        name = str(request.get("path", identity if identity is not None else name))
        made = answer(engine, name, _spectrum(request))
    except SpectriageError as error:
        made = Answer(name, error=error)
    except Exception as error:
        # a fault of the engine in one spectrum must not take the instrument's service with it
        made = Answer(name, error=SpectriageError(f"the engine failed: {error!r}", where=name))
    head: dict[str, Any] = {"line": number} if identity is None else {"id": identity, "line": number}
    return head | made.to_json()


def parse_request(line: bytes | None) -> dict[str, Any]:
    """Return a line's object, its keys and their types checked.

    Raises
    ------
    RequestError
        When it is no request.
    """
    if line is None:
        raise RequestError(
            f"the line has more than {MAX_LINE_BYTES:,} bytes", remedy="send fewer points, or a path"
        )
    try:
        request = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RequestError:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"the line is not JSON in UTF-8: {error}", remedy="send one object a line"
        ) from None
    if not isinstance(request, dict):
        raise RequestError("the line holds JSON, but not an object", remedy="send one object a line")
    identity = request.get("id")
    if identity is not None and (
        not isinstance(identity, (str, int))
        or isinstance(identity, bool)
        or len(str(identity)) > MAX_ID_CHARS
    ):
        raise RequestError(f"the id is not a text or whole number of at most {MAX_ID_CHARS} characters")
    known = _FILE_KEYS if "path" in request else _ARRAY_KEYS
    unknown = sorted(set(request) - known)
    if unknown:
        raise RequestError(
            f"unknown key {unknown[0][:80]!r}", remedy=f"the keys are {', '.join(sorted(known))}"
        )
    for key in ("path", "which", "column"):
        if request.get(key) is not None and not isinstance(request[key], str):
            raise RequestError(f"{key!r} is not a text")
    return request


def _refuse_constant(name: str) -> float:
    raise RequestError(f"the line holds {name}, which is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise RequestError("a key stands twice in the line")
    return made


def _spectrum(request: dict[str, Any]) -> Spectrum:
    if "path" in request:
        from spectriage.spectra.formats import read_spectrum

        if not request["path"] or "\0" in request["path"]:
            raise RequestError("the path is empty or holds a zero character")
        return read_spectrum(request["path"], which=request.get("which"), column=request.get("column"))
    missing = [key for key in ("shift", "intensity") if request.get(key) is None]
    if missing:
        raise RequestError(
            f"the request has no {missing[0]!r}", remedy="send a path, or the arrays shift and intensity"
        )
    return Spectrum(
        _numbers(request, "shift"),
        _numbers(request, "intensity"),
        None if request.get("variance") is None else _numbers(request, "variance"),
        _number(request, "excitation_nm"),
        _number(request, "resolution_cm"),
    )


def _numbers(request: dict[str, Any], key: str) -> FloatArray:
    values = request[key]
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise RequestError(f"{key!r} is not an array of numbers")
    try:
        return np.array([float(value) for value in values])
    except OverflowError:
        raise RequestError(f"{key!r} holds a number that is too large") from None


def _number(request: dict[str, Any], key: str) -> float | None:
    value = request.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
        raise RequestError(f"{key!r} is not a positive number")
    return float(value)
