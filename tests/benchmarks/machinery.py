"""The app's machinery in a home of its own, and what the pages do with it: start a job, watch."""

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
"""How often the live view of the Train page looks."""


@contextmanager
def empty_home() -> Iterator[Path]:
    """A folder for the time being, on the disk that the app itself would write to."""
    disk = get_settings().home
    disk.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=disk, prefix="benchmark-") as home:
        yield Path(home).resolve()


@contextmanager
def service(threads: int) -> Iterator[Service]:
    """A service with an empty SQLite store, training on the processor."""
    with empty_home() as home:
        opened = Service(
            Settings(
                home=home,
                data=get_settings().data_folder,
                database_url=None,
                device="cpu",
                threads=threads,
            )
        )
        try:
            yield opened
        finally:
            opened.close()


def run_job(service: Service, experiment: ExperimentSpec) -> JobSnapshot:
    """Start an experiment and watch it, as a page does, until it is done.

    Raises:
        BenchmarkError: it did not end well.
    """
    job = service.start(experiment)
    while (now := service.watch(job.experiment_id).job) is not None and now.status in ACTIVE:
        time.sleep(WATCH_SECONDS)
    if now is None or now.status != "done":
        raise BenchmarkError(f"{experiment.name} was not trained to its end: {now}")
    return now
