"""The beat of a running job: tells the store it is alive, and hears what others ask of it."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict
from typing import Self

from tsexplorer.jobs.board import Board
from tsexplorer.settings import Settings
from tsexplorer.store import Store
from tsexplorer.training.control import Control

log = logging.getLogger(__name__)


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
        self._control, self._board = control, board
        self._every = settings.heartbeat_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart-{job}", daemon=True)
        self._said = "running"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._every):
            try:
                self._once()
            except Exception:  # the store may be busy or full; the next beat tries again
                log.warning("a heartbeat of job %s was lost", self._job, exc_info=True)

    def _once(self) -> None:
        standing = self._board.read(self._job)
        progress = asdict(standing.progress) if standing.progress else {}
        progress |= {"stages": standing.stages, "stages_done": standing.stages_done}
        request = self._store.heartbeat(self._job, self._owner, progress)
        if request is not None:
            apply(request, self._control)
        status = "paused" if self._control.paused else "running"
        if status != self._said and not self._control.cancelled:
            self._store.set_job_status(self._job, status)
            self._said = status
