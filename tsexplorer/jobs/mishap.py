"""What is noted of nets whose training stops before its end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from tsexplorer.errors import Cancelled, NotFoundError, UserError
from tsexplorer.jobs.weights import Shelf
from tsexplorer.store import Store
from tsexplorer.training import events

log = logging.getLogger(__name__)


@contextmanager
def noted(
    keys: Sequence[str], store: Store, shelf: Shelf, listener: events.Listener
) -> Iterator[None]:
    """Note it where the training of these nets, inside the ``with`` block, is given up.

    Raises:
        Cancelled: somebody said so.
        UserError: whatever else happened, in one sentence.
    """
    try:
        yield
    except Cancelled:
        for key in keys:
            _give_up(key, store, shelf, "cancelled")
        raise
    except Exception as error:
        sentence = in_one_sentence(error)
        for key in keys:
            events.shielded(listener)(events.StageFailed(key, sentence))
            _give_up(key, store, shelf, "failed", sentence)
        raise UserError(sentence) from error


def in_one_sentence(error: Exception) -> str:
    """Why training stopped; what a person can do nothing about is logged in full."""
    if isinstance(error, UserError):
        return str(error)
    # torch has no type of its own for memory that a CPU does not have.
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return "The machine ran out of memory; take a smaller net or batch."
    log.error("training stopped", exc_info=error)
    return (
        f"Training stopped on an unexpected error ({type(error).__name__}); the log has the "
        "details, and the job can be resumed."
    )


def _give_up(
    key: str, store: Store, shelf: Shelf, status: str, sentence: str | None = None
) -> None:
    try:
        store.stage_ended(key, status, error=sentence)
    except NotFoundError:  # deleted meanwhile, and so nobody will ask for its checkpoint
        shelf.discard(key)
    except UserError as error:
        log.warning("that stage %s is %s could not be noted: %s", key, status, error)
