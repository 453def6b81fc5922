"""The tables of a policy file: targets and their values, each checked; and the targets that ship."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy.target import DEFAULT, Target
from spectriage.spectra.reference import Hazard

SHIPPED = ("border", "drug-checking", "explosives")


def shipped_text(name: str) -> str:
    """Return the text of a shipped policy."""
    return resources.files("spectriage.spectra.policy").joinpath(f"{name}.toml").read_text("utf-8")


def target_of(part: object, place: int, where: str) -> Target:
    """Return the target that a table of ``[[targets]]`` describes, else raise ParameterError."""
    own = f"{where}, target {place}"
    if not isinstance(part, Mapping):
        raise ParameterError("is not a table", where=own)
    known = {field.name for field in fields(Target)}
    unknown = sorted(set(part) - known)
    if unknown:
        raise ParameterError(f"has unknown fields: {', '.join(unknown)}", where=own)
    values: dict[str, Any] = {}
    for key, value in part.items():
        if key in ("families", "classes"):
            values[key] = texts_of(value, key, own)
        elif key == "hazards":
            values[key] = hazards_of(value, key, own)
        elif key == "mass":
            values[key] = float(of_type(value, (int, float), key, own))
        else:
            values[key] = of_type(value, bool if key == "required" else str, key, own)
    try:
        return Target(**{"name": "", **values})
    except ParameterError as error:
        raise ParameterError(error.what, where=own) from None


def of_type(value: Any, kind: type | tuple[type, ...], key: str, where: str) -> Any:
    """Return a value of a type, else raise ParameterError."""
    # a truth value is an int to Python, but no number to whoever wrote the file
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ParameterError(f"{key} = {value!r} is of the wrong type", where=where)
    return value


def texts_of(value: object, key: str, where: str) -> tuple[str, ...]:
    """Return a list of names, else raise ParameterError."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ParameterError(f"{key} = {value!r} is not a list of names", where=where)
    return tuple(value)


def hazards_of(value: object, key: str, where: str) -> tuple[Hazard, ...]:
    """Return a list of hazards, else raise ParameterError."""
    try:
        return tuple(Hazard(item) for item in texts_of(value, key, where))
    except ValueError as error:
        known = ", ".join(hazard for hazard in Hazard if hazard is not Hazard.NONE)
        raise ParameterError(f"{key}: {error}", where=where, remedy=f"hazards: {known}") from None


@cache
def default_targets() -> tuple[Target, ...]:
    """Return the targets of the policy that is taken when none is named."""
    where = f"policy {DEFAULT}"
    parts = tomllib.loads(shipped_text(DEFAULT))["targets"]
    return tuple(target_of(part, place, where) for place, part in enumerate(parts, 1))


DEFAULT_TARGETS = default_targets()
