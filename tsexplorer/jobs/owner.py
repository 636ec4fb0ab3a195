"""Who runs a job: a process, named so that others can tell whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


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
