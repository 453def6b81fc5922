"""Reading checked values out of a TOML table: a misspelt or misplaced key must not be ignored."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from spectriage.spectra.errors import FormatError

Value = TypeVar("Value")
Scalar = str | float | int


class Fields:
    """One table of a plan; every read checks type and range, and `done` refuses what nobody asked for.

    Parameters
    ----------
    table
        As the TOML parser gave it.
    where
        File and table, for messages.
    """

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self._left = dict(table)
        self.where = where

    def error(self, what: str, remedy: str = "") -> FormatError:
        """Return (not raise) an error about this table."""
        return FormatError(what, where=self.where, remedy=remedy)

    def _take(self, key: str, default: Any, check: Callable[[Any], bool], kind: str) -> Any:
        if key not in self._left:
            if default is ...:
                raise self.error(f"{key} is missing")
            return default
        value = self._left.pop(key)
        if not check(value):
            raise self.error(f"{key} = {value!r} is not {kind}")
        return value

    def text(self, key: str, default: Any = ...) -> str:
        """Return a text."""
        value: str = self._take(key, default, lambda v: isinstance(v, str), "a text")
        return value

    def choice(self, key: str, default: Any, allowed: Collection[str]) -> str:
        """Return one of some words."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.error(f"{key} = {value!r} is not one of {', '.join(allowed)}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return true or false."""
        value: bool = self._take(key, default, lambda v: isinstance(v, bool), "true or false")
        return value

    def integer(self, key: str, default: Any, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        value: int = self._take(key, default, is_integer, "a whole number")
        if not low <= value <= high:
            raise self.error(f"{key} = {value} is not between {low} and {high}")
        return value

    def number(self, key: str, default: Any, low: float, high: float) -> Any:
        """Return a number from `low` to `high`, or the default."""
        value = self._take(key, default, is_number, "a number")
        if value is default:
            return value
        if not low <= value <= high:
            raise self.error(f"{key} = {value} is not between {low:g} and {high:g}")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts, none of them twice."""
        found = self._take(key, list(default), _is_list_of(lambda v: isinstance(v, str)), "a list of texts")
        return self._once(key, tuple(found))

    def numbers(self, key: str, default: tuple[float, ...], low: float, high: float) -> tuple[float, ...]:
        """Return a list of numbers from `low` to `high`, none of them twice."""
        found = self._take(key, list(default), _is_list_of(is_number), "a list of numbers")
        for value in found:
            if not low <= value <= high:
                raise self.error(f"{key} holds {value}, which is not between {low:g} and {high:g}")
        return self._once(key, tuple(float(value) for value in found))

    def _once(self, key: str, values: tuple[Value, ...]) -> tuple[Value, ...]:
        if len(set(values)) < len(values):
            raise self.error(f"{key} names something twice")
        return values

    def table(self, key: str) -> dict[str, Any]:
        """Return a table, empty where it is missing."""
        value: dict[str, Any] = self._take(key, {}, lambda v: isinstance(v, dict), "a table")
        return value

    def raw(self, key: str, default: Any) -> Any:
        """Return a value that the caller checks."""
        return self._left.pop(key, default)

    def tables(self, key: str) -> list[dict[str, Any]]:
        """Return an array of tables, empty where it is missing."""
        value: list[dict[str, Any]] = self._take(
            key, [], _is_list_of(lambda v: isinstance(v, dict)), "a list of tables"
        )
        return value

    def done(self) -> None:
        """Refuse keys that were not read."""
        if self._left:
            raise self.error(f"unknown key {sorted(self._left)[0]!r}")


def is_integer(value: Any) -> bool:
    """Whether a TOML value is a whole number; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a TOML value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_scalar(value: Any) -> bool:
    """Whether a TOML value is a text or a number."""
    return isinstance(value, str) or is_number(value)


def _is_list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)
