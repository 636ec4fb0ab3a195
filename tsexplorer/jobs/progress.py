"""What is going on right now, in memory: the fine grain that the store does not keep."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from tsexplorer.training.events import Event, Notice, Progress


@dataclass(frozen=True)
class JobProgress:
    """Where a job stands.

    Attributes:
        progress: the last word of the stage under way.
        stages_done: stages that need no more training.
        stages: stages of the job.
        notices: sentences that a person should see.
    """

    progress: Progress | None = None
    stages_done: int = 0
    stages: int = 0
    notices: tuple[str, ...] = field(default=())

    @classmethod
    def reported(cls, told: Mapping[str, Any]) -> Self:
        """Where a job of another process stands, by what its last heartbeat told the store."""
        rest = dict(told)
        stages, done = int(rest.pop("stages", 0)), int(rest.pop("stages_done", 0))
        whole = rest.keys() == {one.name for one in fields(Progress)}
        return cls(Progress(**rest) if whole else None, done, stages)


class ProgressBoard:
    """Standings by job id; written by the worker, read by anyone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[int, JobProgress] = {}

    def read(self, job: int) -> JobProgress:
        """The job's standing; an empty one where nothing is known."""
        with self._lock:
            return self._standings.get(job, JobProgress())

    def begin(self, job: int, stages: int) -> None:
        """A job is taken up, for the first time or again."""
        with self._lock:
            self._standings[job] = JobProgress(stages=stages)

    def stage_done(self, job: int) -> None:
        """One more stage needs no more training."""
        standing = self.read(job)
        self._set(job, replace(standing, stages_done=standing.stages_done + 1, progress=None))

    def take(self, job: int, event: Event) -> None:
        """Learn from a training event."""
        standing = self.read(job)
        if isinstance(event, Progress):
            self._set(job, replace(standing, progress=event))
        elif isinstance(event, Notice) and event.sentence not in standing.notices:
            self._set(job, replace(standing, notices=(*standing.notices, event.sentence)))

    def _set(self, job: int, standing: JobProgress) -> None:
        with self._lock:
            self._standings[job] = standing
