"""The stream of requests: one answer a line, whatever comes in."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectriage.library.app.commands_schema import schema_text
from spectriage.library.service import stream
from spectriage.library.service.stream import (
    RequestError,
    _spectrum,
    bounded_lines,
    find_id,
    identify_stream,
    parse_request,
)
from spectriage.library.store.file import write_library
from spectriage.spectra.errors import SpectriageError
from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import Policy, Target
from spectriage.spectra.reference import Reference, ReferenceSet

SHIFT = 200.0 + 2.0 * np.arange(512)


def bands(seed):
    rng = np.random.default_rng(seed)
    centres, heights = rng.uniform(250, 1180, 12), rng.uniform(0.2, 1.0, 12)
    return (heights[:, None] / (1 + ((SHIFT - centres[:, None]) / 6.0) ** 2)).sum(axis=0)


def library():
    records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(6))
    return ReferenceSet(records, SHIFT, np.array([bands(i) for i in range(6)], np.float32), name="made up")


@pytest.fixture(scope="module")
def engine():
    return Identifier(library())


def scan(seed=2):
    noise = np.random.default_rng(seed).normal(0, 3.0, SHIFT.size)
    return {"shift": SHIFT.tolist(), "intensity": (1000 * bands(seed) + 100 + noise).tolist()}


def answers(engine, *lines):
    out = io.BytesIO()
    text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    count = identify_stream(engine, io.BytesIO(text), out)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(found) == count
    return found


def test_answers_arrays_and_paths_in_order(engine, tmp_path):
    path = tmp_path / "scan.csv"
    rows = "\n".join(f"{x},{y}" for x, y in zip(*scan(3).values(), strict=True))
    path.write_text(f"Raman shift (cm-1),Intensity\n{rows}\n")
    known = [1.0] * SHIFT.size
    first, second, third = answers(
        engine,
        {"id": "one", **scan(), "variance": known, "excitation_nm": 785, "resolution_cm": 8.5},
        {"id": 2, "path": str(path)},
        scan(4),
    )
    assert [first["id"], second["id"]] == ["one", 2]
    assert "id" not in third
    assert [a["line"] for a in (first, second, third)] == [1, 2, 3]
    assert [a["candidates"][0]["reference_id"] for a in (first, second, third)] == [
        "made-2",
        "made-3",
        "made-4",
    ]
    assert first["quality"]["noise_from"] == "variance"
    assert second["input"] == str(path)


BAD = [
    (b"nonsense\n", "not JSON"),
    (b"[1, 2]\n", "not an object"),
    (b"\xff\xfe\x00\n", "not JSON"),
    (b'{"shift": [1, NaN]}\n', "NaN"),
    (b'{"id": 1, "id": 2}\n', "twice"),
    (b'{"shift": ' + b"[" * 9_000 + b"\n", "not JSON"),
    (b'{"shift": ' + b"[" * 100_000 + b"\n", "more than 10,000"),
    (b'{"id": ' + b"9" * 5000 + b"}\n", "not JSON"),
    ({"id": [1], **scan()}, "id is not"),
    ({"id": True, **scan()}, "id is not"),
    ({"id": "x" * 1001, **scan()}, "id is not"),
    ({"id": "a", "shifts": []}, "unknown key"),
    ({"path": "a.csv", "shift": []}, "unknown key"),
    ({"path": 3}, "not a text"),
    ({"path": ""}, "empty"),
    ({"path": "a\0b"}, "zero character"),
    ({"path": "\ud800"}, ""),
    ({"path": "/nowhere/at/all.csv"}, "no such file"),
    ({"path": "/dev/zero"}, ""),
    ({}, "no 'shift'"),
    ({"shift": SHIFT.tolist()}, "no 'intensity'"),
    ({"shift": "abc", "intensity": []}, "not an array"),
    ({"shift": [True] * 9, "intensity": [1.0] * 9}, "not an array"),
    ({"shift": [[1.0]] * 9, "intensity": [1.0] * 9}, "not an array"),
    ({"shift": [10**400] * 9, "intensity": [1.0] * 9}, "too large"),
    ({"shift": [1.0, 2.0], "intensity": [1.0, 2.0]}, "points"),
    ({**scan(), "intensity": [1.0] * 9}, "intensity 9"),
    ({**scan(), "excitation_nm": "785"}, "positive number"),
    ({**scan(), "excitation_nm": -1}, "positive number"),
    ({**scan(), "intensity": [5.0] * SHIFT.size}, "flat"),
    (b'{"shift": [1e999, 2], "intensity": [1, 2]}\n', ""),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_bad_line_gets_an_error_and_the_stream_goes_on(engine, line, message):
    first, second = answers(engine, line, {"id": "next", **scan()})
    assert message in first["error"]["what"]
    assert "verdict" not in first
    assert second["id"] == "next"
    assert "verdict" in second


def test_the_id_comes_back_with_an_error(engine):
    (found,) = answers(engine, {"id": "p\ud800", "shift": [1], "intensity": [2]})
    assert found["id"] == "p\ud800"
    assert "error" in found


BROKEN_WITH_ID = [
    (b'{"id": "a", "shift": [1, NaN]}\n', "a"),
    (b'{"shift": [1, NaN], "id": 7}\n', 7),
    (b'{"id": "a", "shift": [1, 2', "a"),
    (b'{ "id" : -12, "path": "x"', -12),
    (b'{"id": "q\\"u\\u00e9", "path": nonsense}\n', 'q"u\u00e9'),
    (b'{"id": "a", "path": "x", "path": "y"}\n', "a"),
    (b'{"id": "a", "evil": 1}\n', "a"),
    (b'{"id": "a", "path": "x", "policy": {"lod": "low"}}\n', "a"),
    (b'{"id": "a", "shift": [' + b"1," * 2**23 + b'1], "intensity": [1]}\n', "a"),
]


@pytest.mark.parametrize(("line", "identity"), BROKEN_WITH_ID, ids=range(len(BROKEN_WITH_ID)))
def test_a_bad_line_keeps_its_id(engine, line, identity):
    (found,) = answers(engine, line)
    assert found["id"] == identity
    assert "error" in found


@pytest.mark.parametrize(
    "line",
    [b'{"id": true, "path": 1}', b'{"id": [1], "path": 1}', b'{"id": {"id": 3', b'["id", 3', b'{"id": "cut'],
)
def test_no_id_is_made_up(engine, line):
    (found,) = answers(engine, line)
    assert "id" not in found


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=60), st.integers(-(10**20), 10**20)), st.integers(1, 300))
def test_an_id_survives_any_cut_behind_it(identity, kept):
    start = json.dumps({"id": identity}, ensure_ascii=False).encode("utf-8", "surrogatepass")[:-1] + b","
    rest = b' "shift": [1.0, 2.0, 3.0], "intensity": [1.0, 2.0, 3.0]'
    assert find_id(start + rest[:kept]) == identity


def test_the_first_answer_says_the_versions(engine):
    first, second = answers(engine, b"nonsense\n", scan())
    assert first["versions"]["library"]["sha256"] == engine.references.sha256
    assert first["versions"]["protocol"] == 1
    assert first["versions"]["engine"] == second["engine"]["version"]
    assert "versions" not in second


def test_a_request_brings_its_own_policy_and_packaging(engine):
    targets = engine.references.records[5]
    watching = Identifier(engine.references, Policy(targets=(Target("x", (targets.family,)),), lod=1e-6))
    strict, lenient, again = answers(
        watching, scan(), {**scan(), "policy": {"lod": 0.999}, "packaging": "none"}, scan()
    )
    # one request's policy is that request's alone
    assert (strict["reason"], again["reason"]) == ("limit-of-detection", "limit-of-detection")
    assert lenient["verdict"] == "NO_ALARM"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"packaging": 3}, "not a text"),
        ({"packaging": []}, "not a text"),
        ({"packaging": ["no such wrapping"]}, "no packaging"),
        ({"packaging": ["auto", "none"]}, "either"),
        ({"policy": 3}, "not an object"),
        ({"policy": {"lod": 2.0}}, "between 0 and 1"),
        ({"policy": {"lod": None}}, "not a number"),
        ({"policy": {"gain": 0.1}}, "unknown key"),
    ],
)
def test_a_policy_or_packaging_that_cannot_be_is_refused(engine, own, message):
    (found,) = answers(engine, {**scan(), **own})
    assert message in found["error"]["what"]


def test_requests_and_answers_are_what_the_schemas_say(engine):
    """The printed schemas against real traffic: every good request, every answer, and nothing bad."""
    draft = jsonschema.Draft202012Validator
    result, protocol = (json.loads(schema_text(name)) for name in ("result", "stream"))
    for schema in (result, protocol):
        draft.check_schema(schema)
    good = [
        {"id": "one", **scan(), "variance": [1.0] * SHIFT.size, "excitation_nm": 785, "resolution_cm": 8.5},
        {"id": 2, "path": "/nowhere.csv", "which": "a", "column": "b", "packaging": ["ldpe"]},
        {**scan(4), "policy": {"lod": 0.5}, "packaging": "none"},
        *protocol["examples"],
    ]
    bad = [line for line, _ in BAD if isinstance(line, dict)]
    for request in good:
        draft(protocol).validate(request)
    answer_schema = {"$ref": "#/$defs/answer", "$defs": protocol["$defs"]}
    for made in answers(engine, *good, *[line for line, _ in BAD]):
        draft(result).validate(made)
        draft(answer_schema).validate(made)
    # what the schema refuses the program refuses too; it also refuses what no schema can express
    for request in bad:
        if not draft(protocol).is_valid(request):
            with pytest.raises(SpectriageError):
                _spectrum(parse_request(json.dumps(request).encode()))


def test_a_fault_of_the_engine_is_an_answer_too(engine, monkeypatch):
    monkeypatch.setattr(stream, "answer", lambda *_: 1 / 0)
    (found,) = answers(engine, scan())
    assert "ZeroDivisionError" in found["error"]["what"]


def test_blank_lines_and_an_end_without_a_line_feed(engine):
    found = answers(engine, b"\n  \n", json.dumps(scan()).encode())
    assert [a["line"] for a in found] == [3]


def test_lines_are_bounded():
    lines = list(bounded_lines(io.BytesIO(b"ab\n" + b"x" * 50 + b"\nabcd\nabcde\n" + b"y" * 9), limit=4))
    assert lines == [
        (1, b"ab\n", True),
        (2, b"xxxxx", False),
        (3, b"abcd\n", True),
        (4, b"abcde", False),
        (5, b"yyyyy", False),
    ]


def test_an_endless_line_is_never_held_whole():
    class Long:
        left, longest = 2**26, 0

        def readline(self, size):
            self.longest = max(self.longest, size)
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    source = Long()
    ((number, head, whole),) = bounded_lines(source, limit=1000)
    assert (number, whole) == (1, False)
    assert len(head) <= 1001
    assert source.left == 0
    assert source.longest <= 2**16


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(line):
    try:
        request = parse_request(line)
    except RequestError:
        return
    assert isinstance(request, dict)


def test_as_a_program(tmp_path):
    write_library(tmp_path / "library.h5", library())
    command = [sys.executable, "-m", "spectriage.spectra.cli", "identify", "--stream", "-l"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "library.h5")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for seed in (1, 2):
        # the answer must come before the next request is sent
        process.stdin.write(json.dumps({"id": seed, **scan(seed)}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["candidates"][0]["reference_id"] == f"made-{seed}"
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait(60) == 0
    process.stdout.close()


def test_nobody_reads_the_answers(tmp_path):
    write_library(tmp_path / "library.h5", library())
    command = [sys.executable, "-m", "spectriage.spectra.cli", "identify", "--stream", "-l"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "library.h5")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    _, errors = process.communicate(b'{"path": "x"}\n' * 20_000, timeout=60)
    assert b"Traceback" not in errors
    assert b"BrokenPipe" not in errors
    assert process.returncode == 0
