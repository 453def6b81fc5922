"""The handheld's service and its touch screen: `spectriage serve`.

`Scans` takes one scan at a time over a `Session` and records it before it shows it; `guard` lets only this
machine's own pages and bearers of the token in; `service_app` is the typed JSON API; `screen` draws pages on
the same `Scans`. Nothing is decided here. Needs the extra `app`; nothing is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.device.serve.api import service_app
    from spectriage.device.serve.binding import Binding
    from spectriage.device.serve.guarding import Guard
    from spectriage.device.serve.scans import Scans
    from spectriage.device.serve.server import serve
    from spectriage.device.serve.unit import Setup

__all__ = ["Binding", "Guard", "Scans", "Setup", "serve", "service_app"]

__getattr__, __dir__ = late(
    __name__,
    {
        "api": ("service_app",),
        "binding": ("Binding",),
        "guarding": ("Guard",),
        "scans": ("Scans",),
        "server": ("serve",),
        "unit": ("Setup",),
    },
)
