"""The version of what is installed."""

from __future__ import annotations

from importlib import metadata

try:
    __version__ = metadata.version("spectriage")
except metadata.PackageNotFoundError:
    # a source tree that was never installed
    __version__ = "0"
