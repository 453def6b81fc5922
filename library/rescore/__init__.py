"""An archive scored again: what a new library, engine or policy changes in old results, and why.

`results` reads the rows of a batch or of a cluster's shards; `spectra` finds the spectrum behind each old
row, unchanged, or refuses; `change` compares two answers to one spectrum, and `tally` adds up what changed,
by verdict, substance and target; `run` puts them together, for a journal too. The new answers come from a
batch like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.rescore.change import Change, compared
    from spectriage.library.rescore.errors import RescoreError
    from spectriage.library.rescore.tally import Tally

__all__ = ["Change", "RescoreError", "Tally", "compared"]

__getattr__, __dir__ = late(
    __name__, {"change": ("Change", "compared"), "errors": ("RescoreError",), "tally": ("Tally",)}
)
