"""The queue: jobs come in, a process takes the oldest, others may ask things of it.

After a crash: the jobs of processes that are gone become interrupted, and can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.store.engine import Transactions
from tsexplorer.store.schema import (
    Experiment,
    ExperimentStage,
    Job,
    Stage,
    job_snapshot,
    without_nan,
)
from tsexplorer.store.snapshots import JobSnapshot, JobStatus, Request

HELD: tuple[JobStatus, ...] = ("running", "paused")
ACTIVE: tuple[JobStatus, ...] = ("queued", *HELD)
RESUMABLE: tuple[JobStatus, ...] = ("interrupted", "cancelled", "failed")

# What a job may come from. A late word, such as "paused" for a job that has just ended, is not
# heard; an interrupted job may still end, because its owner may only have been slow.
COMES_FROM: dict[str, tuple[JobStatus, ...]] = {
    **dict.fromkeys(HELD, HELD),
    **dict.fromkeys(("done", "failed", "cancelled", "interrupted"), (*ACTIVE, "interrupted")),
}


class Jobs(Transactions):
    """Queue jobs, take them, watch and steer them."""

    def enqueue(self, experiment_id: str, cluster: str | None = None) -> JobSnapshot:
        """Put an experiment at the queue's end; one that is in it already keeps its place.

        Args:
            experiment_id: what is to be trained.
            cluster: address of a scheduler; a job keeps it, also when it is queued again.

        Raises:
            NotFoundError: there is no such experiment.
        """
        with self._writing() as session:
            if session.get(Experiment, experiment_id) is None:
                raise NotFoundError(
                    f"There is no experiment with the id {experiment_id}; it may be deleted."
                )
            row = _active(session, experiment_id)
            if row is None:
                row = Job(
                    experiment_id=experiment_id,
                    cluster=cluster,
                    status="queued",
                    position=_last_position(session) + 1,
                    created_at=datetime.now(UTC),
                    progress={},
                )
                session.add(row)
                session.flush()
            return job_snapshot(row)

    def claim(self, owner: str, job_id: int | None = None) -> JobSnapshot | None:
        """Take a job: the oldest in the queue, or a certain one. Nobody else gets it as well.

        Args:
            owner: the process that will run it, ``host:pid:start``.
            job_id: the job to take.

        Returns:
            None where nothing is queued, or the certain job is not.

        Raises:
            NotFoundError: there is no such job.
        """
        queued = select(Job).where(Job.status == "queued").order_by(Job.position).limit(1)
        with self._writing() as session:
            row = session.scalar(queued) if job_id is None else _find(session, job_id)
            if row is None or row.status != "queued":
                return None
            now = datetime.now(UTC)
            row.status, row.owner = "running", owner
            row.heartbeat_at, row.started_at = now, now
            row.ended_at, row.error = None, None
            return job_snapshot(row)

    def heartbeat(self, job_id: int, owner: str, progress: Mapping[str, Any]) -> Request | None:
        """The owner says that it is alive and how far it is, and hears what is asked of it.

        An owner that was given up for dead takes its job up again, unless somebody else has it
        or it has ended: then it hears "cancel".

        Args:
            job_id: the job.
            owner: the process that runs it.
            progress: a small JSON document that :attr:`JobSnapshot.progress` gives back.

        Returns:
            The request, which is thereby answered, or None.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._writing() as session:
            row = _find(session, job_id)
            if row.owner != owner or row.status not in (*HELD, "interrupted"):
                return "cancel"
            if row.status == "interrupted":
                row.status, row.ended_at = "running", None
            request, row.request = row.request, None
            row.heartbeat_at = datetime.now(UTC)
            row.progress = without_nan(dict(progress))
            return request

    def set_job_status(
        self, job_id: int, status: str, *, error: str | None = None, owner: str | None = None
    ) -> bool:
        """Say where a job stands now.

        Args:
            job_id: the job.
            status: running, paused, done, failed, cancelled or interrupted.
            error: one sentence that says why it failed.
            owner: who says so; if given, a job that is another's by now is left alone.

        Returns:
            False where the word came too late: the job has ended, or is another's.

        Raises:
            NotFoundError: there is no such job.
            UserError: that is no status a running job can come to.
        """
        if status not in COMES_FROM:
            raise UserError(f"A job cannot be set to {status}; use one of {', '.join(COMES_FROM)}.")
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in COMES_FROM[status] or owner not in (None, row.owner):
                return False
            row.status, row.error = cast(JobStatus, status), error
            if status not in HELD:
                row.ended_at, row.request = datetime.now(UTC), None
            return True

    def request(self, job_id: int, what: str) -> None:
        """Ask something of a job, whichever process runs it; it is heard at the next heartbeat.

        The last word counts, except that nothing takes back "cancel".

        Raises:
            NotFoundError: there is no such job.
            UserError: that cannot be asked, or the job has ended.
        """
        if what not in get_args(Request):
            raise UserError(
                f"A job cannot be asked to {what}; ask one of {', '.join(get_args(Request))}."
            )
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in ACTIVE:
                raise UserError(f"Job {job_id} is {row.status}, so it cannot {what}.")
            if row.request != "cancel":
                row.request = cast(Request, what)

    def cancel_queued(self, job_id: int) -> bool:
        """Take a job out of the queue.

        Returns:
            False where it is not queued, so that whoever runs it has to be asked.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status != "queued":
                return False
            row.status, row.request, row.ended_at = "cancelled", None, datetime.now(UTC)
            return True

    def requeue(self, job_id: int) -> JobSnapshot:
        """Put a job that stopped early at the queue's end again.

        Raises:
            NotFoundError: there is no such job.
            UserError: it has not stopped early, or its experiment is in the queue already.
        """
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in RESUMABLE:
                raise UserError(f"Job {job_id} is {row.status}, so there is nothing to resume.")
            other = _active(session, row.experiment_id)
            if other is not None:
                raise UserError(
                    f"The experiment of job {job_id} is already {other.status} as job {other.id}; "
                    "follow that one."
                )
            row.status, row.position = "queued", _last_position(session) + 1
            row.request = row.owner = row.heartbeat_at = None
            row.started_at = row.ended_at = row.error = None
            return job_snapshot(row)

    def job(self, job_id: int) -> JobSnapshot:
        """One job.

        Raises:
            NotFoundError: there is none.
        """
        with self._reading() as session:
            return job_snapshot(_find(session, job_id))

    def jobs(self, active_only: bool = False) -> list[JobSnapshot]:
        """Jobs, the newest first; active ones are queued, running or paused."""
        query = select(Job).order_by(Job.id.desc())
        if active_only:
            query = query.where(Job.status.in_(ACTIVE))
        with self._reading() as session:
            return [job_snapshot(row) for row in session.scalars(query)]

    def latest_job(self, experiment_id: str) -> JobSnapshot | None:
        """The job that an experiment was queued as last, None if it never was."""
        query = select(Job).where(Job.experiment_id == experiment_id)
        with self._reading() as session:
            row = session.scalar(query.order_by(Job.position.desc()).limit(1))
            return None if row is None else job_snapshot(row)

    def latest_jobs(self) -> dict[str, JobSnapshot]:
        """The latest job of each study that was ever queued, by study id."""
        latest = select(Job.experiment_id, func.max(Job.position).label("position"))
        newest = latest.group_by(Job.experiment_id).subquery()
        query = select(Job).join(
            newest,
            (Job.experiment_id == newest.c.experiment_id) & (Job.position == newest.c.position),
        )
        with self._reading() as session:
            return {row.experiment_id: job_snapshot(row) for row in session.scalars(query)}

    def queue_position(self, job_id: int) -> int:
        """How many jobs wait before this one: 0 for the next, and for one that does not wait.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._reading() as session:
            row = _find(session, job_id)
            if row.status != "queued":
                return 0
            before = (Job.status == "queued") & (Job.position < row.position)
            return session.scalar(select(func.count()).where(before)) or 0


def _find(session: Session, job_id: int) -> Job:
    row = session.get(Job, job_id)
    if row is None:
        raise NotFoundError(f"There is no job {job_id}; the list of jobs has their numbers.")
    return row


def _active(session: Session, experiment_id: str) -> Job | None:
    return session.scalar(
        select(Job).where(Job.experiment_id == experiment_id, Job.status.in_(ACTIVE)).limit(1)
    )


def _last_position(session: Session) -> int:
    return session.scalar(select(func.max(Job.position))) or 0


Alive = Callable[[str], bool | None]
"""Whether the process that an owner names lives; None where that cannot be told."""


class Recovery(Transactions):
    """Find the jobs that nobody runs any more."""

    def interrupt_stale(self, now: datetime, older_than: timedelta, alive: Alive) -> list[int]:
        """Mark running and paused jobs, with their running stages, whose owner is silent or gone.

        Other processes may do so at the same time: each job is marked by one of them. A job
        whose owner speaks meanwhile is left alone.

        Args:
            now: this moment, with its zone.
            older_than: how long an owner may be silent.
            alive: asked about owners that are not; it may be slow, nobody waits for it.

        Returns:
            Ids of the jobs that this call marked.
        """
        with self._reading() as session:
            held = [
                job_snapshot(row)
                for row in session.scalars(select(Job).where(Job.status.in_(HELD)))
            ]
        stale = [job for job in held if _is_stale(job, now - older_than, alive)]
        return [job.id for job in stale if self._interrupt(job, now)]

    def _interrupt(self, seen: JobSnapshot, now: datetime) -> bool:
        """Mark a job, unless it has changed hands, spoken or ended since it was seen."""
        with self._writing() as session:
            row = session.get(Job, seen.id)
            if row is None or row.status not in HELD:
                return False
            if (row.owner, row.heartbeat_at) != (seen.owner, seen.heartbeat_at):
                return False
            row.status, row.request, row.ended_at = "interrupted", None, now
            session.flush()
            _interrupt_stages(session, seen.experiment_id, now)
            return True


def _is_stale(job: JobSnapshot, oldest: datetime, alive: Alive) -> bool:
    if job.owner is None or job.heartbeat_at is None or job.heartbeat_at < oldest:
        return True
    return alive(job.owner) is False


def _interrupt_stages(session: Session, experiment_id: str, now: datetime) -> None:
    """Mark an experiment's running stages, but for those that another running job may train."""
    elsewhere = exists().where(
        ExperimentStage.stage_hash == Stage.hash,
        ExperimentStage.experiment_id == Job.experiment_id,
        Job.experiment_id != experiment_id,
        Job.status.in_(HELD),
    )
    here = select(ExperimentStage.stage_hash).where(ExperimentStage.experiment_id == experiment_id)
    session.execute(
        update(Stage)
        .where(Stage.hash.in_(here), Stage.status == "running", ~elsewhere)
        .values(status="interrupted", finished_at=now)
        .execution_options(synchronize_session=False)
    )
