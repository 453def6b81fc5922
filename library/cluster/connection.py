"""Finding the cluster: a scheduler by its address, or processes on this machine."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from spectriage.library.cluster.errors import ClusterError
from spectriage.library.files.places import EXTRA
from spectriage.library.service.batch import THREAD_VARIABLES
from spectriage.spectra.errors import ParameterError

LOOPBACK = "127.0.0.1"
MAX_LOCAL = 256
CONNECT_S = 15
ALLOWED_FAILURES = 10
"""A shard whose worker died is given to another so many times, before it is said to be what kills them."""
_LOCAL = re.compile(r"local:(\d{1,9})")


def dask() -> Any:
    """Import dask.distributed.

    Raises
    ------
    ParameterError
        When it is not installed; names the extra.
    """
    try:
        import distributed
    except ImportError:
        raise ParameterError(
            "--cluster needs the package dask.distributed, which is not installed", remedy=EXTRA
        ) from None
    return distributed


def local_workers(cluster: str) -> int | None:
    """Return the N of ``local:N``; None for an address.

    Raises
    ------
    ParameterError
        When it is neither.
    """
    if not cluster.startswith("local"):
        if "://" not in cluster and not re.fullmatch(r"[^\s:]+:\d+", cluster):
            raise ParameterError(
                f"{cluster!r} is no cluster",
                remedy="give local:N, or a scheduler's address, as tcp://HOST:8786 or tls://HOST:8786",
            )
        return None
    found = _LOCAL.fullmatch(cluster)
    count = int(found[1]) if found else 0
    if not 1 <= count <= MAX_LOCAL:
        raise ParameterError(f"{cluster!r} is no cluster", remedy=f"local:N has N from 1 to {MAX_LOCAL}")
    return count


@contextmanager
def connected(cluster: str) -> Iterator[Any]:
    """Give the client of a cluster; a local one is started, reachable from this machine alone, and ended.

    Parameters
    ----------
    cluster
        ``local:N`` for N processes of one thread each, or the address of a scheduler. For ``tls://`` the
        certificates are those of Dask's configuration.

    Raises
    ------
    ParameterError
        When it names no cluster, or Dask is not installed.
    ClusterError
        When the cluster cannot be reached.
    """
    count = local_workers(cluster)
    distributed = dask()
    # what Dask says of lost connections is said by our errors
    for name in [*logging.Logger.manager.loggerDict, "tornado.application", "asyncio"]:
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    if count is None:
        with _client(distributed, cluster) as client:
            yield client
        return
    with _local(distributed, count) as started, _client(distributed, started) as client:
        client.wait_for_workers(count, timeout=120)
        yield client


@contextmanager
def _client(distributed: Any, where: Any) -> Iterator[Any]:
    try:
        client = distributed.Client(where, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"there is no scheduler to be reached: {error}",
            where=str(where),
            remedy="start one with `dask scheduler`, or check the address",
        ) from None
    try:
        yield client
    finally:
        # a lost scheduler must not hold up the end
        with suppress(Exception):
            client.close(timeout=5)


@contextmanager
def _local(distributed: Any, count: int) -> Iterator[Any]:
    import dask as settings

    quiet = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.worker.use-file-locking": False,
        "distributed.admin.system-monitor.gil.enabled": False,
        # what Dask looks at many times a second would take its share of the cores that identify
        "distributed.admin.system-monitor.interval": "10s",
        "distributed.admin.tick.interval": "500ms",
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.work-stealing-interval": "1s",
    }
    with (
        settings.config.set(quiet),
        tempfile.TemporaryDirectory(prefix="spectriage-cluster-") as folder,
    ):
        cluster = distributed.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            # without an address Dask's pages would be served to the whole network
            dashboard_address=f"{LOOPBACK}:0",
            worker_dashboard_address=f"{LOOPBACK}:0",
            # one engine and a few shards: a worker need not be watched, spilled or killed for its size
            memory_limit=0,
            silence_logs=logging.CRITICAL,
            local_directory=folder,
            env=dict.fromkeys(THREAD_VARIABLES, "1"),
        )
        try:
            yield cluster
        finally:
            with suppress(Exception):
                cluster.close(timeout=10)
