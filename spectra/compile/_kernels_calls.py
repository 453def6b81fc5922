"""How compiled code calls what it was not compiled with: Python by an address, kernels by plain tuples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba.core import cgutils, imputils
from numba.extending import overload as _overload

from spectriage.spectra.compile._kernels_vectors import intrinsic, ir, types
from spectriage.spectra.compile.jit import packed

overload = cast(Callable[..., Callable[[Callable[..., Any]], Any]], _overload)
_cgutils, _imputils = cast(Any, cgutils), cast(Any, imputils)

__all__ = ["call_back", "packed"]


@intrinsic
def call_back(typing: Any, address: Any, first: Any, second: Any) -> Any:
    """Call the function ``void (int64, int64)`` at an address; `ctypes` makes such as take the lock."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        function = ir.FunctionType(ir.VoidType(), [integer, integer])
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), lower


@intrinsic
def _plain(typing: Any, named: Any) -> Any:
    """Return the values of a named tuple as a plain one."""
    plain = types.BaseTuple.from_types(tuple(named.types))

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = _cgutils.unpack_tuple(builder, arguments[0])
        made = context.make_tuple(builder, signature.return_type, values)
        return _imputils.impl_ret_borrowed(context, builder, signature.return_type, made)

    return plain(named), lower


# not strict: numba would take the types of the parameters for a difference
@overload(packed, strict=False)
def _packed(named: Any) -> Any:
    """In kernels too: what is handed over `packed` from Python and from a kernel is compiled but once."""
    if isinstance(named, types.BaseNamedTuple):
        return lambda named: _plain(named)
    return None
