"""The cores that a thread takes to train with."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import torch

NICENESS = 5


def use_cores(threads: int | None) -> None:
    """Take the allowed cores for the calling thread, politely.

    torch keeps its number of threads per calling thread, so the trainer's own thread has to set
    it; a lower priority lets a page that must be drawn go first.
    """
    # A thread takes over the process's number at its first look, which has to come before.
    torch.get_num_threads()
    torch.set_num_threads(threads or os.cpu_count() or 1)
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
