"""List and cancel jobs, and delete studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json, local_time, print_json, print_table
from tsexplorer.cli.shell import QUEUE, app, open_service

if TYPE_CHECKING:
    from tsexplorer.services import JobSnapshot, StudySnapshot

JobId = Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")]


@app.command(rich_help_panel=QUEUE)
def jobs(json: Json = False) -> None:
    """List the jobs, the newest first.

    A job is queued, running, paused or done. A job that was interrupted (its process has ended),
    was cancelled or has failed can be resumed.
    """
    with open_service() as service:
        all_jobs = service.jobs()
        studies = {study.id: study for study in service.studies.all()}
    # A study may have been deleted, with its jobs, between these two reads.
    rows = [
        job_document(job, studies[job.experiment_id])
        for job in all_jobs
        if job.experiment_id in studies
    ]
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
                *(local_time(row[column]) for column in ("created_at", "ended_at")),
            )
            for row in rows
        ],
        numbers=("job", "nets"),
        notes=[f"Job {row['id']}: {row['error']}" for row in rows if row["error"]]
        or ([] if rows else ["No jobs yet; to start one: python -m tsexplorer run"]),
    )


def job_document(job: JobSnapshot, study: StudySnapshot[Any]) -> dict[str, Any]:
    """A job and its study, as the command ``jobs`` prints them."""
    return {
        "id": job.id,
        "experiment": study.name,
        "experiment_id": study.id,
        "kind": study.kind,
        "status": job.status,
        "cluster": job.cluster,
        "stages_done": study.nets_done,
        "stages": study.nets,
        "created_at": job.created_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
        "error": job.error,
    }


@app.command(rich_help_panel=QUEUE)
def cancel(job: JobId, json: Json = False) -> None:
    """Cancel a job that is queued, running or paused, in any process.

    Trained nets and the last finished epoch are kept, so that resume can continue. With --json:
    the job, as in jobs; its status is still running if its process has not stopped yet.
    """
    with open_service() as service:
        cancelled = service.cancel_and_wait(job)
        row = job_document(cancelled, service.studies.get(cancelled.experiment_id))
    if json:
        print_json(row)
    elif row["status"] == "cancelled":
        print(f"Job {job} is cancelled; to continue: python -m tsexplorer resume {job}")
    else:
        print(f"Job {job} is {row['status']} and will stop when its process reads the request.")


@app.command(rich_help_panel=QUEUE)
def delete(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="ID|NAME", help="Experiment, sweep, tuning or repeat, by name or id."
        ),
    ],
    json: Json = False,
) -> None:
    """Delete an experiment or another study, its jobs, and the nets that no other study uses.

    With --json: the id and the name of the deleted study.
    """
    with open_service() as service:
        study = service.studies.get(experiment)
        service.delete(study.id)
    if json:
        print_json({"deleted": {"id": study.id, "name": study.name}})
    else:
        print(f'The {study.kind} "{study.name}" is deleted.')
