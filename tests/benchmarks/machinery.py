"""A service with its own home, and jobs that are started and watched as the pages do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.base import BenchmarkError
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.settings import Settings, get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import JobSnapshot

WATCH_SECONDS = 0.5
"""Interval of the live view on the page Train."""


@contextmanager
def empty_home() -> Iterator[Path]:
    """A temporary folder on the disk that the app writes to."""
    disk = get_settings().home
    disk.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=disk, prefix="benchmark-") as home:
        yield Path(home).resolve()


@contextmanager
def open_service(threads: int) -> Iterator[Service]:
    """A service with an empty SQLite store, training on the processor."""
    with empty_home() as home:
        service = Service(
            Settings(
                home=home,
                data=get_settings().data_folder,
                database_url=None,
                device="cpu",
                threads=threads,
            )
        )
        try:
            yield service
        finally:
            service.close()


def run_job(service: Service, experiment: ExperimentSpec) -> JobSnapshot:
    """Start an experiment and watch it until it is done, as a page does.

    Raises:
        BenchmarkError: the job failed or was cancelled.
    """
    job = service.start(experiment)
    while (latest := service.watch(job.experiment_id).job) is not None and latest.status in ACTIVE:
        time.sleep(WATCH_SECONDS)
    if latest is None or latest.status != "done":
        raise BenchmarkError(f"{experiment.name} was not trained to its end: {latest}")
    return latest
