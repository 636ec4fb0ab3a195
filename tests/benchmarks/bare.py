"""An experiment trained without the app: its stages' batches, nets and losses, and nothing else.

No thread, store, heartbeat, events or checkpoints, and no sums for a curve of the training loss.
Each epoch ends with a look at validation and each stage with one at test, as the app's do, since
these are part of the work and not of the machinery.
"""

from __future__ import annotations

import time

from torch import Tensor

from tests.benchmarks.base import CPU, Outcome
from tsexplorer.data.registry import Splits
from tsexplorer.objectives import LossInputs
from tsexplorer.planning import plan
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.training.device import autocast
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.learner import Learner
from tsexplorer.training.task import Task, prepare

Trained = dict[str, tuple[StageSpec, dict[str, Tensor]]]


def train_bare(experiment: ExperimentSpec, splits: Splits) -> Outcome:
    """Train the stages of an experiment; its loss is the sum of theirs on validation."""
    trained: Trained = {}
    steps = samples = 0
    loss = 0.0
    began = time.perf_counter()
    for planned in plan(experiment):
        task = prepare(planned.spec, splits, CPU, trained.__getitem__)
        learner = Learner(task.net, task.spec.train, task.total_steps)
        task.prepare_teacher(0, _no_check)
        while not learner.is_finished:
            samples += _epoch(task, learner)
            learner.record_validation(_validation(task, learner))
        learner.load_kept_weights()
        loss += _validation(task, learner).loss
        compute_metrics(
            compute_logits(learner.evaluated_net, task.test_batches()), splits.test.labels
        )
        trained[task.key] = (task.spec, learner.evaluated_net.state_dict())
        steps += learner.record.steps
    return Outcome(time.perf_counter() - began, steps, samples, loss)


def _epoch(task: Task, learner: Learner) -> int:
    """One step a batch; returns the images seen."""
    number, objective = learner.record.epoch + 1, task.spec.objective
    seen = 0
    task.reseed_dropout(number)
    learner.net.train()
    for batch in task.batches.epoch(number):
        with autocast(task.bf16, task.device):
            z_BC = learner.net(batch.images)
        taught = task.teacher.logits(batch) if task.teacher is not None else None
        loss = LossInputs(z_BC.float(), taught, batch.labels, objective.temperature, objective.lam)
        learner.step(task.objective.loss(loss).total)
        seen += len(batch.labels)
    return seen


def _validation(task: Task, learner: Learner) -> SplitMetrics:
    z_NC = compute_logits(learner.evaluated_net, task.validation_batches())
    return compute_metrics(z_NC, task.splits.validation.labels)


def _no_check(share: float) -> None:
    """Nobody asks how far the teacher's outputs are."""
