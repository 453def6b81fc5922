"""The shortcuts through numba's compiler: what numba itself gives, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from numba.core import errors, ir, types
from numba.core.compiler import Flags
from numba.core.registry import cpu_target

from spectriage.spectra.compile import shortcuts as module
from spectriage.spectra.compile.separate import TakenIn
from spectriage.spectra.compile.shortcuts import shortcuts

OPTIONS = st.dictionaries(
    st.sampled_from(["nrt", "release_gil", "enable_ssa", "no_cpython_wrapper", "boundscheck"]), st.booleans()
)
TEXT = """
from typing import NamedTuple
import numpy as np
from spectriage.spectra.compile.jit import kernel

class Held(NamedTuple):
    rows: np.ndarray
    weights: np.ndarray
    limit: float

@kernel()
def total(held, out):
    made = np.zeros(held.rows.shape[1])
    for i in range(held.rows.shape[0]):
        if held.weights[i] > held.limit:
            made += held.weights[i] * held.rows[i]
    out[:] = made
    return max(made.sum(), 0.0), int(made.size)
"""
PROGRAM = """
import sys
from contextlib import nullcontext
import numpy as np
from spectriage.spectra.compile import separate
if sys.argv[1] == "without":
    separate.shortcuts = lambda brought: nullcontext()
from _kernels_told import Held, total
out = np.empty(3)
print(total(Held(np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0]), 0.5), out), out)
text = [*total.inspect_asm().values()][0]
print(len([line for line in text.splitlines() if line.startswith("\\t") and not line.startswith("\\t.")]))
"""


def _options(values: dict[str, bool]) -> Flags:
    made = Flags()
    for name, value in values.items():
        setattr(made, name, value)
    return made


@given(OPTIONS, OPTIONS)
def test_options_are_alike_where_numba_says_so(first: dict[str, bool], second: dict[str, bool]) -> None:
    a, b = _options(first), _options(second)
    expected, hashes = a == b, (hash(a), hash(b))
    with shortcuts(TakenIn):
        assert ((a == b), (hash(a), hash(b))) == (expected, hashes)
        assert (a == 1) is False


@pytest.mark.parametrize("literal", [False, True])
def test_calls_are_typed_as_numba_does_also_again(literal: bool) -> None:
    context = cpu_target.typing_context
    context.refresh()
    number = types.literal(3) if literal else types.int64
    calls = [
        (operation, arguments)
        for operation in (np.add, max, abs)
        for arguments in ((types.float64, number), (number, number), (types.float64,))
    ]

    def typed(operation: object, arguments: tuple[types.Type, ...]) -> str:
        try:
            return str(context.resolve_value_type(operation).get_call_type(context, arguments, {}))
        except errors.TypingError:
            return "no"

    expected = [typed(*call) for call in calls]
    assert "no" in expected
    with shortcuts(TakenIn):
        assert [typed(*call) for call in calls] == expected
        assert [typed(*call) for call in calls] == expected


def test_variables_are_found_in_whatever_nests_them() -> None:
    place = ir.Loc("file", 1)
    a, b, c = (ir.Var(ir.Scope(None, place), name, place) for name in "abc")
    inner = ir.Expr.call(a, [b, c], (("name", b),), place)
    assign = ir.Assign(inner, c, place)
    expected = assign.list_vars()
    assert len(expected) == 5
    with shortcuts(TakenIn):
        assert assign.list_vars() == expected


def test_as_many_instructions_come_out_with_the_same_result(tmp_path: Path) -> None:
    (tmp_path / "_kernels_told.py").write_text(TEXT)
    made = []
    for which in ("with", "without"):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / which)}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, which],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-2000:]
        *results, count = run.stdout.split()
        made.append((results, int(count)))
    (result, count), (expected, whole) = made
    assert result == expected == ["(27.0,", "3)", "[", "6.", "9.", "12.]"]
    assert abs(count - whole) < 0.02 * whole


def test_numba_is_left_as_it_was() -> None:
    before = [vars(owner)[name] for owner, name, _, _ in module._SHORTCUTS]
    with pytest.raises(KeyError), shortcuts(TakenIn):
        raise KeyError
    assert [vars(owner)[name] for owner, name, _, _ in module._SHORTCUTS] == before
    assert njit(lambda x: max(x, 1.0) + np.zeros(2).sum())(3.0) == 3.0


def test_another_text_of_numba_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def get(self) -> int:
            return 1

    monkeypatch.setattr(
        module, "_SHORTCUTS", ((Other, "get", "0" * 12, lambda self: 2), (Other, "gone", "", len))
    )
    module._known.cache_clear()
    try:
        with shortcuts(TakenIn):
            assert Other().get() == 1
    finally:
        module._known.cache_clear()
