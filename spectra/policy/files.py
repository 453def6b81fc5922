"""Policies as TOML files: those that are shipped, and a laboratory's own.

A file has ``schema = 1``, ``name``, ``description``, ``judged`` (``middle`` or ``upper``), ``raises``
(hazards), ``advice``, and ``[[targets]]`` with the fields of `Target`. Any other field of `Policy` that is
a number may be given too. What is wrong in it is an error that says where.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from spectriage.spectra.errors import ParameterError
from spectriage.spectra.policy.policy import Policy
from spectriage.spectra.policy.tables import (
    SHIPPED,
    hazards_of,
    of_type,
    shipped_text,
    target_of,
)

SCHEMA = 1
MAX_BYTES = 200_000
_TEXTS = ("name", "description", "judged", "advice")
_NUMBERS = (
    *("lod", "gain", "hazard_gain", "packaging_gain", "margin", "prior_known"),
    *("min_fraction", "min_snr", "raised", "named", "suspected"),
)


def load_policy(name: str | Path) -> Policy:
    """Return a shipped policy by its name, or read one from a file.

    Raises
    ------
    ParameterError
        When there is no such policy, or the file is not one; says where.
    """
    if str(name) in SHIPPED:
        return parse_policy(shipped_text(str(name)), where=f"policy {name}")
    path = Path(name)
    if not path.is_file():
        raise ParameterError(
            f"there is no policy {str(name)!r}",
            remedy=f"give {', '.join(SHIPPED)}, or the path of a TOML file",
        )
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise ParameterError(f"a policy of {len(data)} bytes is no policy", where=str(path))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParameterError(f"is not UTF-8: {error.reason}", where=str(path)) from None
    return parse_policy(text, where=str(path))


def parse_policy(text: str, *, where: str = "policy") -> Policy:
    """Return the policy that a TOML text describes.

    Raises
    ------
    ParameterError
        When it does not describe one.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"is not TOML: {error}", where=where) from None
    if table.pop("schema", None) != SCHEMA:
        raise ParameterError("has no `schema = 1`", where=where, remedy="start from a shipped policy")
    values: dict[str, Any] = {}
    for key in _TEXTS:
        if key in table:
            values[key] = of_type(table.pop(key), str, key, where)
    for key in _NUMBERS:
        if key in table:
            values[key] = float(of_type(table.pop(key), (int, float), key, where))
    if "raises" in table:
        values["raises"] = hazards_of(table.pop("raises"), "raises", where)
    parts = table.pop("targets", None)
    if not isinstance(parts, list) or not parts:
        raise ParameterError("has no [[targets]]", where=where, remedy="nothing would be watched for")
    values["targets"] = tuple(target_of(part, place, where) for place, part in enumerate(parts, 1))
    if table:
        raise ParameterError(f"has unknown fields: {', '.join(sorted(table))}", where=where)
    try:
        return Policy(**values)
    except ParameterError as error:
        raise ParameterError(error.what, where=where) from None
