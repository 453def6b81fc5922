"""A warm engine for a program: the library opened, the identifier prepared, its compilation told."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectriage.spectra.compile import lasting
from spectriage.spectra.policy.target import DEFAULT
from spectriage.spectra.technique import Technique

if TYPE_CHECKING:
    from spectriage.library.signing import Trust
    from spectriage.spectra.identify import Identifier


def make_engine(
    library: Path | None,
    packaging: list[str] | None = None,
    lod: float | None = None,
    policy: str = DEFAULT,
    trust: Trust | None = None,
    technique: Technique = Technique.NORMAL,
) -> Identifier:
    """Open the library, the shipped one if none is named, and prepare the engine.

    Parameters
    ----------
    library, packaging
        As `open_library` and `Identifier` have them.
    lod
        One limit for all targets, a share of the signal, in place of those of the policy.
    policy
        The name of a shipped policy, or the path of a file.
    trust
        Which libraries may be opened; what the environment says if None.
    technique
        That of the spectra to come.

    Raises
    ------
    ParameterError
        When there is no such policy, or its file is not one.
    """
    with lasting():
        from spectriage.library.building.cache import open_library
        from spectriage.library.service.progress import progress_bar
        from spectriage.spectra.identify import Identifier
        from spectriage.spectra.policy import load_policy

        _announce_compilation()
        with progress_bar() as progress:
            references = open_library(library, trust=trust, progress=progress)
        asked = load_policy(policy)
        if lod is not None:
            asked = asked.with_signal_limit(lod)
        return Identifier(references, asked, packaging=packaging or "auto", technique=technique)


@cache
def _announce_compilation() -> None:
    """Say once on standard error when kernels have to be compiled, which takes long."""
    from spectriage.spectra.compile import announce_compilation

    told: list[str] = []

    def tell(name: str) -> None:
        if not told:
            print(
                "spectriage: compiling for this machine, once; `spectriage warmup` does it beforehand",
                file=sys.stderr,
                flush=True,
            )
        told.append(name)

    announcing = announce_compilation(tell)
    announcing.__enter__()
    _announcing.append(announcing)


_announcing: list[Any] = []
"""Kept open as long as the process lives."""
