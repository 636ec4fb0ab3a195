"""Where trained weights are found: in the home folder, or among those that ship.

What is noted of nets whose training stops before its end.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from torch import Tensor

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import Cancelled, NotFoundError, UserError
from tsexplorer.models import build
from tsexplorer.specs import StageSpec
from tsexplorer.store import Store
from tsexplorer.training import checkpoints, events
from tsexplorer.training.checkpoints import CHECKPOINT, weights_path


class WeightFiles:
    """The weights of stages, by hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path | None:
        """The file with a stage's weights, None where there is none."""
        return weights_path(self._folder, key)

    def weights(self, key: str) -> dict[str, Tensor]:
        """A stage's weights by parameter name.

        Raises:
            UserError: they are missing or damaged.
        """
        path = self.path(key)
        if path is None:
            raise UserError("The weights of this net are missing; train the experiment again.")
        return checkpoints.read(path)[0]

    def whole(self, stage: StageSpec) -> bool:
        """Whether a stage's weights are there, undamaged, and those of its net.

        Reading them takes milliseconds, where a stage that learns from weights that are not
        right takes minutes to be wrong.

        Raises:
            UserError: they may not be read.
        """
        path = self.path(stage.hash)
        if path is None:
            return False
        try:
            weights, _ = checkpoints.read(path)
        except checkpoints.DamagedFileError:
            return False
        net = build(stage.model, len(get_dataset(stage.data.name).info.classes), seed=0)
        return checkpoints.fits_net(weights, net)

    def discard_checkpoint(self, key: str) -> None:
        """Remove a checkpoint that is no longer needed, and what was left beside it."""
        with suppress(OSError):  # it only takes up space
            (self._folder / key / CHECKPOINT).unlink(missing_ok=True)
        checkpoints.remove_partial_files(self._folder / key)

    def discard(self, key: str) -> None:
        """Remove all that is kept of a stage."""
        shutil.rmtree(self._folder / key, ignore_errors=True)


log = logging.getLogger(__name__)


@contextmanager
def noted(
    keys: Sequence[str], store: Store, shelf: WeightFiles, listener: events.Listener
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
            events.log_errors(listener)(events.StageFailed(key, sentence))
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
    key: str, store: Store, shelf: WeightFiles, status: str, sentence: str | None = None
) -> None:
    try:
        store.stage_ended(key, status, error=sentence)
    except NotFoundError:  # deleted meanwhile, and so nobody will ask for its checkpoint
        shelf.discard(key)
    except UserError as error:
        log.warning("that stage %s is %s could not be noted: %s", key, status, error)
