"""Progress of the jobs of this process, in memory and in more detail than in the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from tsexplorer.training.events import Event, Notice, Progress


@dataclass(frozen=True)
class JobProgress:
    """The progress of a job.

    Attributes:
        progress: the latest of the stage that trains now, None between stages.
        stages_done: stages that need no more training.
        stages: stages of the job.
        notices: sentences to show to the user.
    """

    progress: Progress | None = None
    stages_done: int = 0
    stages: int = 0
    notices: tuple[str, ...] = field(default=())

    @classmethod
    def from_heartbeat(cls, report: Mapping[str, Any]) -> Self:
        """Return the progress that the last heartbeat of another process wrote to the store."""
        values = dict(report)
        stages, done = int(values.pop("stages", 0)), int(values.pop("stages_done", 0))
        complete = values.keys() == {attribute.name for attribute in fields(Progress)}
        return cls(Progress(**values) if complete else None, done, stages)


class ProgressBoard:
    """Progress by job id; the training thread writes it, any thread may read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, JobProgress] = {}

    def read(self, job: int) -> JobProgress:
        """Return the progress of a job, empty if there is none."""
        with self._lock:
            return self._jobs.get(job, JobProgress())

    def begin(self, job: int, stages: int) -> None:
        """Reset the progress of a job that starts or continues."""
        self._set(job, JobProgress(stages=stages))

    def stage_done(self, job: int) -> None:
        """Count one more stage that needs no more training."""
        current = self.read(job)
        self._set(job, replace(current, stages_done=current.stages_done + 1, progress=None))

    def record(self, job: int, event: Event) -> None:
        """Keep the progress or the notice in a training event; ignore other events."""
        current = self.read(job)
        if isinstance(event, Progress):
            self._set(job, replace(current, progress=event))
        elif isinstance(event, Notice) and event.sentence not in current.notices:
            self._set(job, replace(current, notices=(*current.notices, event.sentence)))

    def _set(self, job: int, progress: JobProgress) -> None:
        with self._lock:
            self._jobs[job] = progress
