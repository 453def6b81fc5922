"""How compiled code calls back into Python: by the address of a function that `ctypes` made."""

from __future__ import annotations

from typing import Any

from spectriage.spectra.compile._kernels_vectors import intrinsic, ir, types


@intrinsic
def call_back(typing: Any, address: Any, first: Any, second: Any) -> Any:
    """Call the function at an address, ``void (int64, int64)``; one made by `ctypes` takes the lock itself."""

    def lower(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(64)
        function = ir.FunctionType(ir.VoidType(), [integer, integer])
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), lower
