"""Files of stages: weights and locks; how a failed stage is recorded."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import Cancelled, NotFoundError, UserError
from tsexplorer.models import build
from tsexplorer.specs import StageSpec
from tsexplorer.store import Store
from tsexplorer.training import checkpoints, events
from tsexplorer.training.checkpoints import CHECKPOINT, weights_path

log = logging.getLogger(__name__)
LOCK = ".lock"
LOCK_POLL_SECONDS = 0.1


class WeightFiles:
    """Weights of stages by hash, in the home folder or among those that ship."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path | None:
        """Return the file with a stage's weights, None if there is none."""
        return weights_path(self._folder, key)

    def weights(self, key: str) -> dict[str, Tensor]:
        """Return a stage's weights by parameter name.

        Raises:
            UserError: they are missing or damaged.
        """
        path = self.path(key)
        if path is None:
            raise UserError("The weights of this net are missing; train the experiment again.")
        return checkpoints.read(path)[0]

    def are_intact(self, stage: StageSpec) -> bool:
        """Whether a stage's weights exist, are undamaged and fit its net.

        Reading them takes milliseconds; training a stage from wrong weights wastes minutes.

        Raises:
            UserError: the file cannot be read.
        """
        path = self.path(stage.hash)
        if path is None:
            return False
        try:
            weights, _ = checkpoints.read(path)
        except checkpoints.DamagedFileError:
            return False
        net = build(stage.model, get_dataset(stage.data.name).info.task, seed=0)
        return checkpoints.fits_net(weights, net)

    def discard_checkpoint(self, key: str) -> None:
        """Remove a stage's checkpoint and temporary files."""
        with suppress(OSError):  # a file that cannot be removed only takes up space
            (self._folder / key / CHECKPOINT).unlink(missing_ok=True)
        checkpoints.remove_partial_files(self._folder / key)

    def discard(self, key: str) -> None:
        """Remove all files of a stage."""
        shutil.rmtree(self._folder / key, ignore_errors=True)


@contextmanager
def stage_lock(folder: Path, wait: Callable[[], object]) -> Iterator[None]:
    """Hold a stage's lock, so that one process at a time trains the stage.

    The operating system releases the lock when the process ends, however it ends.

    Args:
        folder: the stage's; created if it does not exist.
        wait: called every 0.1 s while another process holds the lock; may raise to stop waiting.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
        while not _acquire(lock):
            wait()
            sleep(LOCK_POLL_SECONDS)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); make it writable and resume the job."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


@contextmanager
def recorded_failures(
    keys: Sequence[str], store: Store, files: WeightFiles, listener: events.Listener
) -> Iterator[None]:
    """Record in the store if the ``with`` block, which trains these stages, fails.

    Raises:
        Cancelled: the job was cancelled.
        UserError: any other failure, as one sentence.
    """
    try:
        yield
    except Cancelled:
        for key in keys:
            _record_end(key, store, files, "cancelled")
        raise
    except Exception as error:
        sentence = failure_sentence(error)
        for key in keys:
            events.log_errors(listener)(events.StageFailed(key, sentence))
            _record_end(key, store, files, "failed", sentence)
        raise UserError(sentence) from error


def failure_sentence(error: Exception) -> str:
    """Return why training stopped; log unexpected errors with their traceback."""
    if isinstance(error, UserError):
        return str(error)
    # torch raises a plain RuntimeError when a CPU has not enough memory.
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return "The machine ran out of memory; take a smaller net or batch."
    log.error("training stopped", exc_info=error)
    return (
        f"Training stopped on an unexpected error ({type(error).__name__}); the log has the "
        "details, and the job can be resumed."
    )


def _record_end(
    key: str, store: Store, files: WeightFiles, status: str, sentence: str | None = None
) -> None:
    try:
        store.record_stage_ended(key, status, error=sentence)
    except NotFoundError:  # the study was deleted meanwhile, so its checkpoint is useless
        files.discard(key)
    except UserError as error:
        log.warning("the status %s of stage %s could not be stored: %s", status, key, error)
