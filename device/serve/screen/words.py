"""What the screen says, from ``words.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from spectriage.spectra.errors import ParameterError

LANGUAGES = ("en", "es")


@cache
def _table() -> dict[str, dict[str, str]]:
    text = resources.files("spectriage.device.serve.screen").joinpath("words.toml").read_text("utf-8")
    return tomllib.loads(text)


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


def keys() -> dict[str, dict[str, str]]:
    """Return the whole table, for tests."""
    return _table()
