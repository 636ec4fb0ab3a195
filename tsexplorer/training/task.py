"""A stage made ready to train: its spec turned into tensors and nets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from tsexplorer.data.batches import Batch, Batches, derived_seed, evaluation_batches, scale
from tsexplorer.data.class_subsets import without
from tsexplorer.data.registry import Split, Splits
from tsexplorer.errors import UserError
from tsexplorer.models import build, count
from tsexplorer.models.network import Net
from tsexplorer.models.stacked import Cohort
from tsexplorer.objectives import LayerNames, Loss, Objective, Pair, Terms, get_objective
from tsexplorer.specs import Scalar, StageSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.device import autocast, has_convolutions, uses_bf16
from tsexplorer.training.responsiveness import add_cancel_hooks, evaluation_batch, is_slow_batch
from tsexplorer.training.teacher_logits import (
    Cached,
    MeanOfTeachers,
    Online,
    TeacherOutputs,
    cache_pays,
)

Weights = Mapping[str, Tensor]
Trained = Callable[[str], tuple[StageSpec, dict[str, Tensor]]]
"""Gives a done stage's spec and weights by its hash."""


@dataclass
class Task:
    """Everything the loop needs; made by :func:`prepare`."""

    spec: StageSpec
    splits: Splits
    objective: Objective
    net: Net
    device: torch.device
    bf16: bool
    batches: Batches
    parameters: int
    macs: int
    teacher_net: MeanOfTeachers | None = None
    teacher_macs: int = 0
    teacher_bf16: bool = False
    teacher: TeacherOutputs | None = None
    looks: LayerNames = field(default_factory=LayerNames)
    options: Mapping[str, Scalar] = field(default_factory=dict)
    extra: nn.Module | None = None
    _dropout: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._dropout = torch.Generator(self.device)
        self.net.set_dropout_generator(self._dropout)
        for part in self.extra.modules() if self.extra is not None else ():
            if isinstance(part, Net):
                part.set_dropout_generator(self._dropout)

    @property
    def key(self) -> str:
        """The stage's hash."""
        return self.spec.hash

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps an epoch, the short last batch counted."""
        return math.ceil(len(self.splits.train.labels) / self.spec.train.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps if no early stopping comes in."""
        return self.steps_per_epoch * self.spec.train.epochs

    def reseed_dropout(self, epoch: int) -> None:
        """Dropout in epoch e is a function of (seed, e)."""
        self._dropout.manual_seed(derived_seed(self.spec.seed, epoch, "dropout"))

    def terms(self, net: Net, batch: Batch, epoch: int) -> tuple[Terms, Tensor]:
        """The objective's terms for a batch in an epoch from 1, and the net's logits B×C."""
        with autocast(self.bf16, self.device):
            z_BC, student_features = _look(net, batch.images, self.looks.student)
        full = torch.get_default_dtype()  # float32: a loss in bf16 would be too coarse
        z_BC = z_BC.to(full)
        z_t_BC: Tensor | None = None
        teacher_features: dict[str, Tensor] = {}
        if self.teacher is not None:
            z_t_BC, teacher_features = self.teacher.look(batch, self.looks.teacher)
        objective = self.spec.objective
        arguments = Loss(
            z_BC,
            z_t_BC,
            batch.labels,
            objective.temperature,
            objective.lam,
            self.options,
            epoch,
            self.spec.train.epochs,
            {name: value.to(full) for name, value in student_features.items()},
            teacher_features,
            None if self.extra is None else self._ask_extra,
            batch.images,
        )
        return self.objective.loss(arguments), z_BC

    def _ask_extra(self, inputs: Tensor) -> Tensor:
        """What the objective's own net says; peers compute as the student does."""
        assert self.extra is not None
        with autocast(self.bf16 and isinstance(self.extra, Cohort), self.device):
            answers: Tensor = self.extra(inputs)
        return answers

    def attend_teachers(self, epochs_done: int, check: Callable[[float], None]) -> None:
        """Get the teacher ready to answer; long where its outputs are computed beforehand.

        Whether they are is decided by the spec alone, never by ``epochs_done``, so that a resumed
        stage sees the same bits.
        """
        if self.teacher_net is None or epochs_done >= self.spec.train.epochs:
            return
        online = Online(self.teacher_net, bf16=self.teacher_bf16)
        jitter, samples = self.spec.train.jitter, len(self.splits.train.labels)
        classes = len(self.splits.info.classes)
        pays = cache_pays(jitter, self.spec.train.epochs, samples, classes)
        if self.looks.teacher or not pays:  # what its layers say is too much to be kept
            self.teacher = online
            return
        self.teacher = Cached(
            online,
            self.batches.padded,
            self._scaler(),
            jitter,
            check,
            evaluation_batch(self.teacher_macs),
        )

    def listen(self, check: Callable[[], None]) -> None:
        """Let wishes be heard within a batch, where one takes long."""
        batch_size = self.spec.train.batch_size
        if is_slow_batch(self.macs, batch_size):
            add_cancel_hooks(self.net, check)
        if self.teacher_net is not None and is_slow_batch(self.teacher_macs, batch_size):
            add_cancel_hooks(self.teacher_net, check)
        if self.extra is not None and is_slow_batch(self._cohort_macs, batch_size):
            add_cancel_hooks(self.extra, check)

    def validation_batches(self) -> Iterator[Tensor]:
        """Scaled validation images in order."""
        return self._evaluation(self.splits.validation)

    def member_batches(self) -> Iterator[Tensor]:
        """The same, as many at a time as suits the objective's own cohort."""
        return self._evaluation(self.splits.validation, self._cohort_macs)

    def test_batches(self) -> Iterator[Tensor]:
        """Scaled test images in order."""
        return self._evaluation(self.splits.test)

    def _scaler(self) -> Callable[[Tensor], Tensor]:
        return partial(
            scale,
            scaling=self.spec.data.scaling,
            mean=self.splits.mean,
            deviation=self.splits.deviation,
        )

    @property
    def _cohort_macs(self) -> int:
        return self.extra.macs if isinstance(self.extra, Cohort) else 0

    def _evaluation(self, split: Split, macs: int | None = None) -> Iterator[Tensor]:
        return evaluation_batches(
            split,
            scaling=self.spec.data.scaling,
            mean=self.splits.mean,
            deviation=self.splits.deviation,
            device=self.device,
            batch_size=evaluation_batch(self.macs if macs is None else macs),
        )


def prepare(spec: StageSpec, splits: Splits, device: torch.device, trained: Trained) -> Task:
    """Build net, batches and teacher for a stage.

    Of the training images it keeps those of the classes that the stage is to see.

    Raises:
        UserError: the batch is larger than the data, a class that is left out is unknown, the net
            is impossible, or the weights to start from, or the teacher's, belong to another net.
    """
    splits = without(splits, spec.left_out)
    classes = len(splits.info.classes)
    net = build(spec.model, classes, derived_seed(spec.seed, "weights"))
    if spec.start_from is not None:
        _, weights = trained(spec.start_from)
        if not checkpoints.same_shapes(weights, net):
            raise UserError("The weights to start from belong to another net; train it afresh.")
        net.load_state_dict(weights)
    net = _laid_out(net, device)
    size = count(spec.model, classes)
    teacher, teacher_macs, teacher_bf16 = _teacher(spec, classes, device, trained)
    objective = get_objective(spec.objective.name)
    options = objective.settings(spec.objective)
    first = trained(spec.teachers[0])[0].model if spec.teachers else None
    pair = Pair(spec.model, first, classes, options)
    return Task(
        spec=spec,
        splits=splits,
        objective=objective,
        net=net,
        device=device,
        bf16=uses_bf16(spec.train.precision, net, device),
        batches=_batches(spec, splits, device),
        parameters=size.parameters,
        macs=size.macs,
        teacher_net=teacher,
        teacher_macs=teacher_macs,
        teacher_bf16=teacher_bf16,
        looks=objective.looks(pair),
        options=options,
        extra=_extra(objective, pair, spec.seed, device),
    )


def _extra(objective: Objective, pair: Pair, seed: int, device: torch.device) -> nn.Module | None:
    """The objective's own net, its first weights a function of the seed."""
    if objective.module is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "objective"))
        return objective.module(pair).to(device)


def _look(
    net: nn.Module, images: Tensor, names: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and what the layers named say."""
    if not names:
        return net(images), {}
    assert isinstance(net, Net)
    return net.forward_with(images, names)


def _batches(spec: StageSpec, splits: Splits, device: torch.device) -> Batches:
    return Batches(
        splits.train,
        scaling=spec.data.scaling,
        mean=splits.mean,
        deviation=splits.deviation,
        device=device,
        batch_size=spec.train.batch_size,
        jitter=spec.train.jitter,
        seed=spec.seed,
    )


def _teacher(
    spec: StageSpec, classes: int, device: torch.device, trained: Trained
) -> tuple[MeanOfTeachers | None, int, bool]:
    """The teachers as one net, its MACs, and whether it answers in bf16: as it was trained."""
    if not spec.teachers:
        return None, 0, False
    nets, macs, bf16 = [], 0, True
    for key in spec.teachers:
        teacher, weights = trained(key)
        net = build(teacher.model, classes, 0)
        if not checkpoints.same_shapes(weights, net):
            raise UserError("The teacher's weights belong to another net; train it afresh.")
        net.load_state_dict(weights)
        nets.append(_laid_out(net, device))
        macs += count(teacher.model, classes).macs
        bf16 = bf16 and uses_bf16(teacher.train.precision, net, device)
    mean = MeanOfTeachers(nets, spec.teacher_weights, spec.combine)
    return mean.to(device), macs, bf16


def _laid_out(net: Net, device: torch.device) -> Net:
    """On its device, convolutions channels last: the same function, faster."""
    net.to(device)
    if has_convolutions(net):
        net.to(memory_format=torch.channels_last)
    return net
