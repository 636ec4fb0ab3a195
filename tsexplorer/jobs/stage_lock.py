"""One process at a time trains a net, also where two experiments of two processes share it.

The lock is the operating system's: it ends with the process that holds it, whatever ends that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from tsexplorer.errors import UserError

NAME = ".turn"
LOOK_EVERY_SECONDS = 0.1


@contextmanager
def turn(folder: Path, waiting: Callable[[], object]) -> Iterator[None]:
    """Hold a stage's folder for as long as the ``with`` block lasts.

    Where the system knows no such locks (Windows), both processes train: the same net twice.

    Args:
        folder: the stage's; made if it is not there.
        waiting: called again and again while another process has the turn; may raise to give up.

    Raises:
        UserError: the folder cannot be written.
    """
    handle = _open(folder / NAME)
    try:
        while not _taken(handle):
            waiting()
            sleep(LOOK_EVERY_SECONDS)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(
            f"{path.parent} cannot be written ({error.strerror}); mend that and resume the job."
        ) from error


if sys.platform == "win32":

    def _taken(handle: int) -> bool:  # noqa: ARG001
        return True

else:
    import fcntl

    def _taken(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
