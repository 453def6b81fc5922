"""A batch on a Dask cluster: the rows of one machine, in shards, each written once.

The way of a batch: `batch` opens the engine and lists the inputs, `shards` cuts them, `connection` finds the
cluster, `sending` compares versions and takes the library there once a worker, which `prepared` checks and
makes an engine of; `spreading` keeps a few shards a worker under way, `task` works one off, `parts` writes
it. Other tasks are done by a `crew`: what they share is `carried` to each worker once. Nothing but
`connection`, `sending`, `spreading` and `crew` knows Dask. Needs the extra ``cluster``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spectriage.spectra.facade import late

if TYPE_CHECKING:
    from spectriage.library.cluster.batch import run_cluster_batch
    from spectriage.library.cluster.connection import connected
    from spectriage.library.cluster.errors import ClusterError
    from spectriage.library.cluster.spreading import spread

__all__ = ["ClusterError", "connected", "run_cluster_batch", "spread"]

__getattr__, __dir__ = late(
    __name__,
    {
        "batch": ("run_cluster_batch",),
        "connection": ("connected",),
        "errors": ("ClusterError",),
        "spreading": ("spread",),
    },
)
