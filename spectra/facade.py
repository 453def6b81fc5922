"""How a room shows what is public of it, and loads none of it before it is used (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from sys import modules
from types import ModuleType
from typing import Any


def late(
    package: str, files: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose names are imported on first use.

    Parameters
    ----------
    package
        Its ``__name__``.
    files
        The public names of each module; a module is named from the package on, or in full.
    """
    where = {
        name: file if file.startswith("spectriage.") else f"{package}.{file}"
        for file, names in files.items()
        for name in names
    }

    def getattribute(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(where[name]), name)
        # found at once from now on
        setattr(modules[package], name, value)
        return value

    def directory() -> list[str]:
        # what a package imports for itself is nobody's to use
        there = vars(modules[package])
        loaded = {name for name, value in there.items() if isinstance(value, ModuleType)}
        return sorted({*where, *loaded, *there.get("__all__", ()), "__doc__", "__name__"})

    return getattribute, directory
