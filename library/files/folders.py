"""The user's folders: what can be made again, what is set by hand, and what must be remembered."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "SPECTRIAGE_CACHE"
CONFIG_VARIABLE = "SPECTRIAGE_CONFIG"
STATE_VARIABLE = "SPECTRIAGE_STATE"


def cache_folder() -> Path:
    """Return the user's cache folder: ``$SPECTRIAGE_CACHE``, or the platform's."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("spectriage", appauthor=False))


def config_folder() -> Path:
    """Return the folder of what the user sets: ``$SPECTRIAGE_CONFIG``, or the platform's."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_dir

    return Path(user_config_dir("spectriage", appauthor=False))


def state_folder() -> Path:
    """Return the folder of what must be remembered: ``$SPECTRIAGE_STATE``, or the platform's."""
    named = os.environ.get(STATE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_state_dir

    return Path(user_state_dir("spectriage", appauthor=False))
