"""The queue of jobs, control requests to running jobs, and recovery after a crash.

One process claims the oldest job and runs it; other processes send it requests. Jobs of processes
that no longer exist are marked as interrupted and can be resumed.
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

OWNED: tuple[JobStatus, ...] = ("running", "paused")
ACTIVE: tuple[JobStatus, ...] = ("queued", *OWNED)
RESUMABLE: tuple[JobStatus, ...] = ("interrupted", "cancelled", "failed")

# New status → the statuses that it may follow. A late report, such as "paused" for a job that has
# just ended, is ignored. An interrupted job may still end: its owner may only have been slow.
PREVIOUS_STATUSES: dict[str, tuple[JobStatus, ...]] = {
    **dict.fromkeys(OWNED, OWNED),
    **dict.fromkeys(("done", "failed", "cancelled", "interrupted"), (*ACTIVE, "interrupted")),
}


class Jobs(Transactions):
    """Queue, claim, observe and control jobs."""

    def enqueue(self, experiment_id: str, cluster: str | None = None) -> JobSnapshot:
        """Append a study to the queue; if it is queued or running already, return that job.

        Args:
            experiment_id: id of the study to be trained.
            cluster: address of the scheduler; it remains when the job is queued again.

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
        """Claim the oldest queued job, or a given one; only one process can claim a job.

        Args:
            owner: the process that will run it: ``host:pid:start``.
            job_id: the job to claim; None: the oldest.

        Returns:
            The job; None if no job is queued, or the given job is not.

        Raises:
            NotFoundError: there is no such job.
        """
        oldest = select(Job).where(Job.status == "queued").order_by(Job.position).limit(1)
        with self._writing() as session:
            row = session.scalar(oldest) if job_id is None else _find(session, job_id)
            if row is None or row.status != "queued":
                return None
            now = datetime.now(UTC)
            row.status, row.owner = "running", owner
            row.heartbeat_at, row.started_at = now, now
            row.ended_at, row.error = None, None
            return job_snapshot(row)

    def heartbeat(self, job_id: int, owner: str, progress: Mapping[str, Any]) -> Request | None:
        """Record the owner's heartbeat and progress, and return the pending request.

        An owner whose job was marked as interrupted gets it back, unless another process has
        claimed it or it has ended: then the answer is "cancel".

        Args:
            job_id: the job.
            owner: the process that runs it.
            progress: a small JSON document, readable as :attr:`JobSnapshot.progress`.

        Returns:
            The request, which is removed, or None.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._writing() as session:
            row = _find(session, job_id)
            if row.owner != owner or row.status not in (*OWNED, "interrupted"):
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
        """Set the status of a job that has been claimed.

        Args:
            job_id: the job.
            status: running, paused, done, failed, cancelled or interrupted.
            error: one sentence with the reason for the failure.
            owner: the process that reports it; if given, a job of another owner does not change.

        Returns:
            False if it is too late: the job has ended, or has another owner.

        Raises:
            NotFoundError: there is no such job.
            UserError: a running job cannot get that status.
        """
        if status not in PREVIOUS_STATUSES:
            raise UserError(
                f"A job cannot be set to {status}; use one of {', '.join(PREVIOUS_STATUSES)}."
            )
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in PREVIOUS_STATUSES[status] or owner not in (None, row.owner):
                return False
            row.status, row.error = cast(JobStatus, status), error
            if status not in OWNED:
                row.ended_at, row.request = datetime.now(UTC), None
            return True

    def request(self, job_id: int, what: str) -> None:
        """Send a request to a job of any process; its owner reads it with the next heartbeat.

        A later request replaces an earlier one, except "cancel".

        Raises:
            NotFoundError: there is no such job.
            UserError: the request is unknown, or the job has ended.
        """
        if what not in get_args(Request):
            raise UserError(
                f"A job cannot be asked to {what}; use one of {', '.join(get_args(Request))}."
            )
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in ACTIVE:
                raise UserError(f"Job {job_id} is {row.status}, so it cannot {what}.")
            if row.request != "cancel":
                row.request = cast(Request, what)

    def cancel_queued(self, job_id: int) -> bool:
        """Cancel a job that is queued.

        Returns:
            False if it is not queued; then its owner has to be asked.

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
        """Append a job that stopped early to the queue again.

        Raises:
            NotFoundError: there is no such job.
            UserError: it has not stopped early, or its study is queued or running already.
        """
        with self._writing() as session:
            row = _find(session, job_id)
            if row.status not in RESUMABLE:
                raise UserError(f"Job {job_id} is {row.status}, so there is nothing to resume.")
            active = _active(session, row.experiment_id)
            if active is not None:
                raise UserError(
                    f"The experiment of job {job_id} is already {active.status} "
                    f"as job {active.id}; follow that job."
                )
            row.status, row.position = "queued", _last_position(session) + 1
            row.request = row.owner = row.heartbeat_at = None
            row.started_at = row.ended_at = row.error = None
            return job_snapshot(row)

    def job(self, job_id: int) -> JobSnapshot:
        """Return a job.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._reading() as session:
            return job_snapshot(_find(session, job_id))

    def jobs(self, active_only: bool = False) -> list[JobSnapshot]:
        """Return all jobs, or the queued, running and paused ones; newest first."""
        query = select(Job).order_by(Job.id.desc())
        if active_only:
            query = query.where(Job.status.in_(ACTIVE))
        with self._reading() as session:
            return [job_snapshot(row) for row in session.scalars(query)]

    def latest_job(self, experiment_id: str) -> JobSnapshot | None:
        """Return the latest job of a study; None if it was never queued."""
        query = select(Job).where(Job.experiment_id == experiment_id)
        with self._reading() as session:
            row = session.scalar(query.order_by(Job.position.desc()).limit(1))
            return None if row is None else job_snapshot(row)

    def latest_jobs(self) -> dict[str, JobSnapshot]:
        """Return the latest job of each study that was ever queued, by study id."""
        latest = select(Job.experiment_id, func.max(Job.position).label("position"))
        newest = latest.group_by(Job.experiment_id).subquery()
        query = select(Job).join(
            newest,
            (Job.experiment_id == newest.c.experiment_id) & (Job.position == newest.c.position),
        )
        with self._reading() as session:
            return {row.experiment_id: job_snapshot(row) for row in session.scalars(query)}

    def queue_position(self, job_id: int) -> int:
        """Return the number of queued jobs before a job; 0 if it is not queued.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._reading() as session:
            row = _find(session, job_id)
            if row.status != "queued":
                return 0
            earlier = (Job.status == "queued") & (Job.position < row.position)
            return session.scalar(select(func.count()).where(earlier)) or 0


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


OwnerIsAlive = Callable[[str], bool | None]
"""Whether an owner's process is alive; None if this is unknown."""


class Recovery(Transactions):
    """Find jobs whose process no longer runs them."""

    def interrupt_stale_jobs(
        self, now: datetime, timeout: timedelta, is_alive: OwnerIsAlive
    ) -> list[int]:
        """Mark jobs whose owner is silent or gone, and their running stages, as interrupted.

        Several processes may call this at the same time: each job is marked by one of them. A job
        whose owner sends a heartbeat meanwhile is not marked.

        Args:
            now: the current time, with its time zone.
            timeout: the longest time without a heartbeat.
            is_alive: called for owners within the timeout, outside of transactions; may be slow.

        Returns:
            The ids of the jobs that this call marked.
        """
        with self._reading() as session:
            owned = [
                job_snapshot(row)
                for row in session.scalars(select(Job).where(Job.status.in_(OWNED)))
            ]
        stale = [job for job in owned if _is_stale(job, now - timeout, is_alive)]
        return [job.id for job in stale if self._interrupt(job, now)]

    def _interrupt(self, snapshot: JobSnapshot, now: datetime) -> bool:
        """Mark a job, unless its owner, heartbeat or status has changed since the snapshot."""
        with self._writing() as session:
            row = session.get(Job, snapshot.id)
            if row is None or row.status not in OWNED:
                return False
            if (row.owner, row.heartbeat_at) != (snapshot.owner, snapshot.heartbeat_at):
                return False
            row.status, row.request, row.ended_at = "interrupted", None, now
            session.flush()
            _interrupt_stages(session, snapshot.experiment_id, now)
            return True


def _is_stale(job: JobSnapshot, oldest: datetime, is_alive: OwnerIsAlive) -> bool:
    if job.owner is None or job.heartbeat_at is None or job.heartbeat_at < oldest:
        return True
    return is_alive(job.owner) is False


def _interrupt_stages(session: Session, experiment_id: str, now: datetime) -> None:
    """Mark a study's running stages, except those that another running job may train."""
    in_other_job = exists().where(
        ExperimentStage.stage_hash == Stage.hash,
        ExperimentStage.experiment_id == Job.experiment_id,
        Job.experiment_id != experiment_id,
        Job.status.in_(OWNED),
    )
    in_study = select(ExperimentStage.stage_hash).where(
        ExperimentStage.experiment_id == experiment_id
    )
    session.execute(
        update(Stage)
        .where(Stage.hash.in_(in_study), Stage.status == "running", ~in_other_job)
        .values(status="interrupted", finished_at=now)
        .execution_options(synchronize_session=False)
    )
