"""What screen and report say, from ``words.toml``, and what it calls materials, from ``names.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

from spectriage.spectra.errors import ParameterError

LANGUAGES = ("en", "es")


def _read(name: str) -> str:
    return resources.files("spectriage.device.wording").joinpath(name).read_text("utf-8")


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(_read("words.toml"))


@cache
def names() -> dict[str, dict[str, str]]:
    """Return what materials are called in other languages than the library's: language, then name."""
    return tomllib.loads(_read("names.toml"))


class Problem(Protocol):
    """An error, as the service gives it."""

    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def what(self) -> str: ...  # noqa: D102
    @property
    def remedy(self) -> str: ...  # noqa: D102


class Checked(Protocol):
    """A line of the health check, as the service gives it."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def case(self) -> str: ...  # noqa: D102
    @property
    def said(self) -> str: ...  # noqa: D102
    @property
    def values(self) -> Mapping[str, str]: ...  # noqa: D102


class Words:
    """The words of one language.

    Parameters
    ----------
    language
        One of `LANGUAGES`.

    Raises
    ------
    ParameterError
        It is none of them.
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise ParameterError(f"no language {language!r}", remedy=f"one of {', '.join(LANGUAGES)}")
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return what is said for `key`, with the values in it."""
        return _table()[key][self.language].format(**values)

    def __contains__(self, key: str) -> bool:
        return key in _table()

    def get(self, key: str, plain: str) -> str:
        """Return what is said for `key`, and `plain` where it has no words."""
        return self(key) if key in self else plain

    def name(self, material: str) -> str:
        """Return what a material, family or target of the library is called; its own name where unknown."""
        return names().get(self.language, {}).get(material, material)

    def policy(self, name: str) -> str:
        """Return what a shipped policy is called; another's own name."""
        return self.get(f"policy_{name}", name)

    def problem(self, problem: Problem) -> str:
        """Return an error: in English as it was raised, else by its code or its type."""
        if self.language == "en":
            return f"{problem.what}. {problem.remedy}".strip()
        for key in (f"problem_{problem.code}", f"problem_{problem.type}"):
            if key in self:
                return self(key)
        return self("problem_other", type=problem.type)

    def checked(self, check: Checked) -> str:
        """Return a line of the health check by its case; as it was found where that has no words."""
        if check.case == "error" and self.language != "en":
            return self.problem(_Said(check.values.get("type", ""), check.values.get("code", "")))
        key = f"found_{check.code}_{check.case}"
        if key in self:
            return self(key, **{name: self.name(value) for name, value in check.values.items()})
        return check.said if self.language == "en" else self("problem_other", type=check.case)


@dataclass(frozen=True)
class _Said:
    """An error that a check came upon."""

    type: str
    code: str
    what: str = ""
    remedy: str = ""


def keys() -> dict[str, dict[str, str]]:
    """Return the whole table, for tests."""
    return _table()
