"""How long a sweep will take here, from a short measurement with its own nets and data.

Each kind of chunk is trained for a few short epochs, once with few steps and once with more. The
difference is the steps' own, what remains is paid once an epoch: validation and the checkpoint.
Medians of a few epochs: a machine that was wanted for a moment elsewhere does not count.

How long a sweep will take here, before it is queued: its chunks, tried with untrained nets.

How long a teacher's answer takes does not depend on what it has learnt.
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

from tsexplorer.data.base import Split, Splits
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import Cancelled
from tsexplorer.models import build
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Arrays, Chunk, ChunkRequest, as_arrays, plan_chunks
from tsexplorer.students.run_chunk import run_chunk, shelf
from tsexplorer.students.stacking_rule import available
from tsexplorer.training.control import Control
from tsexplorer.training.device import pick_device, use_cores
from tsexplorer.training.events import CheckpointWritten, Event
from tsexplorer.training.responsiveness import evaluation_batch_size
from tsexplorer.training.task import prepare
from tsexplorer.training.teacher_logits import OnlineTeacher, is_cache_worthwhile

FEW, MORE = 4, 24
"""Steps of the short epochs of either kind; their difference is what is measured."""
EPOCHS = 3
"""Epochs that are timed, after a first one that is not."""


@dataclass(frozen=True)
class Pace:
    """What a chunk takes.

    Attributes:
        step: seconds for one optimiser step of all that train together.
        epoch: seconds once an epoch beyond its steps.
    """

    step: float
    epoch: float


@dataclass(frozen=True)
class Cost:
    """What a sweep will take on this machine.

    Attributes:
        students: trainings.
        chunks: pieces they are trained in, one after the other.
        seconds: if no early stopping comes in, and nothing else wants the machine.
    """

    students: int
    chunks: int
    seconds: float


@dataclass(frozen=True)
class Paces:
    """What was measured in this process, by kind; more is added.

    Attributes:
        chunks: of chunks.
        teachers: seconds for a teacher's answers, by its stages' hashes and the jitter.
    """

    chunks: dict[object, Pace] = field(default_factory=dict)
    teachers: dict[object, float] = field(default_factory=dict)


def cost(requests: Sequence[ChunkRequest], splits: Splits, known: Paces | None = None) -> Cost:
    """Measure and add up; takes a few dozen steps of each kind of chunk.

    Args:
        requests: the chunks that are still to be trained.
        splits: their data.
        known: what was measured before, and need not be again.

    Raises:
        UserError: what training would raise.
    """
    known = known or Paces()
    paces, teachers = known.chunks, known.teachers
    taught: set[object] = set()
    seconds = 0.0
    for request in requests:
        first = request.chunk.students[0]
        kind = _kind(request.chunk)
        if kind not in paces:
            paces[kind] = pace(request, splits)
        for one in request.chunk.students:
            teaching = (one.teachers, one.train.jitter)
            if teaching not in teachers:
                teachers[teaching] = _teacher_seconds(request, splits)
            taught.add(teaching)
        steps = -(-len(splits.train) // first.train.batch_size)
        turns = 1 if request.chunk.stacked else len(request.chunk.students)
        once = steps * paces[kind].step + paces[kind].epoch
        seconds += turns * first.train.epochs * once
    count = sum(len(request.chunk.students) for request in requests)
    return Cost(count, len(requests), seconds + sum(teachers[one] for one in taught))


def pace(request: ChunkRequest, splits: Splits) -> Pace:
    """Measure one chunk; of one whose students train one after the other, its first."""
    few = _epoch_seconds(request, splits, FEW)
    more = _epoch_seconds(request, splits, MORE)
    step = max(more - few, 0.0) / (MORE - FEW)
    return Pace(step, max(few - FEW * step, 0.0))


def _epoch_seconds(request: ChunkRequest, splits: Splits, steps: int) -> float:
    """Median seconds of an epoch of so many steps, its checkpoint included."""
    chunk = request.chunk
    if not chunk.stacked:
        chunk = replace(chunk, students=chunk.students[:1])
    images = steps * chunk.students[0].train.batch_size
    short = replace(splits, train=_repeated(splits.train, images))
    control = Control()
    marks: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, CheckpointWritten):
            marks.append(time.perf_counter())
            if len(marks) > EPOCHS:
                control.cancel()

    longer = tuple(_long_enough(student) for student in chunk.students)
    with tempfile.TemporaryDirectory() as folder, suppress(Cancelled):
        asked = replace(request, chunk=replace(chunk, students=longer), folder=Path(folder))
        run_chunk(asked, listen, control, short)
    return median(later - earlier for earlier, later in pairwise(marks))


def _long_enough(student: StageSpec) -> StageSpec:
    """So that no epoch that is timed is the last, which has more to do."""
    changes = {"epochs": max(student.train.epochs, EPOCHS + 2), "early_stopping": None}
    return student.model_copy(update={"train": student.train.model_copy(update=changes)})


def _repeated(split: Split, images: int) -> Split:
    """So many images, some of them again where there are fewer."""
    places = torch.arange(images) % len(split)
    return Split(split.images[places], split.labels[places])


def _kind(chunk: Chunk) -> object:
    """The same for chunks that take as long for a step."""
    first = chunk.students[0]
    size = len(chunk.students) if chunk.stacked else 1
    seeds = len({student.seed for student in chunk.students})
    data = (first.data.name, bool(first.teachers))
    return (*data, first.model.hash, first.train.hash, first.objective.name, size, seeds)


def _teacher_seconds(request: ChunkRequest, splits: Splits) -> float:
    """Seconds to compute a teacher's answers over the training images beforehand, if they are."""
    spec = request.chunk.students[0]
    jitter, images = spec.train.jitter, len(splits.train)
    classes = len(splits.info.classes)
    if not spec.teachers or not is_cache_worthwhile(jitter, spec.train.epochs, images, classes):
        return 0.0
    task = prepare(spec, splits, pick_device(request.device), shelf(request))
    assert task.teacher_net is not None
    online = OnlineTeacher(task.teacher_net, bf16=task.teacher_bf16)
    looks = next(task.validation_batches())[: evaluation_batch_size(task.teacher_macs)]
    online.logits_of_images(looks)  # the first time takes longer
    variants = (2 * jitter + 1) ** 2
    return _typical(lambda: online.logits_of_images(looks)) * variants * images / len(looks)


def _typical(work: Callable[[], object]) -> float:
    """Median seconds of a few."""
    seconds = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def rehearse(
    prerequisites: Sequence[StageSpec],
    students: Sequence[StageSpec],
    done: Collection[str],
    settings: Settings,
    paces: Paces,
) -> float:
    """Seconds that the training of these nets takes on this machine.

    Args:
        prerequisites: nets that the students learn from, trained one after the other.
        students: trained in chunks; at least one.
        done: hashes of the nets that are trained already.
        settings: of the process.
        paces: what was measured before; what is measured now is added.

    Raises:
        UserError: the data is not as it should be, or a net does not fit into memory.
    """
    use_cores(settings.threads)
    data = students[0].data.name
    info = get_dataset(data).info
    chunks = [
        Chunk((stage,), stacked=False, sentence="")
        for stage in prerequisites
        if stage.hash not in done
    ]
    left = [stage for stage in students if stage.hash not in done]
    chunks += plan_chunks(left, info, available()) if left else ()
    nets = {stage.hash: _untrained(stage, len(info.classes)) for stage in prerequisites}
    splits = load_splits(data, settings.data_folder)
    requests = [
        ChunkRequest(chunk, nets, settings.data_folder, device=settings.device) for chunk in chunks
    ]
    return cost(requests, splits, paces).seconds


def _untrained(stage: StageSpec, classes: int) -> tuple[StageSpec, Arrays]:
    return stage, as_arrays(build(stage.model, classes, seed=stage.seed).state_dict())
