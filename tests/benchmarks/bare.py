"""An experiment trained by a bare loop: batches, nets and losses of its stages.

There are no threads, store, heartbeat, events, checkpoints or curves of the training loss. As in
the app, each epoch ends with the validation and each stage with the test.
"""

from __future__ import annotations

import time

from torch import Tensor

from tests.benchmarks.base import CPU, TimedRun
from tsexplorer.data.registry import Splits
from tsexplorer.objectives import LossInputs
from tsexplorer.planning import plan
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.training.device import autocast
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.learner import Learner
from tsexplorer.training.task import Task, prepare

Trained = dict[str, tuple[StageSpec, dict[str, Tensor]]]


def train_bare(experiment: ExperimentSpec, splits: Splits) -> TimedRun:
    """Train the stages of an experiment; the loss is the sum of their validation losses."""
    trained: Trained = {}
    steps = samples = 0
    loss = 0.0
    began = time.perf_counter()
    for planned in plan(experiment):
        task = prepare(planned.spec, splits, CPU, trained.__getitem__)
        learner = Learner(task.net, task.spec.train, task.total_steps)
        task.prepare_teacher(0, _ignore_progress)
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
    return TimedRun(time.perf_counter() - began, steps, samples, loss)


def _epoch(task: Task, learner: Learner) -> int:
    """Take one step a batch; returns the number of images."""
    number, objective = learner.record.epoch + 1, task.spec.objective
    samples = 0
    task.reseed_dropout(number)
    learner.net.train()
    for batch in task.batches.epoch(number):
        with autocast(task.bf16, task.device):
            z_BC = learner.net(batch.images)
        z_t_BC = task.teacher.logits(batch) if task.teacher is not None else None
        loss = LossInputs(z_BC.float(), z_t_BC, batch.labels, objective.temperature, objective.lam)
        learner.step(task.objective.loss(loss).total)
        samples += len(batch.labels)
    return samples


def _validation(task: Task, learner: Learner) -> SplitMetrics:
    z_NC = compute_logits(learner.evaluated_net, task.validation_batches())
    return compute_metrics(z_NC, task.splits.validation.labels)


def _ignore_progress(share: float) -> None:
    """The share of the teacher's logits that is computed."""
