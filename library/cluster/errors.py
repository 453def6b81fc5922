"""The typed errors of work on a cluster."""

from __future__ import annotations

from spectriage.spectra.errors import SpectriageError

AGAIN = "run the same command again: it goes on where it stopped"


class ClusterError(SpectriageError):
    """A cluster that cannot be used, or was lost."""


class WorkerDiffersError(ClusterError):
    """A worker with other versions, another library or other files than the rest."""
