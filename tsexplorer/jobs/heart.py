"""The beat of a running job: tells the store it is alive, and hears what others ask of it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict
from typing import Self

from tsexplorer.errors import NotFoundError
from tsexplorer.jobs.board import Board
from tsexplorer.jobs.recovery import recover
from tsexplorer.settings import Settings
from tsexplorer.store import JobStatus, Store
from tsexplorer.training.control import Control

log = logging.getLogger(__name__)
LISTEN_SECONDS = 0.1
"""How often the store is asked whether another process wants something: a read of 0.3 ms."""


def apply(request: str, control: Control) -> None:
    """Turn a word into a turn of the steering wheel."""
    {
        "pause": control.pause,
        "resume": control.resume,
        "step": control.step,
        "cancel": control.cancel,
    }[request]()


class Heart:
    """A thread that beats while the job runs; a context manager."""

    def __init__(
        self,
        store: Store,
        job: int,
        owner: str,
        control: Control,
        board: Board,
        settings: Settings,
    ) -> None:
        self._store, self._job, self._owner = store, job, owner
        self._control, self._board, self._settings = control, board, settings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"heart-{job}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _live(self) -> None:
        every = self._settings.heartbeat_seconds
        due = pause = 0.0
        while not self._over.wait(pause):
            pause = min(LISTEN_SECONDS, every)
            try:
                if time.monotonic() >= due or self._wanted():
                    self._beat()
                    due = time.monotonic() + every
            except NotFoundError:  # deleted, by somebody who thought that nobody runs it
                self._control.cancel()
                return
            except Exception:  # the store may be busy or full; the next beat tries again
                log.warning("a heartbeat of job %s was lost", self._job, exc_info=True)
                pause = every

    def _wanted(self) -> bool:
        """Whether somebody asks something, or the store has another idea of the job than we."""
        job = self._store.job(self._job)
        return job.request is not None or job.status != self._status or job.owner != self._owner

    def _beat(self) -> None:
        standing = self._board.read(self._job)
        progress = asdict(standing.progress) if standing.progress else {}
        progress |= {"stages": standing.stages, "stages_done": standing.stages_done}
        request = self._store.heartbeat(self._job, self._owner, progress)
        if request is not None:
            apply(request, self._control)
        if not self._control.cancelled:
            self._store.set_job_status(self._job, self._status, owner=self._owner)
        # The worker looks after the jobs of processes that died only while it has none itself.
        recover(self._store, self._settings)

    @property
    def _status(self) -> JobStatus:
        return "paused" if self._control.paused else "running"
