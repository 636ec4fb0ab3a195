"""Which students train together, and why the others do not.

A stack pays where one student leaves the cores idle, and it is only right where a student in a
stack sees the very numbers that it would see alone. Both hold for nets of dense layers and
activations. Measured on 2 cores at batch 64: 25 students of 784-64-10 train about five times as
fast together, at 512 units a layer less than twice, convolutions not at all.

How much memory students take together, worked out before any of them trains.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple

from tsexplorer.data.base import SIDE, DatasetInfo
from tsexplorer.models import count
from tsexplorer.models.layers import STACKABLE, BatchNorm2d, Conv, Dropout, Flatten, Layer
from tsexplorer.models.registry import resolve
from tsexplorer.models.summary import trace_layers
from tsexplorer.objectives import get_objective
from tsexplorer.specs import ModelSpec, StageSpec, TrainSpec
from tsexplorer.training.responsiveness import MACS_PER_CHECK, evaluation_batch_size

ONE_BY_ONE = "its students train one after the other."


class Verdict(NamedTuple):
    """Whether students of a net train together, and a sentence that says why."""

    stacks: bool
    sentence: str


def verdict(model: ModelSpec, train: TrainSpec, classes: int, objective: str) -> Verdict:
    """Judge a net, how it trains, and the name of its objective.

    Raises:
        NotFoundError: there is no such net or objective.
        UserError: the net is impossible, or too large.
    """
    reason = _against(resolve(model).body, train)
    if reason is None and not get_objective(objective).can_stack:
        reason = "This objective looks inside the nets, or has a net of its own"
    if reason is None and largest_by_work(model, train, classes) < 2:
        reason = "One step of this net keeps the cores busy by itself"
    if reason is not None:
        return Verdict(False, f"{reason}: {ONE_BY_ONE}")
    return Verdict(
        True,
        "This net is made of dense layers and activations: its students train together, since a "
        "step of many is a few large matrix products.",
    )


def largest_by_work(model: ModelSpec, train: TrainSpec, classes: int) -> int:
    """Students whose common step is short enough for a wish to be heard in time.

    It is also where stacking stops to pay: a step of so much work leaves no core idle.
    """
    # The way back takes about twice as long as the way forward.
    return MACS_PER_CHECK // (3 * count(model, classes).macs * train.batch_size)


def _against(body: tuple[Layer, ...], train: TrainSpec) -> str | None:
    if any(isinstance(layer, Conv) for layer in body):
        return "Convolutions are no faster together than one by one"
    if any(isinstance(layer, BatchNorm2d) for layer in body):
        return "Batch norm keeps running figures, which a stack does not"
    if any(isinstance(layer, Dropout) for layer in body):
        return "Dropout draws for each student apart, which a stack does not"
    others = [layer for layer in body if not isinstance(layer, STACKABLE)]
    if others:
        return f"A stack does not know the layer {others[0].label}"
    if train.precision == "bf16":
        return "A stack computes in fp32, and bf16 is asked for"
    return None


FLOAT = 4
SHARE = 0.5
"""Of the memory that is free: the app, the pages and other processes need theirs."""
GROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container, or another group of processes, may use and uses."""


@dataclass(frozen=True)
class Need:
    """Bytes for a stack.

    Attributes:
        shared: whatever its size: images, the teacher's outputs.
        student: for each student in it.
    """

    shared: int
    student: int

    def of(self, students: int) -> int:
        """Bytes for a stack of so many."""
        return self.shared + students * self.student

    def fitting(self, budget: int) -> int:
        """Students that fit into so many bytes; below 1 where none does."""
        return (budget - self.shared) // self.student


def need(student: StageSpec, info: DatasetInfo, seeds: int) -> Need:
    """What students like this one take; dense nets.

    Args:
        student: one of them.
        info: the dataset's.
        seeds: different seeds in the stack, each with an order of its own.
    """
    train, classes = student.train, len(info.classes)
    size = count(student.model, classes)
    looks = evaluation_batch_size(size.macs)
    # What lies flat is the images themselves, which all students share.
    widths = sum(
        prod(layer.output(shape))
        for _, layer, shape in trace_layers(resolve(student.model), classes)
        if not isinstance(layer, Flatten)
    )
    batch = train.batch_size * (3 * widths + (SIDE**2 if seeds > 1 else 0))
    answers = 2 * looks * widths + 3 * info.validation * classes
    each = size.parameters * _copies(train) + max(batch, answers)
    variants = (2 * train.jitter + 1) ** 2
    padded = info.train * (SIDE + 2 * train.jitter) ** 2
    pixels = SIDE**2 * (info.train + info.validation + info.test) + seeds * padded
    taught = classes * info.train * variants if student.teachers else 0
    return Need(pixels + FLOAT * (taught + 2 * SIDE**2 * looks), FLOAT * each)


def available() -> int:
    """Bytes that a sweep may use on this machine: half of those that are free."""
    bounds = [2**32]  # where the system does not say
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(line for line in lines if line.startswith("MemAvailable:"))
        bounds = [1024 * int(free.split()[1])]
    with suppress(OSError, ValueError):  # "max" where the container has no limit of its own
        limit = int((GROUP / "memory.max").read_text(encoding="ascii"))
        bounds.append(max(limit - _held(), 0))
    return int(SHARE * min(bounds))


def _held() -> int:
    """Bytes of the container's that are in use; files that were only read can be dropped."""
    try:
        held = int((GROUP / "memory.current").read_text(encoding="ascii"))
        lines = (GROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    droppable = next((line for line in lines if line.startswith("inactive_file ")), "none 0")
    return held - int(droppable.split()[1])


def in_words(size: int) -> str:
    """Bytes in the unit that suits them.

    >>> in_words(1_500_000), in_words(2_340_000_000)
    ('2 MB', '2.3 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{max(size / 1e6, 1):.0f} MB"


def _copies(train: TrainSpec) -> int:
    """How often a student's parameters stand in memory.

    Weights, the optimiser's state, average and best weights, and once more all of these while a
    checkpoint is written; the gradient; and at the end the kept weights, beside them in a stack for
    the last figures, and in the result. Measured for 784-64-10: 3.1 MB a student, 3.2 MB by this.
    """
    state = {"adam": 2, "adamw": 2, "sgd": 1, "adadelta": 2}[train.optimiser]
    held = 1 + state + bool(train.averaging) + (train.keep == "best")
    return 2 * held + 4
