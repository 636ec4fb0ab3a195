"""The training of one stage, from its first batch to its test figure.

The loop knows nothing of jobs, stores or pages: facts go out as events, wishes come in through
:class:`Control`, and all that decides the weights stands in the :class:`Task`. The order of
epoch e is a function of (seed, e), and dropout draws from a generator that is set anew from
(seed, e); so a stage resumed from its checkpoint ends in the same bits.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from tsexplorer.errors import TrainingPruned, UserError
from tsexplorer.models import describe
from tsexplorer.objectives import LossTerms, validation_term
from tsexplorer.training import checkpoints
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import Figures, figures, logits_over
from tsexplorer.training.events import (
    CheckpointWritten,
    EpochEnded,
    Listener,
    Notice,
    StageEnded,
    StageStarted,
    shielded,
)
from tsexplorer.training.learner import Learner
from tsexplorer.training.paths import CHECKPOINT, WEIGHTS
from tsexplorer.training.progress import ProgressReporter
from tsexplorer.training.task import Task


def train(
    task: Task,
    folder: Path,
    emit: Listener,
    control: Control,
    give_up: Callable[[EpochEnded], bool] | None = None,
    *,
    must_converge: bool = False,
) -> StageEnded:
    """Train a stage to its end, going on from the checkpoint in ``folder`` if there is one.

    Args:
        task: what to train.
        folder: for the checkpoint and the weights.
        emit: hears events.
        control: pause, resume, step one epoch, cancel.
        give_up: asked after each epoch but the last whether the rest is not worth it.
        must_converge: whether a loss that is no number ends it; a setting that is one of many may
            diverge, and be the worst of them.

    Raises:
        Cancelled: ``control`` said so; the last epoch's checkpoint stays.
        TrainingPruned: ``give_up`` said so; the checkpoint is that of the epoch before.
        UserError: the disk is full, the loss is no number any more, or the like, in one sentence.
    """
    emit = shielded(emit)
    learner = _learner(task, folder / CHECKPOINT, emit)
    epochs = task.spec.train.epochs
    earlier = tuple(learner.history)
    emit(StageStarted(task.key, epochs, len(earlier), task.parameters, earlier))
    pulse = ProgressReporter(task, learner.record, emit, control)
    task.listen(pulse.check)
    task.attend_teachers(learner.record.epoch, pulse.preparing)
    while not learner.finished:
        row = _epoch(task, learner, pulse)
        learner.history.append(row)
        emit(row)  # before the checkpoint: a row too many is replaced on resume, none is lost
        if must_converge and not math.isfinite(row.train_loss + row.validation_loss):
            raise UserError(_diverged(task, row.epoch))
        if give_up is not None and not learner.finished and give_up(row):
            raise TrainingPruned
        checkpoints.write(folder / CHECKPOINT, *learner.state())
        emit(CheckpointWritten(task.key, row.epoch))
        if not learner.finished:
            control.epoch_ended()
    return _finish(task, learner, folder, pulse, emit)


def _diverged(task: Task, epoch: int) -> str:
    spec = task.spec
    return (
        f"The loss of {describe(spec.model)} (seed {spec.seed}) is no number any more in epoch "
        f"{epoch}; train it with a lower learning rate than {spec.train.learning_rate:g}, or scale "
        "its pixels if they are raw."
    )


def _epoch(task: Task, learner: Learner, pulse: ProgressReporter) -> EpochEnded:
    """Train one epoch, then validate."""
    number = learner.record.epoch + 1
    pulse.epoch_started(number)
    sums = _Sums(task.device)
    task.reseed_dropout(number)
    learner.net.train()
    for batch in task.batches.epoch(number):
        pulse.batch(sums.loss)
        terms, z_BC = task.terms(task.net, batch, number)
        learner.step(terms.total)
        sums.add(terms, z_BC, batch.labels)
    labels = task.splits.validation.labels
    validation = _figures(learner, task.validation_batches(), labels, pulse.check)
    members = _members(task, pulse.check)
    learner.record.seconds = pulse.seconds
    learner.judge(validation)
    return EpochEnded(
        task.key,
        epoch=number,
        train_loss=sums.loss(),
        terms=sums.parts() | members,
        train_accuracy=sums.accuracy(),
        validation_loss=validation.loss,
        validation_accuracy=validation.accuracy,
        learning_rate=learner.rate,
        seconds=pulse.epoch_seconds,
    )


def _figures(
    learner: Learner, batches: Iterable[Tensor], labels: Tensor, check: Callable[[], None]
) -> Figures:
    """Figures of the judged weights over some batches."""
    z_NC = logits_over(learner.judged, batches, check)
    return figures(z_NC, labels.to(z_NC.device))


def _members(task: Task, check: Callable[[], None]) -> dict[str, float]:
    """Validation accuracy of each net of the objective's own cohort, by the term's name."""
    if task.extra is None or not task.objective.member_names:
        return {}
    z_KNC = logits_over(task.extra, task.member_batches(), check)
    y_N = task.splits.validation.labels.to(z_KNC.device)
    # Of all names: there may be fewer nets.
    pairs = zip(task.objective.member_names, z_KNC, strict=False)
    return {validation_term(name): figures(z_NC, y_N).accuracy for name, z_NC in pairs}


def _finish(
    task: Task, learner: Learner, folder: Path, pulse: ProgressReporter, emit: Listener
) -> StageEnded:
    """Settle on the kept weights, read validation and, once, test; write the weights.

    The checkpoint stays: whoever keeps the figures removes it once they are kept.
    """
    kept = learner.settle()
    seen, unseen = task.splits.validation.labels, task.splits.test.labels
    validation = _figures(learner, task.validation_batches(), seen, pulse.testing)
    test = _figures(learner, task.test_batches(), unseen, pulse.testing)
    ended = StageEnded(
        task.key,
        kept_epoch=kept,
        validation_accuracy=validation.accuracy,
        validation_loss=validation.loss,
        test_accuracy=test.accuracy,
        test_errors=test.errors,
        train_seconds=learner.record.seconds,
    )
    header = {"spec": task.spec.model_dump(mode="json", by_alias=True)}
    checkpoints.write(folder / WEIGHTS, learner.judged.state_dict(), header)
    emit(ended)
    return ended


def _learner(task: Task, path: Path, emit: Listener) -> Learner:
    """A learner that goes on from the checkpoint; one that is damaged is set aside, and said."""
    fresh = copy.deepcopy(task.net.state_dict())
    fresh_extra = None if task.extra is None else copy.deepcopy(task.extra.state_dict())
    learner = Learner(task.net, task.spec.train, task.total_steps, task.extra)
    try:
        learner.load(*checkpoints.read(path))
    except FileNotFoundError:
        pass
    except (checkpoints.DamagedFileError, KeyError, ValueError, RuntimeError, TypeError):
        checkpoints.set_aside(path)
        emit(Notice(task.key, "A damaged checkpoint was set aside; this stage starts again."))
        task.net.load_state_dict(fresh)
        if task.extra is not None and fresh_extra is not None:
            task.extra.load_state_dict(fresh_extra)
        return Learner(task.net, task.spec.train, task.total_steps, task.extra)
    return learner


class _Sums:
    """Sums over an epoch's batches, kept as tensors so that no batch waits for a number."""

    def __init__(self, device: torch.device) -> None:
        self._samples = 0
        self._total = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device)
        self._parts: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, terms: LossTerms, z_BC: Tensor, labels: Tensor) -> None:
        size = len(labels)
        self._samples += size
        self._total.add_(terms.total, alpha=size)
        self._correct += (z_BC.argmax(1) == labels).sum()
        for name, part in terms.parts.items():
            self._parts[name] = part.detach() * size + self._parts.get(name, 0.0)

    def loss(self) -> float:
        """Mean loss so far; NaN before the first batch."""
        return float(self._total) / self._samples if self._samples else float("nan")

    def accuracy(self) -> float:
        return float(self._correct) / self._samples

    def parts(self) -> dict[str, float]:
        return {name: float(value) / self._samples for name, value in self._parts.items()}
