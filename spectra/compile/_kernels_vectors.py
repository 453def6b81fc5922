"""What the kernels ask of the compiler beyond Python: wide vectors, functions apart, a float's parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir as _ir  # type: ignore[import-untyped]
from numba.core import types as _types
from numba.extending import intrinsic as _intrinsic

# numba types its own extension interface only in part, and differently from version to version
intrinsic = cast(Callable[[Callable[..., Any]], Callable[..., Any]], _intrinsic)
ir, types = cast(Any, _ir), cast(Any, _types)

_ROOT_HALF_BITS = 0x3F3504F3
_EXPONENT_BITS = -1 << 23


def _marked(attribute: str) -> tuple[Any, Any]:
    """Return an intrinsic that does nothing but give the function that it stands in an attribute."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        attributes = builder.function.attributes
        # llvmlite's own `add` knows only flags, not attributes with a value
        if isinstance(attributes, set):
            set.add(attributes, attribute)
        return context.get_dummy_value()

    return types.void(), lower


@intrinsic
def widest(typing: Any) -> Any:
    """Let the loops of the function that this stands in use the widest vectors that the processor has.

    The compiler takes half of them on processors whose clock once fell with them. What is inlined follows the
    function it is inlined into, so it stands in every kernel that a hot loop may end up in.
    """
    return _marked('"prefer-vector-width"="512"')


@intrinsic
def without_nans(typing: Any) -> Any:
    """Let the compiler find the least of many values at once in the function that this stands in.

    It does so only where none may be no number, and where of two zeros either will do: said here, since
    numba marks with `fastmath` only comparisons, not what is chosen by them.
    """
    return _marked('"no-nans-fp-math"="true" "no-signed-zeros-fp-math"="true"')


@intrinsic
def apart(typing: Any) -> Any:
    """Keep the function that this stands in a function of its own.

    Else the compiler may put a copy of it into the wrapper that numba makes for calls from outside: a large
    kernel would take twice as long to compile, and to load from the disk.
    """
    return _marked("noinline")


@intrinsic
def aligned(typing: Any) -> Any:
    """Let the function that this stands in keep vectors on the stack where they are read in one piece.

    Where they begin is else a matter of chance, and may double its time.
    """
    return _marked('"stackrealign"')


@intrinsic
def float_of_upper(typing: Any, bits: Any) -> Any:
    """Return the float32 whose upper sixteen bits these are, the lower ones being zero."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(32)
        shifted = builder.shl(builder.zext(arguments[0], integer), ir.Constant(integer, 16))
        return builder.bitcast(shifted, ir.FloatType())

    return types.float32(types.uint16), lower


@intrinsic
def split_float(typing: Any, value: Any) -> Any:
    """Return a positive float32's exponent, as a number times 2²³, and its mantissa in √½…√2.

    So much greater the exponent need not be shifted down; a factor takes that back, and nothing is rounded.
    """
    kind = types.UniTuple(types.float32, 2)

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(32)
        bits = builder.bitcast(arguments[0], integer)
        above = builder.sub(bits, ir.Constant(integer, _ROOT_HALF_BITS))
        exponent = builder.and_(above, ir.Constant(integer, _EXPONENT_BITS))
        mantissa = builder.bitcast(builder.sub(bits, exponent), ir.FloatType())
        return context.make_tuple(builder, kind, (builder.sitofp(exponent, ir.FloatType()), mantissa))

    return kind(types.float32), lower


@intrinsic
def with_sign_of(typing: Any, size: Any, value: Any) -> Any:
    """Return a positive float32 with the sign of another one."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(32)
        bits, other = (builder.bitcast(each, integer) for each in arguments)
        sign = builder.and_(other, ir.Constant(integer, 1 << 31))
        return builder.bitcast(builder.or_(bits, sign), ir.FloatType())

    return types.float32(types.float32, types.float32), lower
