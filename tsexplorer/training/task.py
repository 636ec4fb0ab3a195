"""A stage that is ready to train: nets, batches and teacher built from its spec."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from tsexplorer.data.base import ImageTask, Normalisation, derived_seed
from tsexplorer.data.batches import Batches, TrainingBatch, evaluation_batches
from tsexplorer.data.registry import Split, Splits
from tsexplorer.data.subsets import training_images
from tsexplorer.errors import UserError
from tsexplorer.models import build, count
from tsexplorer.models.network import Net
from tsexplorer.models.stacked import Cohort
from tsexplorer.objectives import (
    LayerNames,
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
    get_objective,
)
from tsexplorer.specs import Scalar, StageSpec
from tsexplorer.training.checkpoints import fits_net
from tsexplorer.training.device import autocast, has_convolutions, uses_bf16
from tsexplorer.training.responsiveness import (
    add_cancel_hooks,
    evaluation_batch_size,
    is_slow_batch,
)
from tsexplorer.training.teacher_logits import (
    CachedTeacher,
    MeanOfTeachers,
    OnlineTeacher,
    TeacherOutputs,
    is_cache_worthwhile,
)

StageLoader = Callable[[str], tuple[StageSpec, dict[str, Tensor]]]
"""Takes the hash of a finished stage; returns its spec and weights."""


@dataclass
class Task:
    """A stage that is ready to train; made by :func:`prepare`.

    Attributes:
        spec: the stage.
        splits: its dataset.
        objective: computes the loss.
        net: the net that is trained.
        device: where it is trained.
        bf16: whether it is trained in bf16.
        batches: training batches.
        parameters: number of weights of the net.
        macs: multiply-accumulates of the net for one image.
        teacher_net: all teachers as one net; None without a teacher.
        teacher_macs: multiply-accumulates of all teachers for one image.
        teacher_bf16: whether the teachers run in bf16.
        teacher: gives the teacher's logits, once :meth:`prepare_teacher` was called.
        layer_names: layers whose outputs the objective uses.
        options: values of the objective's options.
        auxiliary_module: net of the objective, such as a regressor or a cohort of peers.
    """

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
    layer_names: LayerNames = field(default_factory=LayerNames)
    options: Mapping[str, Scalar] = field(default_factory=dict)
    auxiliary_module: nn.Module | None = None
    _dropout: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._dropout = torch.Generator(self.device)
        for trained in self.trained_modules:
            for module in trained.modules():
                if isinstance(module, Net):
                    module.set_dropout_generator(self._dropout)

    @property
    def key(self) -> str:
        """Hash of the stage."""
        return self.spec.hash

    @property
    def trained_modules(self) -> tuple[nn.Module, ...]:
        """The net and, if there is one, the auxiliary module."""
        return (self.net,) if self.auxiliary_module is None else (self.net, self.auxiliary_module)

    @property
    def steps_per_epoch(self) -> int:
        """Number of optimiser steps per epoch, including the shorter last batch."""
        return math.ceil(len(self.splits.train.labels) / self.spec.train.batch_size)

    @property
    def total_steps(self) -> int:
        """Number of optimiser steps without early stopping."""
        return self.steps_per_epoch * self.spec.train.epochs

    def reseed_dropout(self, epoch: int) -> None:
        """Make the dropout of an epoch a function of the stage's seed and the epoch."""
        self._dropout.manual_seed(derived_seed(self.spec.seed, epoch, "dropout"))

    def compute_terms(self, net: Net, batch: TrainingBatch, epoch: int) -> tuple[LossTerms, Tensor]:
        """Compute the objective's terms for a batch.

        Args:
            net: the student.
            batch: images and labels.
            epoch: current epoch, from 1.

        Returns:
            The terms and the student's logits B×C in fp32.
        """
        with autocast(self.bf16, self.device):
            z_BC, student_features = _logits_and_features(
                net, batch.images, self.layer_names.student
            )
        dtype = torch.get_default_dtype()  # float32; in bf16 the loss would be too inexact
        z_BC = z_BC.to(dtype)
        z_t_BC: Tensor | None = None
        teacher_features: dict[str, Tensor] = {}
        if self.teacher is not None:
            z_t_BC, teacher_features = self.teacher.logits_and_features(
                batch, self.layer_names.teacher
            )
        objective = self.spec.objective
        arguments = LossInputs(
            z_BC,
            z_t_BC,
            batch.labels,
            objective.temperature,
            objective.lam,
            self.options,
            epoch,
            self.spec.train.epochs,
            {name: feature.to(dtype) for name, feature in student_features.items()},
            teacher_features,
            None if self.auxiliary_module is None else self._run_auxiliary_module,
            batch.images,
            batch.label_weights,
        )
        return self.objective.loss(arguments), z_BC

    def _run_auxiliary_module(self, inputs: Tensor) -> Tensor:
        """Output of the auxiliary module; a cohort runs in the student's number format."""
        assert self.auxiliary_module is not None
        with autocast(self.bf16 and isinstance(self.auxiliary_module, Cohort), self.device):
            output: Tensor = self.auxiliary_module(inputs)
        return output

    def prepare_teacher(self, epochs_done: int, check: Callable[[float], None]) -> None:
        """Set :attr:`teacher`; takes long if the logits of all images are computed in advance.

        Whether they are depends on the spec alone, not on ``epochs_done``: both ways differ in
        rounding, and a resumed stage must end with the same bits. Nothing is done for a stage that
        has no epochs left.

        Args:
            epochs_done: number of epochs in the checkpoint.
            check: called with the finished share before each batch; may raise to stop.
        """
        if self.teacher_net is None or epochs_done >= self.spec.train.epochs:
            return
        online = OnlineTeacher(self.teacher_net, bf16=self.teacher_bf16)
        samples, classes = len(self.splits.train), len(self.splits.info.classes)
        worthwhile = is_cache_worthwhile(self.spec.train, samples, classes)
        if self.layer_names.teacher or not worthwhile:  # layer outputs are too large for a cache
            self.teacher = online
            return
        self.teacher = CachedTeacher(
            online,
            self.batches,
            self._normalisation,
            check,
            evaluation_batch_size(self.teacher_macs),
        )

    def add_cancel_hooks(self, check: Callable[[], None]) -> None:
        """Call ``check`` before each layer of the nets whose batches are slow."""
        batch_size = self.spec.train.batch_size
        for net, macs in (
            (self.net, self.macs),
            (self.teacher_net, self.teacher_macs),
            (self.auxiliary_module, self._cohort_macs),
        ):
            if net is not None and is_slow_batch(macs, batch_size):
                add_cancel_hooks(net, check)

    def validation_batches(self) -> Iterator[Tensor]:
        """Scaled validation images in order, B×C×H×W each."""
        return self._evaluation_batches(self.splits.validation, self.macs)

    def cohort_batches(self) -> Iterator[Tensor]:
        """The same in a batch size that suits the objective's cohort."""
        return self._evaluation_batches(self.splits.validation, self._cohort_macs)

    def test_batches(self) -> Iterator[Tensor]:
        """Scaled test images in order, B×C×H×W each."""
        return self._evaluation_batches(self.splits.test, self.macs)

    @property
    def _normalisation(self) -> Normalisation:
        return self.splits.normalisation(self.spec.data.scaling)

    @property
    def _cohort_macs(self) -> int:
        """Multiply-accumulates of the cohort for one image; 0 for other auxiliary modules."""
        return self.auxiliary_module.macs if isinstance(self.auxiliary_module, Cohort) else 0

    def _evaluation_batches(self, split: Split, macs: int) -> Iterator[Tensor]:
        return evaluation_batches(
            split,
            self._normalisation,
            device=self.device,
            batch_size=evaluation_batch_size(macs),
        )


def prepare(spec: StageSpec, splits: Splits, device: torch.device, load_stage: StageLoader) -> Task:
    """Build the net, the batches and the teacher of a stage.

    Args:
        spec: the stage.
        splits: its whole dataset; excluded classes are removed from the training images here.
        device: where to train.
        load_stage: gives specs and weights of the teachers and of the stage to start from.

    Raises:
        UserError: the batch is larger than the data, an excluded class does not exist, the net is
            impossible, or the weights to start from or the teacher's do not fit their net.
    """
    objective = get_objective(spec.objective.name)
    splits = replace(splits, train=training_images(splits, spec, objective.needs_teacher))
    task = splits.info.task
    net = build(spec.model, task, derived_seed(spec.seed, "weights"))
    if spec.start_from is not None:
        _, weights = load_stage(spec.start_from)
        if not fits_net(weights, net):
            raise UserError("The weights to start from belong to another net; train it again.")
        net.load_state_dict(weights)
    net = _move_to_device(net, device)
    size = count(spec.model, task)
    teacher, teacher_macs, teacher_bf16 = _build_teacher(spec, task, device, load_stage)
    options = objective.option_values(spec.objective)
    first_teacher = load_stage(spec.teachers[0])[0].model if spec.teachers else None
    pair = ModelPair(spec.model, first_teacher, task, options)
    return Task(
        spec=spec,
        splits=splits,
        objective=objective,
        net=net,
        device=device,
        bf16=uses_bf16(spec.train.precision, net, device),
        batches=_make_batches(spec, splits, device),
        parameters=size.parameters,
        macs=size.macs,
        teacher_net=teacher,
        teacher_macs=teacher_macs,
        teacher_bf16=teacher_bf16,
        layer_names=objective.select_layers(pair),
        options=options,
        auxiliary_module=_build_auxiliary_module(objective, pair, spec.seed, device),
    )


def _build_auxiliary_module(
    objective: Objective, pair: ModelPair, seed: int, device: torch.device
) -> nn.Module | None:
    """Build the objective's own net; its initial weights are a function of the seed."""
    if objective.build_auxiliary_module is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, "objective"))
        return objective.build_auxiliary_module(pair).to(device)


def _logits_and_features(
    net: nn.Module, images: Tensor, names: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the outputs of the named layers."""
    if not names:
        return net(images), {}
    assert isinstance(net, Net)
    return net.forward_with(images, names)


def _make_batches(spec: StageSpec, splits: Splits, device: torch.device) -> Batches:
    normalisation = splits.normalisation(spec.data.scaling)
    return Batches(splits.train, normalisation, spec.train, device=device, seed=spec.seed)


def _build_teacher(
    spec: StageSpec, task: ImageTask, device: torch.device, load_stage: StageLoader
) -> tuple[MeanOfTeachers | None, int, bool]:
    """Build all teachers as one net.

    Returns:
        The net, its multiply-accumulates for one image, and whether it runs in bf16, which it does
        if all teachers were trained in bf16.
    """
    if not spec.teachers:
        return None, 0, False
    nets, macs, bf16 = [], 0, True
    for key in spec.teachers:
        teacher, weights = load_stage(key)
        net = build(teacher.model, task, 0)
        if not fits_net(weights, net):
            raise UserError("The teacher's weights belong to another net; train it again.")
        net.load_state_dict(weights)
        nets.append(_move_to_device(net, device))
        macs += count(teacher.model, task).macs
        bf16 = bf16 and uses_bf16(teacher.train.precision, net, device)
    mean = MeanOfTeachers(nets, spec.teacher_weights, spec.combine)
    return mean.to(device), macs, bf16


def _move_to_device(net: Net, device: torch.device) -> Net:
    """Move a net to its device; convolutions get channels_last weights, which are faster."""
    net.to(device)
    if has_convolutions(net):
        net.to(memory_format=torch.channels_last)
    return net
