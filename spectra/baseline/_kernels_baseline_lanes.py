"""Eight numbers side by side: the vector type that the baseline kernels compute with.

Loops over small inner ranges are left to the compiler's judgement, which changes with its version and with
what it can prove of the arrays. A vector type says what is meant: `llvm` maps ``<8 x double>`` to one AVX-512
register, two of AVX, or four of NEON or SSE2, whichever the machine has, with the same result but for fused
multiplication and addition. llvm is at liberty to fuse ``a * b + c`` by itself as well.

Only what the kernels need: `load`, `store`, `spread`, ``+ - * /``, `fma`, `least`, `where_less`,
`power_of_two`, `total`, `lane_of`. Indices are not checked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import llvmlite.ir as _ir  # type: ignore[import-untyped]
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic as _intrinsic
from numba.extending import lower_builtin as _lower_builtin
from numba.extending import models as _models
from numba.extending import register_model as _register_model
from numba.extending import type_callable as _type_callable

from spectriage.spectra.compile.jit import kernel

LANES = 8

# numba types its own extension interface only in part, and differently from version to version
intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], _intrinsic)
ir, cgutils, models = cast(Any, _ir), cast(Any, _cgutils), cast(Any, _models)
lower_builtin, register_model = cast(Any, _lower_builtin), cast(Any, _register_model)
type_callable = cast(Any, _type_callable)

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(64), LANES)
_ZERO = ir.Constant(ir.IntType(32), 0)


class Lanes(types.Type):
    """The numba type of `LANES` doubles."""


lanes: Any = cast(Any, Lanes)("Lanes")
register_model(Lanes)(lambda manager, kind: models.PrimitiveModel(manager, kind, _DOUBLES))


def _operator(function: Any, instruction: str) -> None:
    def types_of(context: Any) -> Any:
        return lambda a, b: lanes if isinstance(a, Lanes) and isinstance(b, Lanes) else None

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=("contract",))

    type_callable(function)(types_of)
    lower_builtin(function, lanes, lanes)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_function, _instruction)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _DOUBLES.as_pointer())


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _ZERO)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), mask)


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """Return ``array[index : index + 8]`` of a flat, contiguous float64 array."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(pointer, align=8)

    return lanes(array, types.intp), lower


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Set ``array[index : index + 8] = value``."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), lower


@intrinsic
def spread(typing: Any, value: Any) -> Any:
    """Return one number in every lane."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0], _DOUBLES)

    return lanes(types.float64), lower


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c``, rounded once where the machine can."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * 3)
        name = f"llvm.fmuladd.v{LANES}f64"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)

    return lanes(lanes, lanes, lanes), lower


@intrinsic
def least(typing: Any, a: Any, b: Any) -> Any:
    """Return the lesser of each pair, `b` where `a` is not a number."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *arguments), *arguments)

    return lanes(lanes, lanes), lower


@intrinsic
def where_less(typing: Any, a: Any, b: Any, then: Any, otherwise: Any) -> Any:
    """Return `then` in the lanes where ``a < b``, else `otherwise`."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, then, otherwise = arguments
        return builder.select(builder.fcmp_ordered("<", a, b), then, otherwise)

    return lanes(lanes, lanes, lanes, lanes), lower


@intrinsic
def power_of_two(typing: Any, shifted: Any) -> Any:
    """Return 2^k for ``shifted = k + 1.5·2⁵² + 1023`` with whole k, -1022 ≤ k ≤ 1023."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _INTEGERS)
        places = _splat(builder, ir.Constant(ir.IntType(64), 52), _INTEGERS)
        return builder.bitcast(builder.shl(bits, places), _DOUBLES)

    return lanes(lanes), lower


@intrinsic
def total(typing: Any, value: Any) -> Any:
    """Return the sum of the lanes, added in pairs."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = [builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
        while len(parts) > 1:
            half = len(parts) // 2
            parts = [builder.fadd(a, b) for a, b in zip(parts[:half], parts[half:], strict=True)]
        return parts[0]

    return types.float64(lanes), lower


@intrinsic
def lane_of(typing: Any, value: Any, lane: Any) -> Any:
    """Return the number in one lane."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.extract_element(*arguments)

    return types.float64(lanes, types.intp), lower


@kernel()
def _split_exponential(exponent: Any) -> tuple[Any, Any, Any]:
    """Return 2^k, e and o of exp(exponent) = 2^k (e + o) / (e - o) in each lane, |exponent| ≤ 690.

    exponent = k ln 2 + r with |r| ≤ ½ ln 2, where the [5/5] Padé approximant of exp r is good to 1e-15.
    """
    shifter = spread(6755399441055744.0 + 1023.0)  # 1.5·2⁵²: adding it rounds, and leaves k in the low bits
    shifted = fma(exponent, spread(1.4426950408889634), shifter)
    k = shifted - shifter
    # ln 2 in two parts, the first with room for k times it
    r = fma(k, spread(-0.6931471803691238), exponent)
    r = fma(k, spread(-1.9082149292705877e-10), r)
    square = r * r
    even = fma(fma(spread(30.0), square, spread(3360.0)), square, spread(30240.0))
    odd = r * fma(square + spread(420.0), square, spread(15120.0))
    return power_of_two(shifted), even, odd


@kernel()
def exponential(exponent: Any) -> Any:
    """Return ``exp(exponent)`` in each lane, |exponent| ≤ 690."""
    power, even, odd = _split_exponential(exponent)
    return power * ((even + odd) / (even - odd))


@kernel()
def logistic(exponent: Any) -> Any:
    """Return ``1 / (1 + exp(exponent))`` in each lane, |exponent| ≤ 690, with one division."""
    power, even, odd = _split_exponential(exponent)
    low = even - odd
    return low / fma(power, even + odd, low)
