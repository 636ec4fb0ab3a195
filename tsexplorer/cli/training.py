"""An experiment queued and trained to its end, in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tsexplorer.cli.output import say

if TYPE_CHECKING:
    from tsexplorer.service import Service
    from tsexplorer.store import ExperimentSnapshot, JobSnapshot


def trained(service: Service, take: Callable[[], JobSnapshot]) -> ExperimentSnapshot:
    """Queue a job and see it through; returns its experiment as it is then.

    Args:
        service: of the store.
        take: queues the job.

    Raises:
        UserError: it could not be queued.
        Ending: it was not done.
    """
    # Imports torch before the job is taken: one whose process is silent for seconds looks
    # abandoned.
    from tsexplorer.cli.foreground import CtrlC, see_through
    from tsexplorer.cli.progress import reporter

    with CtrlC() as interrupt:
        job = take()
        experiment = service.experiment(job.experiment_id)
        say(f'Training "{experiment.name}" as job {job.id}.')
        with reporter(experiment) as shown:
            see_through(service, job, shown, interrupt)
    return service.experiment(experiment.id)
