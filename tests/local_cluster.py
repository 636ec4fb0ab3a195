"""Dask clusters on this machine, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed import LocalCluster


@contextmanager
def local_cluster(workers: int, *, processes: bool = False, **options: Any) -> Iterator[Any]:
    """A scheduler in this process; workers of one thread, in this process or in their own."""
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=processes,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
        **options,
    ) as cluster:
        yield cluster


def sent(cluster: Any) -> Counter[str]:
    """How often each chunk was given to a worker, by its key."""
    log = [(str(entry[0]), entry[2]) for entry in list(cluster.scheduler.transition_log)]
    given = [key for key, state in log if state == "processing" and "chunk_" in key]
    return Counter(key.partition("chunk_")[2][:16] for key in given)


def busy(cluster: Any) -> list[str]:
    """Addresses of the workers that have a chunk."""
    return [one.address for one in list(cluster.scheduler.workers.values()) if one.processing]
