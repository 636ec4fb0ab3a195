"""Estimate of the training time of a study on this machine, from a short measurement.

Each kind of chunk trains a few short epochs with its own nets and data: some with few steps, some
with more. The difference gives the time of a step; the remainder is the time for validation and the
checkpoint of an epoch. Medians make the estimate robust against a short load by other programs.
The nets are untrained: the weights do not change the time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from tsexplorer.data.base import ImageTask, Split, Splits
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import Cancelled
from tsexplorer.models import build
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Arrays, Chunk, ChunkRequest, as_arrays, plan_chunks
from tsexplorer.students.run_chunk import make_stage_lookup, run_chunk
from tsexplorer.students.stacking_rule import available_memory
from tsexplorer.training.control import Control
from tsexplorer.training.device import pick_device, use_cores
from tsexplorer.training.events import CheckpointWritten, Event
from tsexplorer.training.responsiveness import evaluation_batch_size
from tsexplorer.training.task import prepare
from tsexplorer.training.teacher_logits import OnlineTeacher, is_cache_worthwhile

FEW_STEPS, MORE_STEPS = 4, 24
"""Steps of the short epochs."""
TIMED_EPOCHS = 3
"""Epochs that are timed, after a first one that is not."""


@dataclass(frozen=True)
class ChunkSpeed:
    """Measured speed of a chunk.

    Attributes:
        step: seconds of one optimiser step of all students that train together.
        epoch: seconds of an epoch in addition to its steps.
    """

    step: float
    epoch: float


@dataclass(frozen=True)
class TrainingCost:
    """Estimated cost of a study on this machine.

    Attributes:
        students: number of trainings.
        chunks: number of chunks, which train one after the other.
        seconds: without early stopping, on an idle machine.
    """

    students: int
    chunks: int
    seconds: float


@dataclass(frozen=True)
class MeasuredSpeeds:
    """Measurements of this process, by kind; each estimate adds those that are missing.

    Attributes:
        chunks: speed of each kind of chunk.
        teachers: seconds to compute a teacher's outputs, by the hashes of its stages and jitter.
    """

    chunks: dict[object, ChunkSpeed] = field(default_factory=dict)
    teachers: dict[object, float] = field(default_factory=dict)


def estimate_seconds(
    prerequisites: Sequence[StageSpec],
    students: Sequence[StageSpec],
    done: Collection[str],
    settings: Settings,
    speeds: MeasuredSpeeds,
) -> float:
    """Estimate the seconds that the training of these nets takes on this machine.

    Args:
        prerequisites: nets that the students learn from; they train one after the other.
        students: train in chunks; at least one.
        done: hashes of the nets that are already trained.
        settings: of the process.
        speeds: earlier measurements; new ones are added.

    Raises:
        UserError: a problem with the dataset, or a net does not fit into memory.
    """
    use_cores(settings.threads)
    dataset = students[0].data.name
    info = get_dataset(dataset).info
    chunks = [
        Chunk((stage,), stacked=False, sentence="")
        for stage in prerequisites
        if stage.hash not in done
    ]
    missing = [stage for stage in students if stage.hash not in done]
    chunks += plan_chunks(missing, info, available_memory()) if missing else ()
    nets = {stage.hash: _untrained(stage, info.task) for stage in prerequisites}
    splits = load_splits(dataset, settings.data_folder)
    requests = [
        ChunkRequest(chunk, nets, settings.data_folder, device=settings.device) for chunk in chunks
    ]
    return estimate_cost(requests, splits, speeds).seconds


def _untrained(stage: StageSpec, task: ImageTask) -> tuple[StageSpec, Arrays]:
    return stage, as_arrays(build(stage.model, task, seed=stage.seed).state_dict())


def estimate_cost(
    requests: Sequence[ChunkRequest], splits: Splits, speeds: MeasuredSpeeds | None = None
) -> TrainingCost:
    """Measure each kind of chunk, with a few dozen steps each, and add up the times.

    Args:
        requests: the chunks to train.
        splits: their dataset.
        speeds: earlier measurements; new ones are added.

    Raises:
        UserError: as training would raise.
    """
    speeds = speeds or MeasuredSpeeds()
    teachers: set[object] = set()
    seconds = 0.0
    for request in requests:
        first = request.chunk.students[0]
        kind = _chunk_kind(request.chunk)
        if kind not in speeds.chunks:
            speeds.chunks[kind] = measure_chunk(request, splits)
        for student in request.chunk.students:
            teacher = (student.teachers, student.train.jitter)
            if teacher not in speeds.teachers:
                speeds.teachers[teacher] = measure_teacher(request, splits)
            teachers.add(teacher)
        steps = -(-len(splits.train) // first.train.batch_size)
        trainings = 1 if request.chunk.stacked else len(request.chunk.students)
        epoch_seconds = steps * speeds.chunks[kind].step + speeds.chunks[kind].epoch
        seconds += trainings * first.train.epochs * epoch_seconds
    students = sum(len(request.chunk.students) for request in requests)
    seconds += sum(speeds.teachers[teacher] for teacher in teachers)
    return TrainingCost(students, len(requests), seconds)


def measure_chunk(request: ChunkRequest, splits: Splits) -> ChunkSpeed:
    """Measure the speed of a chunk; if its students train one after the other, of the first."""
    few = _epoch_seconds(request, splits, FEW_STEPS)
    more = _epoch_seconds(request, splits, MORE_STEPS)
    step = max(more - few, 0.0) / (MORE_STEPS - FEW_STEPS)
    return ChunkSpeed(step, max(few - FEW_STEPS * step, 0.0))


def _epoch_seconds(request: ChunkRequest, splits: Splits, steps: int) -> float:
    """Median seconds of an epoch with ``steps`` steps, including its checkpoint."""
    chunk = request.chunk
    if not chunk.stacked:
        chunk = replace(chunk, students=chunk.students[:1])
    images = steps * chunk.students[0].train.batch_size
    short_splits = replace(splits, train=_resize(splits.train, images))
    control = Control()
    times: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, CheckpointWritten):
            times.append(time.perf_counter())
            if len(times) > TIMED_EPOCHS:
                control.cancel()

    students = tuple(_with_enough_epochs(student) for student in chunk.students)
    with tempfile.TemporaryDirectory() as folder, suppress(Cancelled):
        timed = replace(request, chunk=replace(chunk, students=students), folder=Path(folder))
        run_chunk(timed, listen, control, short_splits)
    return median(later - earlier for earlier, later in pairwise(times))


def _with_enough_epochs(student: StageSpec) -> StageSpec:
    """The same student with more epochs than are timed: the last epoch takes longer."""
    changes = {"epochs": max(student.train.epochs, TIMED_EPOCHS + 2), "early_stopping": None}
    return student.model_copy(update={"train": student.train.model_copy(update=changes)})


def _resize(split: Split, images: int) -> Split:
    """The first images of a split, repeated if it has too few."""
    index = torch.arange(images) % len(split)
    return Split(split.images[index], split.labels[index])


def _chunk_kind(chunk: Chunk) -> object:
    """Key that is equal for chunks with the same speed."""
    first = chunk.students[0]
    size = len(chunk.students) if chunk.stacked else 1
    seeds = len({student.seed for student in chunk.students})
    data = (first.data.name, bool(first.teachers))
    return (*data, first.model.hash, first.train.hash, first.objective.name, size, seeds)


def measure_teacher(request: ChunkRequest, splits: Splits) -> float:
    """Estimate the seconds to compute a teacher's outputs for all training images.

    Returns:
        0 without a teacher, and if the teacher runs with each batch instead.
    """
    spec = request.chunk.students[0]
    jitter, images = spec.train.jitter, len(splits.train)
    classes = len(splits.info.classes)
    if not spec.teachers or not is_cache_worthwhile(spec.train, images, classes):
        return 0.0
    task = prepare(spec, splits, pick_device(request.device), make_stage_lookup(request))
    assert task.teacher_net is not None
    teacher = OnlineTeacher(task.teacher_net, bf16=task.teacher_bf16)
    batch = next(task.validation_batches())[: evaluation_batch_size(task.teacher_macs)]
    teacher.logits_of_images(batch)  # the first call takes longer
    variants = (2 * jitter + 1) ** 2
    return _median_seconds(lambda: teacher.logits_of_images(batch)) * variants * images / len(batch)


def _median_seconds(call: Callable[[], object]) -> float:
    """Median duration of a few calls."""
    seconds = []
    for _ in range(TIMED_EPOCHS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return median(seconds)
