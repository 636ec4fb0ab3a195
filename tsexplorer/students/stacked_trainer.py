"""Training a chunk of students that share a stack.

Each is judged as one alone is: a :class:`~tsexplorer.training.learner.Learner` whose net looks into
the stack keeps its record and its best weights and says when it is over. Who is over leaves the
stack, so that its weights stay what they are and the others no longer wait for it.

Shape suffixes: S students in the stack, B batch, N images, C classes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from tsexplorer.data.batches import evaluation_batches
from tsexplorer.data.registry import Split, Splits
from tsexplorer.objectives import get_objective
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import Chunk
from tsexplorer.students.events import (
    ChunkStarted,
    GiveUp,
    Scores,
    StudentEnded,
    StudentEpoch,
    StudentPruned,
    nobody,
)
from tsexplorer.students.stacked_step import Stack, Weights, stacked_logits
from tsexplorer.students.student_scores import Taught, completed, scores, taught
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import compute_metrics
from tsexplorer.training.events import CheckpointWritten, Listener, Notice
from tsexplorer.training.learner import Learner, TrainingRecord
from tsexplorer.training.optimisation import learning_rate
from tsexplorer.training.progress import ProgressReporter
from tsexplorer.training.responsiveness import evaluation_batch_size
from tsexplorer.training.task import StageLoader, Task, prepare

Batch = tuple[Tensor, Tensor | None, Tensor]
"""Images, the teacher's logits, labels: for all students, or with S in front."""


Said = StudentEpoch | StudentEnded | StudentPruned


@dataclass
class Student:
    """One of the chunk.

    Attributes:
        spec: its stage.
        task: shared with the students of its seed: batches, and the teacher.
        learner: its judge; does not take steps itself.
        history: its figures.
        kept: its weights once it is over.
        kept_epoch: the epoch they are of.
        pruned: whether it was given up, and so is over without weights.
    """

    spec: StageSpec
    task: Task
    learner: Learner
    history: list[StudentEpoch] = field(default_factory=list)
    kept: dict[str, Tensor] | None = None
    kept_epoch: int = 0
    pruned: bool = False

    @property
    def over(self) -> bool:
        """Whether it trains no more."""
        return self.pruned or self.kept is not None


@dataclass(frozen=True, eq=False)
class Done:
    """A student that is over, with what its kept weights score; see ``StudentResult``."""

    spec: StageSpec
    kept_epoch: int
    epochs: tuple[StudentEpoch, ...]
    validation: Scores
    test_accuracy: float
    weights: Weights


def train_together(
    chunk: Chunk,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    folder: Path | None,
    emit: Listener,
    control: Control,
    give_up: GiveUp,
) -> tuple[tuple[Done, ...], float]:
    """Train a chunk to its end, going on from the checkpoint in ``folder`` if there is one.

    Returns:
        The students in the chunk's order, but for those given up, and the seconds spent on all.

    Raises:
        Cancelled: ``control`` said so; the last epoch's checkpoint stays.
        UserError: the disk is full, or the like, in one sentence.
    """
    run = _Training(chunk, splits, device, trained)
    if folder is not None and not run.resume(folder / CHECKPOINT):
        emit(Notice(chunk.key, "A damaged checkpoint was set aside; these students start again."))
        run = _Training(chunk, splits, device, trained)
    started = ChunkStarted(
        chunk.key,
        tuple(student.spec.hash for student in run.students),
        chunk.students[0].train.epochs,
        run.earlier,
        chunk.sentence,
    )
    emit(started)
    pulse = run.attend(emit, control)
    while run.active:
        for event in run.epoch(pulse, give_up):
            emit(event)
        if folder is not None:
            checkpoints.write(folder / CHECKPOINT, *run.state())
            emit(CheckpointWritten(chunk.key, run.clock.epoch))
        if run.active:
            control.epoch_ended()
    return run.finish(pulse), run.clock.seconds


class _Training:
    """A chunk under way."""

    def __init__(
        self, chunk: Chunk, splits: Splits, device: torch.device, trained: StageLoader
    ) -> None:
        self._chunk, self._splits, self._device = chunk, splits, device
        tasks: dict[int, Task] = {}
        for spec in chunk.students:
            if spec.seed not in tasks:
                tasks[spec.seed] = prepare(spec, splits, device, trained)
        self._tasks = list(tasks.values())
        self.students = [_student(spec, tasks[spec.seed]) for spec in chunk.students]
        self.active = list(self.students)
        self.clock = TrainingRecord()
        self._stack = Stack(
            [student.learner.net for student in self.students],  # type: ignore[misc]
            list(chunk.students),
            get_objective(chunk.students[0].objective.name),
        )
        self._taught: dict[int, Taught | None] = {}
        self._look()

    @property
    def earlier(self) -> tuple[StudentEpoch, ...]:
        """Figures of all epochs done."""
        return tuple(row for student in self.students for row in student.history)

    def attend(self, emit: Listener, control: Control) -> ProgressReporter:
        """Start the clock and get the teachers' answers."""
        pulse = ProgressReporter(
            self._tasks[0], self.clock, _as_chunk(emit, self._chunk.key), control
        )
        for task in self._tasks:
            # For the teacher, which may look at each batch, and be slow.
            task.add_cancel_hooks(pulse.check)
            self._taught[task.spec.seed] = taught(task, pulse.teacher_batch)
        return pulse

    def epoch(self, pulse: ProgressReporter, give_up: GiveUp = nobody) -> list[Said]:
        """Train one epoch, then validate; who is over or given up leaves."""
        number = self.clock.epoch + 1
        pulse.epoch_started(number)
        loss_S = self._train(number, pulse)
        rates = [self._rate(place, back=1) for place in range(len(self.active))]
        z_SNC = self._stack.logits_over(self._checked(self._splits.validation, pulse))
        self.clock.epoch, self.clock.seconds = number, pulse.seconds
        said: list[StudentEpoch] = []
        for student, loss, rate, z_NC in zip(
            self.active, loss_S.tolist(), rates, z_SNC, strict=True
        ):
            student.learner.record.steps = self._stack.steps
            row = StudentEpoch(
                student.spec.hash,
                epoch=number,
                train_loss=loss,
                validation=self._judge(student, z_NC),
                learning_rate=rate,
                seconds=pulse.epoch_seconds,
            )
            student.history.append(row)
            said.append(row)
        return [*said, *self._part(set(give_up(said)))]

    def finish(self, pulse: ProgressReporter) -> tuple[Done, ...]:
        """Read validation and, once, test of the kept weights."""
        ended = [student for student in self.students if not student.pruned]
        if not ended:
            return ()
        kept = [student.kept for student in ended if student.kept is not None]
        net = self._tasks[0].net
        seen, unseen = self._splits.validation, self._splits.test
        validation = stacked_logits(net, kept, self._checked(seen, pulse))
        test = stacked_logits(net, kept, self._checked(unseen, pulse))
        labels = unseen.labels.to(self._device)
        return tuple(
            Done(
                spec=student.spec,
                kept_epoch=student.kept_epoch,
                epochs=tuple(student.history),
                validation=scores(z_NC, seen.labels.to(self._device), self._teacher(student)),
                test_accuracy=compute_metrics(z_test_NC, labels).accuracy,
                weights=weights,
            )
            for student, weights, z_NC, z_test_NC in zip(ended, kept, validation, test, strict=True)
        )

    def state(self) -> tuple[dict[str, Tensor], checkpoints.Metadata]:
        """All of it as tensors by name and JSON numbers."""
        tensors: dict[str, Tensor] = {}
        numbers: checkpoints.Metadata = {"chunk": self._chunk.key, "clock": dict(vars(self.clock))}
        if self.active:
            tensors, numbers["stack"] = self._stack.state()
        numbers["students"] = []
        for place, student in enumerate(self.students):
            for kind, weights in (("best", student.learner.best), ("kept", student.kept)):
                own = (weights or {}).items()
                tensors |= {f"{kind}.{place}.{name}": value for name, value in own}
            numbers["students"].append(
                {
                    # Not asdict: it copies every number of a history that grows.
                    "record": dict(vars(student.learner.record)),
                    "history": [dict(vars(row)) for row in student.history],
                    "over": student.over,
                    "pruned": student.pruned,
                    "kept_epoch": student.kept_epoch,
                }
            )
        return tensors, numbers

    def resume(self, path: Path) -> bool:
        """Go on from a checkpoint; false where it was damaged, and this is no longer of use."""
        try:
            self._load(*checkpoints.read(path))
        except FileNotFoundError:
            return True
        except (checkpoints.DamagedFileError, KeyError, ValueError, RuntimeError, TypeError):
            checkpoints.rename_damaged(path)
            return False
        return True

    def _load(self, tensors: dict[str, Tensor], numbers: checkpoints.Metadata) -> None:
        if numbers["chunk"] != self._chunk.key:
            raise ValueError("the checkpoint of another chunk")
        for place, (student, own) in enumerate(
            zip(self.students, numbers["students"], strict=True)
        ):
            student.learner.record = TrainingRecord(**own["record"])
            student.learner.best = self._of(f"best.{place}.", tensors)
            student.history = [_row(row) for row in own["history"]]
            student.pruned = own.get("pruned", False)
            if own["over"] and not student.pruned:
                student.kept = self._of(f"kept.{place}.", tensors) or {}
                student.kept_epoch = own["kept_epoch"]
        self._narrow()
        if self.active:
            self._stack.load(tensors, numbers["stack"])
        self.clock = TrainingRecord(**numbers["clock"])

    def _of(self, prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor] | None:
        found = checkpoints.select_prefix(prefix, tensors)
        return {name: value.to(self._device) for name, value in found.items()} or None

    def _train(self, number: int, pulse: ProgressReporter) -> Tensor:
        """One step a batch; mean training loss S of the epoch."""
        sum_S = torch.zeros(len(self.active), device=self._device)
        seen = 0

        def mean() -> float:
            return float(sum_S.mean()) / seen if seen else float("nan")

        for images, z_t, labels in self._batches(number):
            pulse.training_batch(mean)
            loss_S = self._stack.step(images, z_t, labels, self._rate, number)
            sum_S.add_(loss_S, alpha=labels.shape[-1])
            seen += labels.shape[-1]
            self.clock.steps += 1
        return sum_S / seen

    def _batches(self, number: int) -> Iterator[Batch]:
        """An epoch's batches: shared by all students, or a row a student where seeds differ."""
        tasks = list({id(student.task): student.task for student in self.active}.values())
        places = torch.tensor([tasks.index(student.task) for student in self.active])
        places = places.to(self._device)
        for batches in zip(*(task.batches.epoch(number) for task in tasks), strict=True):
            told = [
                task.teacher.logits(batch)
                for task, batch in zip(tasks, batches, strict=True)
                if task.teacher is not None
            ]
            if len(tasks) == 1:
                yield batches[0].images, told[0] if told else None, batches[0].labels
                continue
            yield (
                torch.stack([batch.images for batch in batches])[places],
                torch.stack(told)[places] if told else None,
                torch.stack([batch.labels for batch in batches])[places],
            )

    def _rate(self, place: int, back: int = 0) -> float:
        """Learning rate of a student's next step, or of the one ``back`` steps ago."""
        student = self.active[place]
        plateau = student.learner.record.plateau
        step = self._stack.steps - back
        return learning_rate(student.spec.train, step, student.task.total_steps, plateau)

    def _judge(self, student: Student, z_NC: Tensor) -> Scores:
        labels = self._splits.validation.labels.to(self._device)
        found = compute_metrics(z_NC, labels)
        student.learner.record_validation(found)
        return completed(found, z_NC, labels, self._teacher(student))

    def _teacher(self, student: Student) -> Tensor | None:
        known = self._taught[student.spec.seed]
        return None if known is None else known.validation_N

    def _part(self, given_up: set[str]) -> list[Said]:
        """Take the weights of who is over out of the stack; who is given up leaves without them."""
        ended: list[Said] = []
        for student in self.active:
            if student.spec.hash in given_up and not student.learner.is_finished:
                student.pruned = True
                ended.append(StudentPruned(student.spec.hash))
            elif student.learner.is_finished:
                student.kept_epoch = student.learner.load_kept_weights()
                weights = student.learner.evaluated_net.state_dict()
                student.kept = {name: value.clone() for name, value in weights.items()}
                ended.append(StudentEnded(student.spec.hash, student.kept_epoch))
        if ended:
            self._narrow()
        return ended

    def _narrow(self) -> None:
        """Go on with those who are not over."""
        places = [place for place, student in enumerate(self.active) if not student.over]
        if len(places) < len(self.active):
            for student in self.active:
                if student.kept is not None:
                    _point(student.learner.evaluated_net, student.kept)
                elif student.pruned:
                    _let_go(student.learner)
            self.active = [self.active[place] for place in places]
            if self.active:
                self._stack.narrowed(places)
        self._look()

    def _look(self) -> None:
        """Let each learner's net look into the stack, at its own weights."""
        for place, student in enumerate(self.active):
            _point(student.learner.evaluated_net, self._stack.student(place))

    def _checked(self, split: Split, pulse: ProgressReporter) -> Iterator[Tensor]:
        """Scaled images, as many at a time as suits the whole chunk."""
        data = self._chunk.students[0].data
        for images in evaluation_batches(
            split,
            scaling=data.scaling,
            mean=self._splits.mean,
            deviation=self._splits.deviation,
            device=self._device,
            batch_size=evaluation_batch_size(self._tasks[0].macs * len(self.students)),
        ):
            pulse.check()
            yield images


def _student(spec: StageSpec, task: Task) -> Student:
    return Student(spec, task, Learner(copy.deepcopy(task.net), spec.train, task.total_steps))


def _point(net: nn.Module, weights: Weights) -> None:
    """Let a net's parameters share the memory of ``weights``."""
    for name, parameter in net.named_parameters():
        parameter.data = weights[name]


def _let_go(learner: Learner) -> None:
    """Drop the weights of who was given up, which would keep the wider stack in memory."""
    learner.best = None
    for parameter in learner.evaluated_net.parameters():
        parameter.data = parameter.data.new_empty(0)


def _row(numbers: checkpoints.Metadata) -> StudentEpoch:
    return StudentEpoch(**{**numbers, "validation": Scores(*numbers["validation"])})


def _as_chunk(emit: Listener, key: str) -> Listener:
    """Where the chunk stands, said by a clock that believes it is a stage."""
    return lambda event: emit(replace(event, stage=key))
