"""Decides which students train together in one stack, and estimates the memory they need.

A stack saves time if a single student leaves cores idle, and it is correct only if a student in
the stack computes the same numbers as alone. Both hold for nets of dense layers and activations.
Measured on 2 cores with batches of 64: 25 students of 784-64-10 train about five times as fast in a
stack as one after the other; with 512 units a layer the gain is below two; convolutions gain
nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

from tsexplorer.data.base import DatasetInfo, ImageTask
from tsexplorer.models import count
from tsexplorer.models.layers import STACKABLE, BatchNorm2d, Block, Conv, Dropout, Flatten, Layer
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import trace_layers
from tsexplorer.objectives import get_objective
from tsexplorer.specs import ModelSpec, StageSpec, TrainSpec
from tsexplorer.training.responsiveness import MACS_PER_CHECK, evaluation_batch_size

FLOAT_BYTES = 4
MEMORY_SHARE = 0.5
"""Share of the free memory that training may use; other processes need the remainder."""
CGROUP_FOLDER = Path("/sys/fs/cgroup")
"""Where Linux reports the memory limit and use of a container or another control group."""


class StackingDecision(NamedTuple):
    """Whether students of a net train together, and a sentence with the reason."""

    stacks: bool
    sentence: str


def decide_stacking(
    model: ModelSpec, train: TrainSpec, task: ImageTask, objective: str
) -> StackingDecision:
    """Decide whether students of a net train together.

    Args:
        model: the students' net.
        train: their training.
        task: the images and the classes.
        objective: name of their objective.

    Raises:
        NotFoundError: the net or the objective does not exist.
        UserError: the net is impossible or too large.
    """
    reason = _obstacle(resolve(model, task.image_shape).body, train)
    if reason is None and not get_objective(objective).can_stack:
        reason = "This objective uses hidden layers or a net of its own"
    if reason is None and max_students_by_work(model, train, task) < 2:
        reason = "A single step of this net keeps all cores busy"
    if reason is not None:
        return StackingDecision(False, f"{reason}: its students train one after the other.")
    return StackingDecision(
        True,
        "This net has dense layers and activations only: its students train together, since one "
        "step of many students is a few large matrix products.",
    )


def max_students_by_work(model: ModelSpec, train: TrainSpec, task: ImageTask) -> int:
    """Largest stack whose step is short enough to react to a control request in time.

    A larger stack would save no time either: a step with this much work uses all cores.
    """
    # A backward pass takes about twice as long as a forward pass.
    return MACS_PER_CHECK // (3 * count(model, task).macs * train.batch_size)


def _obstacle(body: tuple[Layer, ...], train: TrainSpec) -> str | None:
    """Reason why nets with these layers cannot train in a stack; None if they can."""
    if any(isinstance(layer, Conv) for layer in body):
        return "Convolutions are no faster together than one by one"
    if any(isinstance(layer, BatchNorm2d) for layer in body):
        return "Batch norm needs running statistics, which a stack does not keep"
    if any(isinstance(layer, Dropout) for layer in body):
        return "Dropout needs separate random numbers for each student, which a stack does not draw"
    others = [layer for layer in body if not isinstance(layer, STACKABLE)]
    if others:
        return f"A stack does not support the layer {others[0].label}"
    if train.precision == "bf16":
        return "A stack computes in fp32, not in bf16 as chosen"
    return None


@dataclass(frozen=True)
class MemoryNeed:
    """Estimated memory of a stack, in bytes.

    Attributes:
        shared: independent of the number of students: images and teacher logits.
        student: for each student.
    """

    shared: int
    student: int

    def total(self, students: int) -> int:
        """Bytes for a stack of ``students``."""
        return self.shared + students * self.student

    def max_students(self, budget: int) -> int:
        """Largest number of students that fit into ``budget`` bytes; below 1 if none fits."""
        return (budget - self.shared) // self.student


def memory_needed(student: StageSpec, info: DatasetInfo, seeds: int) -> MemoryNeed:
    """Estimate the memory of a stack of nets, or of a single one.

    Args:
        student: one of the students; all have the same net, training and dataset.
        info: of the dataset.
        seeds: number of different seeds in the stack; each has its own order of samples.
    """
    train, task, pixels = student.train, info.task, prod(info.image_shape)
    size = count(student.model, task)
    evaluated = evaluation_batch_size(size.macs)
    # The output of a flattening layer is the image itself, which all students share.
    # A block keeps the outputs of the layers inside it for the gradient, too.
    widths = sum(
        prod(layer.output(shape)) * (3 if isinstance(layer, Block) else 1)
        for _, layer, shape in trace_layers(resolve(student.model, task.image_shape), task)
        if not isinstance(layer, Flatten)
    )
    batch = train.batch_size * (3 * widths + (pixels if seeds > 1 else 0))
    evaluation = 2 * evaluated * widths + 3 * info.validation * task.classes
    per_student = size.parameters * _parameter_copies(train) + max(batch, evaluation)
    variants = (2 * train.jitter + 1) ** 2
    images = info.train + info.unlabelled
    teacher_logits = task.classes * images * variants if student.teachers else 0
    shared = 0 if info.mapped else pixels * (images + info.validation + info.test)
    shared += FLOAT_BYTES * (teacher_logits + 2 * pixels * evaluated)
    return MemoryNeed(shared, FLOAT_BYTES * per_student)


def _parameter_copies(train: TrainSpec) -> int:
    """How many copies of a student's parameters are in memory at most.

    Weights, optimiser state, averaged and best weights, and a second copy of all of these while a
    checkpoint is written; the gradient; at the end the kept weights, a stack of them for the last
    evaluation, and the result. Measured for 784-64-10: 3.1 MB a student, 3.2 MB by this estimate.
    """
    optimiser_state = {"adam": 2, "adamw": 2, "sgd": 1, "adadelta": 2}[train.optimiser]
    held = 1 + optimiser_state + bool(train.averaging) + (train.keep == "best")
    return 2 * held + 4


def available_memory() -> int:
    """Bytes that training may use on this machine: half of the free memory."""
    limits = [2**32]  # if the system reports nothing
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(line for line in lines if line.startswith("MemAvailable:"))
        limits = [1024 * int(free.split()[1])]
    with suppress(OSError, ValueError):  # "max" in a container without a limit
        limit = int((CGROUP_FOLDER / "memory.max").read_text(encoding="ascii"))
        limits.append(max(limit - _container_memory_in_use(), 0))
    return int(MEMORY_SHARE * min(limits))


def _container_memory_in_use() -> int:
    """Bytes in use in the container, without cached files, which the system can drop."""
    try:
        in_use = int((CGROUP_FOLDER / "memory.current").read_text(encoding="ascii"))
        lines = (CGROUP_FOLDER / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    cached = next((line for line in lines if line.startswith("inactive_file ")), "inactive_file 0")
    return in_use - int(cached.split()[1])


def format_bytes(size: int) -> str:
    """Format a number of bytes in MB or GB.

    >>> format_bytes(1_500_000), format_bytes(2_340_000_000)
    ('2 MB', '2.3 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{max(size / 1e6, 1):.0f} MB"
