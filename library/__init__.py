"""References: catalogue, store, building and importing."""

from spectriage.library.build.cache import default_library, open_library

__all__ = ["default_library", "open_library"]
