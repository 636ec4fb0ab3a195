"""The beat of a running job: tells the store it is alive, and hears what others ask of it.

Who runs a job: a process, named so that others can tell whether it still lives.

After a crash: jobs whose process is gone, or silent too long, become interrupted.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from tsexplorer.errors import NotFoundError
from tsexplorer.jobs.progress import ProgressBoard
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


class HeartbeatThread:
    """A thread that beats while the job runs; a context manager."""

    def __init__(
        self,
        store: Store,
        job: int,
        owner: str,
        control: Control,
        board: ProgressBoard,
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


def this_process() -> str:
    """``host:pid:start``: a process id may be used again, its start time not."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start(pid)}"


def on_this_machine(owner: str) -> bool:
    """Whether ``owner`` is, or was, a process of this machine."""
    return owner.rsplit(":", 2)[0] == socket.gethostname()


def alive(owner: str) -> bool | None:
    """Whether the process that ``owner`` names lives; None where that cannot be told."""
    _, pid, start = owner.rsplit(":", 2)
    if not on_this_machine(owner) or sys.platform == "win32":  # there, signal 0 is Ctrl-C
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    return _start(int(pid)) == start if start != "?" else None


def _start(pid: int) -> str:
    """Start time in clock ticks after boot, where /proc tells it."""
    try:
        # The second field, the program's name, may hold blanks and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "?"


SILENT_BEATS = 10


def recover(store: Store, settings: Settings) -> list[int]:
    """Mark the jobs that nobody runs any more; another process may do so at the same time.

    Returns:
        Ids of the jobs that this call marked.
    """
    patience = timedelta(seconds=SILENT_BEATS * settings.heartbeat_seconds)
    return store.interrupt_stale(datetime.now(UTC), patience, alive)
