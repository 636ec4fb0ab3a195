"""Jobs and experiments that are kept: list, cancel, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsexplorer.cli.output import Json, moment, print_json, print_table
from tsexplorer.cli.session import opened
from tsexplorer.cli.shell import QUEUE, app

if TYPE_CHECKING:
    from tsexplorer.services import JobSnapshot, StudySnapshot

JobId = Annotated[int, typer.Argument(metavar="ID", help="A job; the jobs command lists them.")]


@app.command(rich_help_panel=QUEUE)
def jobs(json: Json = False) -> None:
    """List the jobs, the newest first.

    A job is queued, running, paused or done; one that was interrupted (its process is gone),
    was cancelled or has failed can be resumed.
    """
    with opened() as service:
        every_job = service.jobs()
        studies = {study.id: study for study in service.studies.all()}
    # A study that is deleted between these two reads takes its jobs with it.
    rows = [
        job_document(job, studies[job.experiment_id])
        for job in every_job
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
                *(moment(row[when]) for when in ("created_at", "ended_at")),
            )
            for row in rows
        ],
        numbers=("job", "nets"),
        notes=[f"Job {row['id']}: {row['error']}" for row in rows if row["error"]]
        or ([] if rows else ["No jobs yet; to start one: python -m tsexplorer run"]),
    )


def job_document(job: JobSnapshot, study: StudySnapshot[Any]) -> dict[str, Any]:
    """A job and its study, as the jobs command gives it."""
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
    """Cancel a job that waits, runs or is paused, in whatever process.

    Finished nets and the last finished epoch stay, so that resume can go on. With --json: the
    job, as in jobs; its status is still running if its process has not yet heard.
    """
    with opened() as service:
        ended = service.cancel_and_wait(job)
        row = job_document(ended, service.studies.get(ended.experiment_id))
    if json:
        print_json(row)
    elif row["status"] == "cancelled":
        print(f"Job {job} is cancelled; to go on: python -m tsexplorer resume {job}")
    else:
        print(f"Job {job} is {row['status']} and will stop when its process hears of it.")


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

    With --json: the id and the name of what is gone.
    """
    with opened() as service:
        study = service.studies.get(experiment)
        service.delete(study.id)
    if json:
        print_json({"deleted": {"id": study.id, "name": study.name}})
    else:
        print(f'The {study.kind} "{study.name}" is deleted.')
