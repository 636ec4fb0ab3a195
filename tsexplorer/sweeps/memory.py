"""How much memory students take together, worked out before any of them trains."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path

from tsexplorer.data.base import SIDE, DatasetInfo
from tsexplorer.models import count
from tsexplorer.models.count import trace
from tsexplorer.models.layers import Flatten
from tsexplorer.models.registry import resolve
from tsexplorer.specs import StageSpec, TrainSpec
from tsexplorer.training.interrupt import evaluation_batch

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
    looks = evaluation_batch(size.macs)
    # What lies flat is the images themselves, which all students share.
    widths = sum(
        prod(layer.output(shape))
        for _, layer, shape in trace(resolve(student.model), classes)
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
