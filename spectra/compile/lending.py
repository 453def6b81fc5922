"""Arrays that a kernel is lent: who holds them is not counted.

Numba counts the users of an array: a function that is called counts itself for each array of its arguments,
and again for each view of one and each field of a tuple that it takes out, in two locked steps of the
processor. Kernels here hand on some thirty arrays to each other: a twentieth of an identification went into
counting them. Whoever calls holds its arguments until the call is over, so that what a function only takes
from them needs no counting. What it makes itself, what it returns, and what a variable holds that is assigned
in more than one place, is counted as ever.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from numba.core import ir, lowering, types

# numba types its inner parts only in part, and differently from version to version
_ir, _types = cast(Any, ir), cast(Any, types)

_COUNTING = {
    "lower_assign": "25e6cd2aed94",
    "lower_expr": "581164cc7697",
    "storevar": "16d897dd729a",
    "delvar": "45cd88aeddd8",
}
"""The parts of numba that count users, and the start of the SHA-256 of the text that this was written for."""
_texts = {name: vars(lowering.Lower)[name] for name in _COUNTING}
_PARTS = {"getattr", "static_getitem", "exhaust_iter"}
"""Expressions whose value is a part of a tuple."""


class _Lending(lowering.Lower):
    """Numba's last step before LLVM, that counts no users of what was lent."""

    def init(self) -> None:
        super().init()  # type: ignore[no-untyped-call]
        self._lent = lent_variables(self.func_ir, self.typeof)

    def lower_assign(self, ty: Any, inst: Any) -> Any:
        with self._uncounted(inst.target.name):
            return super().lower_assign(ty, inst)  # type: ignore[no-untyped-call]

    def storevar(self, value: Any, name: str, argidx: Any = None) -> None:
        with self._uncounted(name):
            super().storevar(value, name, argidx)  # type: ignore[no-untyped-call]

    def delvar(self, name: str) -> None:
        with self._uncounted(name):
            super().delvar(name)  # type: ignore[no-untyped-call]

    @contextmanager
    def _uncounted(self, name: str) -> Iterator[None]:
        """Count no users inside if what this variable holds is lent."""
        context = self.context
        if name not in self._lent or not context.enable_nrt:
            yield
            return
        # looked at first: what counts is made once, as it is asked for
        assert context.nrt is not None
        context.enable_nrt = False
        try:
            yield
        finally:
            context.enable_nrt = True


def _step(numbas: Any) -> Any:
    """Return numba's step, or ours where it is the very text that ours was written for."""
    return _Lending if _is_known() else lowering.Lower


step_that_lends = property(_step)
"""In place of `lowering_class` of numba's pass."""


@cache
def _is_known() -> bool:
    return all(text_key(_texts[name]) == key for name, key in _COUNTING.items())


def text_key(part: Any) -> str:
    """Return by what the text of a part of numba is known again: the start of its SHA-256."""
    source = inspect.getsource(getattr(part, "fget", part))
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def lent_variables(function: Any, type_of: Any) -> frozenset[str]:
    """Return the variables of a function that only ever hold arguments, or parts of them.

    Parameters
    ----------
    function
        As numba's intermediate representation.
    type_of
        Says the type of a variable by its name.
    """
    if function.func_id.is_generator:
        return frozenset()
    assigned: dict[str, list[Any]] = {}
    returned = set()
    for block in function.blocks.values():
        for step in block.body:
            if isinstance(step, _ir.Assign):
                assigned.setdefault(step.target.name, []).append(step.value)
            elif isinstance(step, _ir.Return):
                returned.add(step.value.name)
    once = {name: made[0] for name, made in assigned.items() if len(made) == 1 and name not in returned}
    lent: set[str] = set()
    # a variable stands before what is taken from it, but for blocks in another order
    growing = True
    while growing:
        found = {name for name, made in once.items() if name not in lent and _is_lent(made, lent, type_of)}
        lent |= found
        growing = bool(found)
    return frozenset(lent)


def _is_lent(made: Any, lent: set[str], type_of: Any) -> bool:
    """Say whether a value is an argument, or is taken from what is lent."""
    if isinstance(made, _ir.Arg):
        return True
    if isinstance(made, _ir.Var):
        return made.name in lent
    if not isinstance(made, _ir.Expr):
        return False
    if made.op in _PARTS and isinstance(type_of(made.value.name), _types.BaseTuple):
        return made.value.name in lent
    if made.op in ("getitem", "static_getitem") and isinstance(type_of(made.value.name), _types.Array):
        index = made.index if made.op == "getitem" else made.index_var
        return made.value.name in lent and index is not None and _is_plain(type_of(index.name))
    if made.op == "build_tuple":
        return _all_lent(made.items, lent, type_of)
    if made.op == "call" and isinstance(type_of(made.func.name), _types.NamedTupleClass):
        handed = [*made.args, *(value for _, value in made.kws)]
        return _all_lent([*handed, made.vararg] if made.vararg is not None else handed, lent, type_of)
    return False


def _is_plain(index: Any) -> bool:
    """Say whether what is taken out of an array by this index is a view of it."""
    if isinstance(index, _types.BaseTuple):
        return all(_is_plain(part) for part in index)
    return isinstance(index, (_types.Integer, _types.SliceType, _types.EllipsisType))


def _all_lent(variables: Iterable[Any], lent: set[str], type_of: Any) -> bool:
    """Say whether values are lent, or of a kind that is never counted."""
    return all(variable.name in lent or _is_number(type_of(variable.name)) for variable in variables)


def _is_number(kind: Any) -> bool:
    return isinstance(kind, (_types.Number, _types.Boolean, _types.NoneType))
