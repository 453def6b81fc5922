"""Bringing measured spectra into a library: folders, manifests, public collections, other libraries.

`import_into` does it and says what it took, what was there already, and what it refused and why; nothing of
anybody's ships with this project. What can be imported is in `sources`, a manifest to fill in comes from
`template`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.importing.found import Defaults
    from spectriage.library.importing.run import Report, import_into
    from spectriage.library.importing.sources import KINDS
    from spectriage.library.importing.template import folder_template

__all__ = ["KINDS", "Defaults", "Report", "folder_template", "import_into"]

__getattr__, __dir__ = late(
    __name__,
    {
        "found": ("Defaults",),
        "run": ("Report", "import_into"),
        "sources": ("KINDS",),
        "template": ("folder_template",),
    },
)
