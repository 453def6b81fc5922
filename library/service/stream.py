"""A warm engine for programs that are not in Python: a JSON object a line in, an answer a line out.

A request names a file, or holds the arrays itself; ``spectriage schema stream`` prints all of it::

    {"id": "s1", "path": "scan.csv"}                       also: "which", "column"
    {"id": "s2", "shift": [...], "intensity": [...]}       also: "variance", "excitation_nm", "resolution_cm"

Both may bring a ``packaging`` and a ``policy`` of their own. Each answer is the object that ``spectriage
identify --json`` prints, with the request's ``id`` where it has one and its line number; a request that
cannot be answered gets an ``error`` object instead, with the ``id`` too where one can be made out, and the
next line is read. The first answer also says the ``versions``. Answers come in the order of the requests,
each written before the next line is read. Blank lines are passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from spectriage.library.service.answers import Answer, answer, with_head
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.errors import FormatError, SpectriageError
from spectriage.spectra.spectrum import Spectrum
from spectriage.spectra.verdict import JSON_SCHEMA
from spectriage.spectra.version import __version__

if TYPE_CHECKING:
    from spectriage.spectra.identify import Identifier

MAX_LINE_BYTES = 16 * 2**20
MAX_LINE_VALUES = 300_000
"""So many values a line may hold, three arrays of 100,000 points: one of two characters takes 40 bytes."""
MAX_LINE_PARTS = 10_000
"""So many keys, arrays and objects a line may hold, of which each takes up to 250 bytes."""
MAX_ID_CHARS = 1000
_DISCARD_BYTES = 2**16
PROTOCOL = 1
"""Version of what `spectriage schema stream` describes."""
POLICY_KEYS = ("lod",)
"""What a request may set of the policy."""
MAX_ENGINES = 8
"""So many engines of packagings and policies that requests asked for are kept."""
_OWN_KEYS = frozenset({"id", "packaging", "policy"})
_FILE_KEYS = _OWN_KEYS | {"path", "which", "column"}
_ARRAY_KEYS = _OWN_KEYS | {"shift", "intensity", "variance", "excitation_nm", "resolution_cm"}
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9]{1,1000})\s*[,}]')
_ID_BYTES = 12 * MAX_ID_CHARS


class RequestError(FormatError):
    """A line that is not a request."""


class Engines:
    """The engine, and variants of it for requests that bring a packaging or policy of their own.

    Parameters
    ----------
    engine
        For requests that bring none.
    packaging
        What that engine was made with.
    """

    def __init__(self, engine: Identifier, packaging: str | Sequence[str] = "auto") -> None:
        self.engine = engine
        self._packaging = packaging
        self._variants: OrderedDict[str, Identifier] = OrderedDict()

    def of(self, request: Mapping[str, Any]) -> Identifier:
        """Return the engine for a request; the last few are kept.

        Raises
        ------
        ParameterError
            For a packaging that the library does not have, or a threshold outside its range.
        """
        packaging, changes = request.get("packaging"), request.get("policy")
        if packaging is None and changes is None:
            return self.engine
        from spectriage.spectra.identify import Identifier

        key = json.dumps([packaging, changes], sort_keys=True)
        if key not in self._variants:
            policy = self.engine.policy
            if changes:
                policy = policy.with_signal_limit(changes["lod"])
            wanted = self._packaging if packaging is None else packaging
            self._variants[key] = Identifier(self.engine.references, policy, packaging=wanted)
            if len(self._variants) > MAX_ENGINES:
                self._variants.popitem(last=False)
        self._variants.move_to_end(key)
        return self._variants[key]


def identify_stream(
    engine: Identifier, requests: BinaryIO, answers: BinaryIO, *, packaging: str | Sequence[str] = "auto"
) -> int:
    """Answer requests until their end.

    Parameters
    ----------
    engine
        Prepared beforehand, so that the first answer takes no longer than the next.
    requests, answers
        Binary streams of lines in UTF-8; every answer is flushed.
    packaging
        What `engine` was made with; for requests that bring a policy alone.

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
    engines = Engines(engine, packaging)
    for number, line, whole in bounded_lines(requests):
        if whole and not line.strip():
            continue
        made = respond(engines, number, line, whole=whole)
        if count == 0:
            made = with_head({"versions": versions(engine)}, made)
        answers.write(made.encode("ascii") + b"\n")
        answers.flush()
        count += 1
    return count


def versions(engine: Identifier) -> dict[str, Any]:
    """Return what a client has to know before it trusts an answer."""
    library = engine.references
    return {
        "protocol": PROTOCOL,
        "result": JSON_SCHEMA,
        "engine": __version__,
        "library": {"name": library.name, "version": library.version, "sha256": library.sha256},
    }


def bounded_lines(stream: BinaryIO, limit: int = MAX_LINE_BYTES) -> Iterator[tuple[int, bytes, bool]]:
    """Yield line numbers and lines, and whether they are whole.

    Of a line of more than `limit` bytes only the beginning is given; it is never held whole.
    """
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) <= limit or line.endswith(b"\n"):
            yield number, line, True
            continue
        head = line[:_ID_BYTES]
        while line and not line.endswith(b"\n"):
            line = stream.readline(_DISCARD_BYTES)
        yield number, head, False


def respond(engines: Engines, number: int, line: bytes, *, whole: bool = True) -> str:
    """Return the answer to one line, whatever it holds, as JSON."""
    identity: str | int | None = None
    request: dict[str, Any] | None = None
    name = f"line {number}"
    try:
        if not whole:
            raise RequestError(
                f"the line has more than {MAX_LINE_BYTES:,} bytes", remedy="send fewer points, or a path"
            )
        request = parse_request(line)
        identity = request.get("id")
        name = str(request.get("path", identity if identity is not None else name))
        made = answer(engines.of(request), name, _spectrum(request))
    except SpectriageError as error:
        made = Answer(name, error=error)
    except Exception as error:
        # a fault of the engine in one spectrum must not take the instrument's service with it
        made = Answer(name, error=SpectriageError(f"the engine failed: {error!r}", where=name))
    if request is None:
        identity = find_id(line)
    head: dict[str, Any] = {"line": number} if identity is None else {"id": identity, "line": number}
    return with_head(head, made.json_text())


def find_id(line: bytes) -> str | int | None:
    """Return the id of a line that may be no request, so that its sender knows which one failed.

    Where the line is JSON it is the object's; else, in a line that is cut short or broken, what stands first
    in it as ``{"id": …``. None when there is none of at most `MAX_ID_CHARS` characters.
    """
    try:
        _check_size(line)
        request = json.loads(line)
    except (RequestError, ValueError, RecursionError):
        found = _ID.match(line[:_ID_BYTES])
        try:
            identity = None if found is None else json.loads(found.group(1))
        except ValueError:
            return None
    else:
        identity = request.get("id") if isinstance(request, dict) else None
    return identity if _is_id(identity) else None


def _is_id(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return False
    return len(str(value)) <= MAX_ID_CHARS


def parse_request(line: bytes) -> dict[str, Any]:
    """Return a line's object, its keys and their types checked.

    Raises
    ------
    RequestError
        When it is no request, or one that would take too much memory.
    """
    _check_size(line)
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
    if identity is not None and not _is_id(identity):
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
    _check_own(request)
    return request


def _check_size(line: bytes) -> None:
    """Refuse a line before it is parsed when what it holds would take many times its length.

    Counted are the characters that part values, in texts too, so never too few.
    """
    values = line.count(b",") + 1
    if values > MAX_LINE_VALUES:
        raise RequestError(
            f"the line holds {values:,} values, more than {MAX_LINE_VALUES:,}",
            remedy="send fewer points, or a path",
        )
    parts = line.count(b":") + line.count(b"[") + line.count(b"{")
    if parts > MAX_LINE_PARTS:
        raise RequestError(
            f"the line holds {parts:,} keys, arrays and objects, more than {MAX_LINE_PARTS:,}",
            remedy="send one object with arrays of numbers a line",
        )


def _check_own(request: Mapping[str, Any]) -> None:
    """Check a request's own packaging and policy, which are refused rather than passed over."""
    packaging = request.get("packaging")
    names = [packaging] if isinstance(packaging, str) else packaging
    if names is not None and not (
        isinstance(names, list) and names and all(isinstance(name, str) for name in names)
    ):
        raise RequestError("'packaging' is not a text or an array of texts", remedy="auto, none, or names")
    policy = request.get("policy")
    if policy is None:
        return
    if not isinstance(policy, dict):
        raise RequestError("'policy' is not an object", remedy=f"its keys are {', '.join(POLICY_KEYS)}")
    for key, value in policy.items():
        if key not in POLICY_KEYS:
            raise RequestError(
                f"unknown key {key[:80]!r} in 'policy'", remedy=f"its keys are {', '.join(POLICY_KEYS)}"
            )
        if type(value) not in (int, float):
            raise RequestError(f"{key!r} in 'policy' is not a number")


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
