"""Ctrl-C during a job, and how a job that did not finish ends the command."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Self

from tsexplorer.cli.progress import Reporter
from tsexplorer.cli.shell import INTERRUPTED, Ending
from tsexplorer.errors import UserError
from tsexplorer.services import JobSnapshot, Service
from tsexplorer.services.foreground import EndNotStoredError, ForegroundJob, StillRunningError

RESUME = "python -m tsexplorer resume"


def see_through(service: Service, job: JobSnapshot, reporter: Reporter, interrupt: CtrlC) -> None:
    """Run or follow a job until it is done.

    Ctrl-C cancels a job that waits or runs here, and stops following one that runs elsewhere.

    Raises:
        Ending: it was not done; says why, and how to continue.
    """
    foreground = ForegroundJob(
        service, job, reporter.show, reporter.say, lambda: interrupt.requested
    )
    try:
        ended = foreground.run()
    except StillRunningError as error:
        raise Ending(
            f"Job {job.id} continues in the other process; "
            f"to stop it: python -m tsexplorer cancel {job.id}",
            INTERRUPTED,
        ) from error
    except EndNotStoredError as error:
        raise Ending(f"{error} {_how_to_resume(job.id)}") from error
    except UserError as error:  # the store or the study is gone
        raise Ending(str(error)) from error
    if ended.status == "cancelled" and interrupt.requested:
        raise Ending(f"Cancelled. {_how_to_resume(ended.id)}", INTERRUPTED)
    if ended.status == "failed":
        raise Ending(ended.error or "The job failed.")
    if ended.status != "done":
        raise Ending(f"Job {ended.id} was {ended.status}. {_how_to_resume(ended.id)}")


class CtrlC:
    """While it is entered, the first Ctrl-C sets ``requested``; the second raises.

    Where the calling shell ignores Ctrl-C, as for a job started with ``&`` in a script, it is
    ignored here as well.
    """

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        self._previous = signal.getsignal(signal.SIGINT)
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


def _how_to_resume(job: int) -> str:
    return f"What was trained is kept; to continue: {RESUME} {job}"
