"""Dask clusters on this machine, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed import LocalCluster


@contextmanager
def local_cluster(workers: int, *, processes: bool = False, **options: Any) -> Iterator[Any]:
    """A scheduler in this process, and workers of one thread each.

    Args:
        workers: number of workers.
        processes: whether each worker is a process; otherwise all run in this process.
        options: further arguments of ``LocalCluster``.
    """
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


def count_submissions(cluster: Any) -> Counter[str]:
    """How often the scheduler gave each chunk to a worker, by the chunk's key."""
    log = [(str(entry[0]), entry[2]) for entry in list(cluster.scheduler.transition_log)]
    tasks = [task for task, state in log if state == "processing" and task.startswith("chunk_")]
    return Counter(task.removeprefix("chunk_")[:16] for task in tasks)


def busy_workers(cluster: Any) -> list[str]:
    """Addresses of the workers that have a chunk."""
    workers = list(cluster.scheduler.workers.values())
    return [worker.address for worker in workers if worker.processing]
