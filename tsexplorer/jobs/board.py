"""What is going on right now, in memory: the fine grain that the store does not keep."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsexplorer.training.events import Event, Progress


@dataclass(frozen=True)
class Standing:
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


class Board:
    """Standings by job id; written by the worker, read by anyone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[int, Standing] = {}

    def read(self, job: int) -> Standing:
        """The job's standing; an empty one where nothing is known."""
        with self._lock:
            return self._standings.get(job, Standing())

    def update(self, job: int, changes: Mapping[str, object]) -> None:
        """Replace some fields of a job's standing."""
        with self._lock:
            standing = self._standings.get(job, Standing())
            self._standings[job] = replace(standing, **changes)  # type: ignore[arg-type]

    def take(self, job: int, event: Event) -> None:
        """Learn from a training event."""
        from tsexplorer.training.events import Notice, Progress

        if isinstance(event, Progress):
            self.update(job, {"progress": event})
        elif isinstance(event, Notice):
            notices = (*self.read(job).notices, event.sentence)
            self.update(job, {"notices": notices})
