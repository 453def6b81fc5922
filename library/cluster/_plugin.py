"""What workers are given, as plugins of Dask; imported only where Dask is."""

from __future__ import annotations

from distributed import WorkerPlugin

from spectriage.library.cluster.carried import Carried
from spectriage.library.cluster.prepared import Prepared


class RunPlugin(Prepared, WorkerPlugin):
    """What each worker is given once a run."""


class CarriedPlugin(Carried, WorkerPlugin):
    """What each worker is given once for many tasks."""
