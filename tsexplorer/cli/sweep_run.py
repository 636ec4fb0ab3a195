"""A sweep seen through to its end: queued, run here or followed, and printed."""

from __future__ import annotations

from collections.abc import Callable

from tsexplorer.cli.output import print_json, say
from tsexplorer.cli.run_job import CtrlC, see_through
from tsexplorer.cli.sweep_progress import sweep_reporter
from tsexplorer.cli.sweep_results import document, print_sweep
from tsexplorer.services.service import Service
from tsexplorer.store import JobSnapshot


def see_sweep_through(service: Service, take: Callable[[], JobSnapshot], *, json: bool) -> None:
    """Queue a sweep's job, see it through and print what came of it.

    Raises:
        UserError: ``take`` says no.
        Ending: it was not done; says why, and how to go on.
    """
    with CtrlC() as interrupt:
        job = take()
        sweep = service.sweeps.one(job.experiment_id)
        say(f'Training the sweep "{sweep.name}" as job {job.id}.')
        with sweep_reporter(service, sweep.id) as shown:
            see_through(service, job, shown, interrupt)
    figures = service.sweeps.figures(sweep.id)
    if json:
        print_json(document(figures))
    else:
        print_sweep(figures)
