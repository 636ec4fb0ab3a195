"""The cores that a thread takes to train with."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import torch

NICENESS = 5


def allowed_cores() -> int:
    """Cores that this process may use: the machine's, its affinity's or its container's share.

    More threads than that wait for each other at every operation, which can cost ten times.
    """
    # Not joblib's own, which is 1 where a system has no semaphores. A third of a second to import,
    # and no page needs it.
    from joblib.externals.loky import cpu_count

    return int(cpu_count())


def use_cores(threads: int | None) -> None:
    """Take the allowed cores for the calling thread, politely.

    torch keeps its number of threads per calling thread, so the trainer's own thread has to set
    it; a lower priority lets a page that must be drawn go first.
    """
    # A thread takes over the process's number at its first look, which has to come before.
    torch.get_num_threads()
    torch.set_num_threads(threads or allowed_cores())
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with suppress(OSError):
            before = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(NICENESS, before))
