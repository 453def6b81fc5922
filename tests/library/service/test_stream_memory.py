"""What a line of the stream may take of a small computer's memory."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from spectriage.library.service.stream import (
    MAX_LINE_BYTES,
    MAX_LINE_PARTS,
    MAX_LINE_VALUES,
    RequestError,
    parse_request,
)

PEAK_MB = 200
"""Of which Python, numpy and numba take 110; parsed, these lines take 400 to 940."""
PROGRAM = """
import io, json, resource, sys
import numpy as np
from spectriage.library.service.stream import identify_stream
from spectriage.spectra.identify import Identifier
from spectriage.spectra.reference import Reference, ReferenceSet

def peak_mb():
    # Linux counts the program that started this one into ru_maxrss, but not into VmHWM
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**10
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)

shift = 200.0 + 2.0 * np.arange(512)
pairs = [(300 + 100 * i, 350 + 90 * i) for i in range(6)]
rows = [sum(1 / (1 + ((shift - centre) / 6) ** 2) for centre in pair) for pair in pairs]
records = tuple(Reference(f"made-{i}", f"made up {i}") for i in range(6))
engine = Identifier(ReferenceSet(records, shift, np.array(rows, np.float32), name="made up"))
out = io.BytesIO()
with open(sys.argv[1], "rb") as requests:
    identify_stream(engine, requests, out)
found = json.loads(out.getvalue())
print(json.dumps([peak_mb(), found]))
"""


def peak_and_answer(path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def filled(part, last=b"1"):
    """Return a line, as long as may be, with an array of the same part over and over."""
    head, tail = b'{"id": "s1", "shift": [', last + b'], "intensity": [1]}\n'
    return head + part * ((MAX_LINE_BYTES - len(head) - len(tail)) // len(part)) + tail


LINES = {
    "whole numbers": (filled(b"1,"), f"values, more than {MAX_LINE_VALUES:,}"),
    "numbers": (filled(b"1234.567,"), f"values, more than {MAX_LINE_VALUES:,}"),
    "arrays": (filled(b"[],"), f"values, more than {MAX_LINE_VALUES:,}"),
    "nested": (filled(b"["), f"objects, more than {MAX_LINE_PARTS:,}"),
}


@pytest.mark.parametrize("kind", LINES)
def test_a_long_line_is_refused_within_its_memory(tmp_path, kind):
    line, what = LINES[kind]
    assert MAX_LINE_BYTES - 100 < len(line) <= MAX_LINE_BYTES
    path = tmp_path / "requests"
    path.write_bytes(line)
    peak, answer = peak_and_answer(path)
    assert answer["error"]["type"] == "RequestError"
    assert what in answer["error"]["what"]
    assert answer["error"]["remedy"]
    assert answer["id"] == "s1"
    assert peak < PEAK_MB


def answered(path, points):
    """Return the least peak of three programs, as the first may have to compile, which takes 200 MB more."""
    shift = np.linspace(200, 1200, points)
    values = np.random.default_rng(0).normal(1000, 3, points)
    values += 1000 / (1 + ((shift - 500) / 6) ** 2) + 1000 / (1 + ((shift - 530) / 6) ** 2)
    request = {"id": "s1", "shift": shift.tolist(), "intensity": values.tolist()}
    path.write_bytes(json.dumps(request).encode() + b"\n")
    found = [peak_and_answer(path) for _ in range(3)]
    for _, answer in found:
        assert "error" not in answer
        assert answer["candidates"][0]["reference_id"] == "made-2"
    return min(peak for peak, _ in found)


def test_the_longest_scan_takes_little_more_than_a_short_one(tmp_path):
    short = answered(tmp_path / "requests", 1000)
    assert answered(tmp_path / "requests", MAX_LINE_VALUES // 2 - 10) - short < 60


@pytest.mark.parametrize("over", [0, 1])
def test_the_limits_are_what_is_said(over):
    count = MAX_LINE_VALUES - 1 + over
    values = b'{"id": 1, "shift": [' + b",".join([b"1"] * count) + b"]}"
    # the keys `packaging` and those of `policy` are what can hold parts; here texts do, which count too
    parts = b'{"path": "' + b":" * (MAX_LINE_PARTS - 2 + over) + b'"}'
    for line, what in (
        (values, "300,001 values, more than 300,000"),
        (parts, "10,001 keys, arrays and objects"),
    ):
        if over:
            with pytest.raises(RequestError, match=what):
                parse_request(line)
        else:
            assert parse_request(line)
