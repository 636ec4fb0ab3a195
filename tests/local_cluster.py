"""Dask clusters on this machine, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import LocalCluster

ROOT = Path(__file__).parent.parent


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A scheduler and workers of one thread each, all in this process."""
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=False,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        yield cluster


@contextmanager
def worker_processes(
    cluster: Any, count: int, home: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Further workers of a cluster, named by their index, each in its own process.

    They start as docs/cluster.md says, but without a nanny: a killed worker does not start again.

    Args:
        cluster: a local cluster.
        count: number of workers.
        home: their ``TSEXPLORER_HOME``.
    """
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name")
    command = [sys.executable, "-m", "dask", "worker", cluster.scheduler_address, *options]
    processes = [
        subprocess.Popen(
            [*command, str(index)],
            cwd=ROOT,
            env=os.environ | {"TSEXPLORER_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for index in range(count)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def count_submissions(cluster: Any) -> Counter[str]:
    """How often the scheduler assigned each chunk to a worker, by the chunk's key."""
    log = [(str(entry[0]), entry[2]) for entry in list(cluster.scheduler.transition_log)]
    tasks = [task for task, state in log if state == "processing" and task.startswith("chunk_")]
    return Counter(task.removeprefix("chunk_")[:16] for task in tasks)


def busy_workers(cluster: Any) -> list[str]:
    """Addresses of the workers that have a chunk."""
    workers = list(cluster.scheduler.workers.values())
    return [worker.address for worker in workers if worker.processing]


def busy_names(cluster: Any) -> list[int]:
    """Names of the workers that have a chunk."""
    workers = list(cluster.scheduler.workers.values())
    return [int(worker.name) for worker in workers if worker.processing]
