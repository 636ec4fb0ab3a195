"""The training of one stage, from the first batch to the test accuracy.

The loop does not depend on jobs, the store or the pages. It reports through events and is
controlled through :class:`~tsexplorer.training.control.Control`; the
:class:`~tsexplorer.training.task.Task` decides the weights. The order of the images in epoch e is a
function of (seed, e), and the random generator of dropout is seeded with (seed, e) before each
epoch. So a stage that is resumed from its checkpoint ends with bit-identical weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from tsexplorer.data.batches import TrainingBatch
from tsexplorer.errors import TrainingPruned, UserError
from tsexplorer.models import describe
from tsexplorer.objectives import LossTerms, validation_term
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT, WEIGHTS
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.events import (
    CheckpointWritten,
    EpochEnded,
    Listener,
    Notice,
    StageEnded,
    StageStarted,
    log_errors,
)
from tsexplorer.training.learner import Learner
from tsexplorer.training.progress import ProgressReporter
from tsexplorer.training.task import Task


def train(
    task: Task,
    folder: Path,
    listener: Listener,
    control: Control,
    should_give_up: Callable[[EpochEnded], bool] | None = None,
    *,
    must_converge: bool = False,
) -> StageEnded:
    """Train a stage to its end; continue from the checkpoint in ``folder`` if there is one.

    Args:
        task: the stage.
        folder: for the checkpoint and the weights.
        listener: gets the events.
        control: pause, resume, step one epoch, cancel.
        should_give_up: called after each epoch but the last; true stops the training.
        must_converge: whether an infinite or NaN loss is an error. In a study it is not: such a
            setting is just the worst one.

    Raises:
        Cancelled: the run was cancelled; the checkpoint of the last epoch stays.
        GivenUp: ``should_give_up`` was true; the checkpoint of the epoch before it stays.
        UserError: the disk is full, the loss is infinite or NaN, or the like.
    """
    listener = log_errors(listener)
    learner = _resume_learner(task, folder / CHECKPOINT, listener)
    epochs = task.spec.train.epochs
    earlier = tuple(learner.history)
    listener(StageStarted(task.key, epochs, len(earlier), task.parameters, earlier))
    progress = ProgressReporter(task, learner.record, listener, control)
    task.add_cancel_hooks(progress.check)
    task.prepare_teacher(learner.record.epoch, progress.teacher_batch)
    while not learner.is_finished:
        epoch = _train_epoch(task, learner, progress)
        learner.history.append(epoch)
        # Before the checkpoint: a resumed stage may report an epoch twice, but misses none.
        listener(epoch)
        if must_converge and not math.isfinite(epoch.train_loss + epoch.validation_loss):
            raise UserError(_describe_divergence(task, epoch.epoch))
        if should_give_up is not None and not learner.is_finished and should_give_up(epoch):
            raise TrainingPruned
        checkpoints.write(folder / CHECKPOINT, *learner.state())
        listener(CheckpointWritten(task.key, epoch.epoch))
        if not learner.is_finished:
            control.epoch_ended()
    return _finish(task, learner, folder, progress, listener)


def _resume_learner(task: Task, path: Path, listener: Listener) -> Learner:
    """Make a learner and load the checkpoint; a damaged checkpoint is renamed and reported."""
    initial = copy.deepcopy([module.state_dict() for module in task.trained_modules])
    learner = _make_learner(task)
    try:
        learner.load(*checkpoints.read(path))
    except FileNotFoundError:
        pass
    except (checkpoints.DamagedFileError, KeyError, ValueError, RuntimeError, TypeError):
        checkpoints.rename_damaged(path)
        listener(Notice(task.key, "A damaged checkpoint was set aside; this stage starts again."))
        for module, state in zip(task.trained_modules, initial, strict=True):
            module.load_state_dict(state)
        return _make_learner(task)
    return learner


def _make_learner(task: Task) -> Learner:
    return Learner(task.net, task.spec.train, task.total_steps, task.auxiliary_module)


def _train_epoch(task: Task, learner: Learner, progress: ProgressReporter) -> EpochEnded:
    """Train one epoch, then evaluate on validation."""
    number = learner.record.epoch + 1
    progress.epoch_started(number)
    means = _EpochMeans(task.device)
    task.reseed_dropout(number)
    learner.net.train()
    for batch in task.batches.epoch(number):
        progress.training_batch(means.loss)
        terms, z_BC = task.compute_terms(task.net, batch, number)
        learner.step(terms.total)
        means.add(terms, z_BC, batch)
    validation = _evaluate(
        learner, task.validation_batches(), task.splits.validation.labels, progress.check
    )
    cohort_accuracies = _evaluate_cohort(task, progress.check)
    learner.record.seconds = progress.seconds
    learner.record_validation(validation)
    return EpochEnded(
        task.key,
        epoch=number,
        train_loss=means.loss(),
        terms=means.terms() | cohort_accuracies,
        train_accuracy=means.accuracy(),
        validation_loss=validation.loss,
        validation_accuracy=validation.accuracy,
        learning_rate=learner.last_rate,
        seconds=progress.epoch_seconds,
    )


def _evaluate(
    learner: Learner, batches: Iterable[Tensor], labels: Tensor, check: Callable[[], None]
) -> SplitMetrics:
    """Metrics of the evaluated weights on a split."""
    z_NC = compute_logits(learner.evaluated_net, batches, check)
    return compute_metrics(z_NC, labels.to(z_NC.device))


def _evaluate_cohort(task: Task, check: Callable[[], None]) -> dict[str, float]:
    """Validation accuracy of each net of the objective's cohort, by the name of its term."""
    if task.auxiliary_module is None or not task.objective.member_names:
        return {}
    z_KNC = compute_logits(task.auxiliary_module, task.cohort_batches(), check)
    y_N = task.splits.validation.labels.to(z_KNC.device)
    # The objective names the largest cohort; this one may have fewer nets.
    named_logits = zip(task.objective.member_names, z_KNC, strict=False)
    return {
        validation_term(name): compute_metrics(z_NC, y_N).accuracy for name, z_NC in named_logits
    }


def _finish(
    task: Task, learner: Learner, folder: Path, progress: ProgressReporter, listener: Listener
) -> StageEnded:
    """Evaluate the kept weights on validation and, only here, on test; write the weights.

    The checkpoint stays. The caller removes it after storing the metrics.
    """
    kept_epoch = learner.load_kept_weights()
    splits, check = task.splits, progress.test_batch
    validation = _evaluate(learner, task.validation_batches(), splits.validation.labels, check)
    test = _evaluate(learner, task.test_batches(), splits.test.labels, check)
    ended = StageEnded(
        task.key,
        kept_epoch=kept_epoch,
        validation_accuracy=validation.accuracy,
        validation_loss=validation.loss,
        test_accuracy=test.accuracy,
        test_errors=test.errors,
        train_seconds=learner.record.seconds,
    )
    metadata = {"spec": task.spec.model_dump(mode="json", by_alias=True)}
    checkpoints.write(folder / WEIGHTS, learner.evaluated_net.state_dict(), metadata)
    listener(ended)
    return ended


def _describe_divergence(task: Task, epoch: int) -> str:
    spec = task.spec
    return (
        f"The loss of {describe(spec.model)} (seed {spec.seed}) became infinite or NaN in epoch "
        f"{epoch}; train it with a lower learning rate than {spec.train.learning_rate:g}, or scale "
        "the pixels if they are raw."
    )


class _EpochMeans:
    """Means over the samples of an epoch; sums stay tensors, so that no batch waits for the GPU."""

    def __init__(self, device: torch.device) -> None:
        self._samples = 0
        self._labelled = torch.zeros((), device=device)
        self._loss = torch.zeros((), device=device)
        self._correct = torch.zeros((), device=device)
        self._terms: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, terms: LossTerms, z_BC: Tensor, batch: TrainingBatch) -> None:
        """Add a batch."""
        size = len(batch.labels)
        self._samples += size
        self._loss.add_(terms.total, alpha=size)
        correct_B = z_BC.argmax(1) == batch.labels
        if batch.label_weights is None:
            self._labelled += size
        else:
            has_label_B = batch.label_weights > 0
            correct_B = correct_B & has_label_B
            self._labelled += has_label_B.sum()
        self._correct += correct_B.sum()
        for name, term in terms.parts.items():
            self._terms[name] = term.detach() * size + self._terms.get(name, 0.0)

    def loss(self) -> float:
        """Mean loss so far; NaN before the first batch."""
        return float(self._loss) / self._samples if self._samples else math.nan

    def accuracy(self) -> float:
        """Share of the labelled images that were answered correctly."""
        return float(self._correct) / float(self._labelled)

    def terms(self) -> dict[str, float]:
        return {name: float(value) / self._samples for name, value in self._terms.items()}
