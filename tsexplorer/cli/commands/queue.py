"""Jobs and experiments that are kept: list, cancel, delete."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json, moment, print_json, print_table
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import QUEUE, app

if TYPE_CHECKING:
    from tsexplorer.services.service import Service
    from tsexplorer.store import ExperimentSnapshot, JobSnapshot

HEARD_BEATS = 5
"""How many heartbeats a running job is given to hear that it is cancelled."""
POLL_SECONDS = 0.05

JobId = Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")]


@app.command(rich_help_panel=QUEUE)
def jobs(json: Json = False) -> None:
    """List the jobs, the newest first.

    A job is queued, running, paused or done; one that was interrupted (its process is gone),
    was cancelled or has failed can be resumed.
    """
    with opened() as service:
        found = service.jobs()
        experiments = {one.id: one for one in service.experiments()}
        many = (*service.store.sweeps(), *service.store.tunes())
        experiments |= {one.id: one for one in many}
    # One that is deleted between the two questions takes its jobs with it.
    kept = [job for job in found if job.experiment_id in experiments]
    rows = [_job(job, experiments[job.experiment_id]) for job in kept]
    if json:
        print_json(rows)
        return
    print_table(
        ("job", "experiment", "status", "nets", "queued", "ended"),
        [
            (
                str(row["id"]),
                row["experiment"],
                row["status"],
                f"{row['stages_done']} of {row['stages']}",
                *(moment(row[when]) for when in ("created_at", "ended_at")),
            )
            for row in rows
        ],
        numbers=("job", "nets"),
        notes=[f"Job {row['id']}: {row['error']}" for row in rows if row["error"]]
        or ([] if rows else ["No jobs yet; to start one: python -m tsexplorer run"]),
    )


def _job(job: JobSnapshot, experiment: ExperimentSnapshot) -> dict[str, Any]:
    return {
        "id": job.id,
        "experiment": experiment.name,
        "experiment_id": experiment.id,
        "kind": experiment.kind,
        "status": job.status,
        "cluster": job.cluster,
        "stages_done": sum(link.stage.status == "done" for link in experiment.stages),
        "stages": len(experiment.stages),
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
        "error": job.error,
    }


@app.command(rich_help_panel=QUEUE)
def cancel(job: JobId, json: Json = False) -> None:
    """Cancel a job that waits, runs or is paused, in whatever process.

    Finished nets and the last finished epoch stay, so that resume can go on. With --json: the
    job, as in jobs; its status is still running if its process has not yet heard.
    """
    with opened() as service:
        service.cancel(job)
        ended = _once_heard(service, job)
        row = _job(ended, service.subject(ended))
    if json:
        print_json(row)
    elif row["status"] == "cancelled":
        print(f"Job {job} is cancelled; to go on: python -m tsexplorer resume {job}")
    else:
        print(f"Job {job} is {row['status']} and will stop when its process hears of it.")


def _once_heard(service: Service, job: int) -> JobSnapshot:
    """The job after its process has had time to hear."""
    from tsexplorer.services.service import ACTIVE

    deadline = monotonic() + HEARD_BEATS * service.settings.heartbeat_seconds
    while (found := service.store.job(job)).status in ACTIVE and monotonic() < deadline:
        sleep(POLL_SECONDS)
    return found


@app.command(rich_help_panel=QUEUE)
def delete(
    experiment: Annotated[
        str,
        typer.Argument(metavar="ID|NAME", help="Experiment, sweep or tuning, by name or id."),
    ],
    json: Json = False,
) -> None:
    """Delete an experiment, a sweep or a tuning, its jobs, and the nets that nothing else uses.

    With --json: the id and the name of what is gone.
    """
    with opened() as service:
        found = service.store.experiment(experiment)
        service.delete(found.id)
    if json:
        print_json({"deleted": {"id": found.id, "name": found.name}})
    else:
        print(f'The {found.kind} "{found.name}" is deleted.')
