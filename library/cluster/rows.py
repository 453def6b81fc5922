"""Results as the bytes of a shard, JSON lines or Parquet, and back to what tells whose they are.

A line of JSON is the line that a batch on one machine writes. A row of Parquet holds it as text, with what is
looked for most in columns of its own:

============== ============== =====================================================
column         type           what
============== ============== =====================================================
``run``        string         as in the line
``name``       string
``sha256``     string
``spectrum``   string         null where the input holds one
``last``       bool
``verdict``    string         null for an error
``reason``     string         null for an error
``substances`` list of string of the components, in their order
``error``      string         null for a result
``result``     string         the line, without its end
============== ============== =====================================================
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from spectriage.library.cluster.run import PartFormat
from spectriage.library.inputs.table import arrow
from spectriage.library.service.lines import Line
from spectriage.spectra.errors import ParameterError

DIGITS = 6
PREFIX = "part-"


def part_name(number: int, form: PartFormat) -> str:
    """Return the final name of a shard; sorted by name (and length) they are in the order of the inputs."""
    return f"{PREFIX}{number:0{DIGITS}d}.{form}"


def encoded(lines: Sequence[Line], form: PartFormat) -> bytes:
    """Return lines as the content of a shard."""
    if form is PartFormat.JSONL:
        return b"".join(line.text for line in lines)
    pa = arrow("the results")
    rows = [_flat(line.text) for line in lines]
    fields = [(name, pa.bool_() if name == "last" else pa.string()) for name in _COLUMNS]
    schema = pa.schema([(n, pa.list_(pa.string()) if n == "substances" else t) for n, t in fields])
    buffer = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema), buffer, compression="zstd")
    return buffer.getvalue()


_COLUMNS = (
    *("run", "name", "sha256", "spectrum", "last"),
    *("verdict", "reason", "substances", "error", "result"),
)


def _flat(text: bytes) -> dict[str, Any]:
    line = json.loads(text)
    failed = line.get("error")
    return {
        **{name: line.get(name) for name in _COLUMNS[:5]},
        # a file's name need not be text; Parquet's strings are
        "name": line["name"].encode("utf-8", "backslashreplace").decode("utf-8"),
        "verdict": line.get("verdict"),
        "reason": line.get("reason"),
        "substances": [part["substance"] for part in line.get("components", ())],
        "error": failed["what"] if failed else None,
        "result": text.rstrip(b"\n").decode("ascii"),
    }


def decoded(data: bytes, form: PartFormat, where: str) -> Iterator[dict[str, Any]]:
    """Yield the results of a shard, as they stand in its lines.

    Raises
    ------
    ParameterError
        When it is none.
    """
    try:
        if form is PartFormat.JSONL:
            if data and not data.endswith(b"\n"):
                raise ValueError("it does not end with a line")
            texts: Any = data.splitlines()
        else:
            pa = arrow(where)
            texts = pa.parquet.read_table(io.BytesIO(data), columns=["result"])["result"].to_pylist()
        for text in texts:
            yield dict(json.loads(text))
    except ParameterError:
        raise
    except Exception as error:
        raise ParameterError(
            f"this is no shard of results: {type(error).__name__}: {error}",
            where=where,
            remedy="remove it, and run the same command again",
        ) from None


def lines_of(data: bytes, form: PartFormat, where: str) -> list[tuple[str, Line]]:
    """Return a shard's rows with the run that each is of.

    Raises
    ------
    ParameterError
        When it is no shard.
    """
    try:
        return [
            (
                str(row["run"]),
                Line(
                    None if "error" in row else str(row["verdict"]),
                    b"",
                    *(row[key] for key in ("name", "sha256", "last")),
                ),
            )
            for row in decoded(data, form, where)
        ]
    except KeyError as error:
        raise ParameterError(
            f"a row of the shard has no {error}", where=where, remedy="remove it, and run it again"
        ) from None
