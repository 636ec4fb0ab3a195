"""Heartbeat of a running job, the process that owns it, and recovery after a crash."""

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
REQUEST_POLL_SECONDS = 0.1
"""Time between two reads of requests from other processes; a read takes 0.3 ms."""
STALE_AFTER_HEARTBEATS = 10
"""Heartbeats that a job may miss if it is not known whether its process runs."""


def apply_request(request: str, control: Control) -> None:
    """Apply a request (pause, resume, step or cancel) to a job's control."""
    {
        "pause": control.pause,
        "resume": control.resume,
        "step": control.step,
        "cancel": control.cancel,
    }[request]()


class HeartbeatThread:
    """Writes a timestamp and the progress of a job to the store, and applies requests.

    A context manager: the thread runs inside the ``with`` block.
    """

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
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{job}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        interval = self._settings.heartbeat_seconds
        next_beat = pause = 0.0
        while not self._stopped.wait(pause):
            pause = min(REQUEST_POLL_SECONDS, interval)
            try:
                if time.monotonic() >= next_beat or self._store_differs():
                    self._beat()
                    next_beat = time.monotonic() + interval
            except NotFoundError:  # another process deleted the study of an interrupted job
                self._control.cancel()
                return
            except Exception:  # the store may be busy or full; the next heartbeat tries again
                log.warning("a heartbeat of job %s was lost", self._job, exc_info=True)
                pause = interval

    def _store_differs(self) -> bool:
        """Whether the store has a request, or another status or owner of the job."""
        job = self._store.job(self._job)
        return job.request is not None or job.status != self._status or job.owner != self._owner

    def _beat(self) -> None:
        current = self._board.read(self._job)
        report = asdict(current.progress) if current.progress else {}
        report |= {"stages": current.stages, "stages_done": current.stages_done}
        request = self._store.heartbeat(self._job, self._owner, report)
        if request is not None:
            apply_request(request, self._control)
        if not self._control.cancelled:
            self._store.set_job_status(self._job, self._status, owner=self._owner)
        # The worker recovers jobs only while it runs none itself.
        recover(self._store, self._settings)

    @property
    def _status(self) -> JobStatus:
        return "paused" if self._control.paused else "running"


def this_process() -> str:
    """Return ``host:pid:start``; the start time distinguishes processes with the same id."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{process_start_time(pid)}"


def on_this_machine(owner: str) -> bool:
    """Whether ``owner`` is or was a process of this machine."""
    return owner.rsplit(":", 2)[0] == socket.gethostname()


def is_alive(owner: str) -> bool | None:
    """Whether the process ``owner`` runs; None if this is not known."""
    _, pid, start = owner.rsplit(":", 2)
    if not on_this_machine(owner) or sys.platform == "win32":  # on Windows, signal 0 is Ctrl-C
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    return process_start_time(int(pid)) == start if start != "?" else None


def process_start_time(pid: int) -> str:
    """Return the start of a process in clock ticks after boot; "?" on systems without /proc."""
    try:
        # The second field, the program's name, may contain spaces and brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "?"


def recover(store: Store, settings: Settings) -> list[int]:
    """Mark jobs as interrupted if their process has ended or sends no heartbeats.

    Several processes may do this at the same time.

    Returns:
        Ids of the jobs that this call marked.
    """
    patience = timedelta(seconds=STALE_AFTER_HEARTBEATS * settings.heartbeat_seconds)
    return store.interrupt_stale_jobs(datetime.now(UTC), patience, is_alive)
