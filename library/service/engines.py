"""`Engines`: over one library, an engine for each policy and packaging that is asked for."""

from __future__ import annotations

from threading import Lock

from spectriage.spectra.identify import Identifier
from spectriage.spectra.policy import Policy

MOST = 8
"""Engines that are kept: some seven megabytes each, made in a fifth of a second."""


class Engines:
    """Shares what is made of the library with all of them.

    Parameters
    ----------
    first
        Any engine over it; the others have its references and its technique.
    """

    def __init__(self, first: Identifier) -> None:
        self.first = first
        self._lock = Lock()
        self._made = {(first.policy.sha256, first.packaging): first}

    def __len__(self) -> int:
        return len(self._made)

    def of(self, policy: Policy, packaging: str | tuple[str, ...] = "auto") -> Identifier:
        """Return the engine that decides by a policy and considers a packaging; from any thread.

        Raises
        ------
        ParameterError
            The library has no such packaging.
        """
        named = (packaging,) if isinstance(packaging, str) else packaging
        key = (policy.sha256, named)
        with self._lock:
            if key not in self._made:
                made = Identifier(
                    self.first.references, policy, packaging=named, technique=self.first.technique
                )
                while len(self._made) >= MOST:
                    del self._made[next(iter(self._made))]
                self._made[key] = made
            # what was asked for last is let go of last
            self._made[key] = self._made.pop(key)
            return self._made[key]
