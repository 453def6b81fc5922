"""One way to compile kernels: cached on disk, GIL released, IEEE division."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[F], F]:
    """Return a typed ``numba.njit(cache=True, nogil=True)``; `options` are passed on."""
    settings = {"cache": True, "nogil": True, "error_model": "numpy", **options}
    return cast(Callable[[F], F], numba.njit(**settings))
