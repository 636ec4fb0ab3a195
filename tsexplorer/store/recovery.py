"""After a crash: the jobs of processes that are gone become interrupted, and can be resumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from tsexplorer.store.engine import Transactions
from tsexplorer.store.jobs import HELD
from tsexplorer.store.rows import job_snapshot
from tsexplorer.store.schema import ExperimentStage, Job, Stage
from tsexplorer.store.snapshots import JobSnapshot

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
