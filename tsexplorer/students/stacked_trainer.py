"""Training of a chunk whose students share a stack.

Each student is validated as if it trained alone: a :class:`~tsexplorer.training.learner.Learner`,
whose net shares its memory with the stack, keeps its record and its best weights and decides when
it has finished. A student that has finished leaves the stack: its weights no longer change, and the
other students do not wait for it.

Shape suffixes: S students in the stack, B batch, N images, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tsexplorer.data.batches import evaluation_batches
from tsexplorer.data.registry import Split, Splits
from tsexplorer.objectives import get_objective
from tsexplorer.students.chunks import Chunk, StudentResult, as_arrays
from tsexplorer.students.events import (
    ChunkStarted,
    PruningRule,
    Scores,
    StudentEnded,
    StudentEpoch,
    StudentPruned,
    prune_nothing,
)
from tsexplorer.students.stacked_step import Stack, stacked_logits
from tsexplorer.students.stacked_student import StackedStudent
from tsexplorer.students.student_scores import TeacherPredictions, attach_teacher, compute_scores
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import compute_metrics
from tsexplorer.training.events import CheckpointWritten, Event, Listener, Notice
from tsexplorer.training.learner import TrainingRecord
from tsexplorer.training.optimisation import learning_rate
from tsexplorer.training.progress import ProgressReporter
from tsexplorer.training.responsiveness import evaluation_batch_size
from tsexplorer.training.task import StageLoader, Task, prepare

StackBatch = tuple[Tensor, Tensor | None, Tensor, Tensor | None]
"""Images, teacher logits, labels and their weights: for all students, or with S as first dimension.
"""
StudentEvent = StudentEpoch | StudentEnded | StudentPruned


def train_stacked(
    chunk: Chunk,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    folder: Path | None,
    emit: Listener,
    control: Control,
    prune: PruningRule,
) -> tuple[tuple[StudentResult, ...], float]:
    """Train a chunk to its end, from the checkpoint in ``folder`` if there is one.

    Args:
        chunk: the students.
        splits: their dataset.
        device: device to train on.
        trained: returns spec and weights of a stage by its hash.
        folder: for the checkpoint; None writes none.
        emit: receives the events.
        control: pause, resume, step, cancel.
        prune: selects after each epoch the students to stop.

    Returns:
        The students in the order of the chunk, without those that were pruned, and the seconds of
        training.

    Raises:
        Cancelled: on request of ``control``; the checkpoint of the last epoch remains.
        UserError: the disk is full, or a similar problem, in one sentence.
    """
    training = StackedTraining(chunk, splits, device, trained)
    if folder is not None and not training.resume(folder / CHECKPOINT):
        emit(Notice(chunk.key, "A damaged checkpoint was set aside; these students start again."))
        training = StackedTraining(chunk, splits, device, trained)
    started = ChunkStarted(
        chunk.key,
        tuple(student.spec.hash for student in training.students),
        chunk.students[0].train.epochs,
        training.history,
        chunk.sentence,
    )
    emit(started)
    reporter = training.start(emit, control)
    while training.active:
        for event in training.train_epoch(reporter, prune):
            emit(event)
        if folder is not None:
            checkpoints.write(folder / CHECKPOINT, *training.state())
            emit(CheckpointWritten(chunk.key, training.clock.epoch))
        if training.active:
            control.epoch_ended()
    return training.evaluate(reporter), training.clock.seconds


class StackedTraining:
    """The training of one chunk in a stack.

    Attributes:
        students: all students of the chunk.
        active: the students that still train, in the order of the stack.
        clock: epochs, steps and seconds so far.
    """

    def __init__(
        self, chunk: Chunk, splits: Splits, device: torch.device, trained: StageLoader
    ) -> None:
        """Prepare the students; arguments as for :func:`train_stacked`."""
        self._chunk, self._splits, self._device = chunk, splits, device
        tasks: dict[int, Task] = {}
        for spec in chunk.students:
            if spec.seed not in tasks:
                tasks[spec.seed] = prepare(spec, splits, device, trained)
        self._tasks = list(tasks.values())
        self.students = [StackedStudent.create(spec, tasks[spec.seed]) for spec in chunk.students]
        self.active = list(self.students)
        self.clock = TrainingRecord()
        self._stack = Stack(
            [student.learner.net for student in self.students],  # type: ignore[misc]
            list(chunk.students),
            get_objective(chunk.students[0].objective.name),
        )
        self._teachers: dict[int, TeacherPredictions | None] = {}
        self._share_weights()

    @property
    def history(self) -> tuple[StudentEpoch, ...]:
        """Metrics of all students and epochs so far."""
        return tuple(row for student in self.students for row in student.history)

    def start(self, emit: Listener, control: Control) -> ProgressReporter:
        """Start the clock and get the outputs of the teachers ready."""

        def emit_for_chunk(event: Event) -> None:
            emit(replace(event, stage=self._chunk.key))

        reporter = ProgressReporter(self._tasks[0], self.clock, emit_for_chunk, control)
        for task in self._tasks:
            task.add_cancel_hooks(reporter.check)  # a teacher that runs with each batch can be slow
            self._teachers[task.spec.seed] = attach_teacher(task, reporter.teacher_batch)
        return reporter

    def train_epoch(
        self, reporter: ProgressReporter, prune: PruningRule = prune_nothing
    ) -> list[StudentEvent]:
        """Train and validate one epoch, then remove the students that are over from the stack."""
        number = self.clock.epoch + 1
        reporter.epoch_started(number)
        loss_S = self._train_batches(number, reporter)
        rates = [self._rate(index, steps_ago=1) for index in range(len(self.active))]
        z_SNC = self._stack.compute_logits(
            self._evaluation_images(self._splits.validation, reporter)
        )
        self.clock.epoch, self.clock.seconds = number, reporter.seconds
        rows: list[StudentEpoch] = []
        for student, loss, rate, z_NC in zip(
            self.active, loss_S.tolist(), rates, z_SNC, strict=True
        ):
            student.learner.record.steps = self._stack.steps
            row = StudentEpoch(
                student.spec.hash,
                epoch=number,
                train_loss=loss,
                validation=self._validate(student, z_NC),
                learning_rate=rate,
                seconds=reporter.epoch_seconds,
            )
            student.history.append(row)
            rows.append(row)
        return [*rows, *self._end_students(set(prune(rows)))]

    def evaluate(self, reporter: ProgressReporter) -> tuple[StudentResult, ...]:
        """Evaluate the kept weights on validation and, once, on test."""
        kept = [
            (student, student.kept_weights)
            for student in self.students
            if student.kept_weights is not None
        ]
        if not kept:
            return ()
        net, weights = self._tasks[0].net, [weights for _, weights in kept]
        validation, test = self._splits.validation, self._splits.test
        z_SNC = stacked_logits(net, weights, self._evaluation_images(validation, reporter))
        z_test_SNC = stacked_logits(net, weights, self._evaluation_images(test, reporter))
        validation_labels = validation.labels.to(self._device)
        test_labels = test.labels.to(self._device)
        return tuple(
            StudentResult(
                spec=student.spec,
                kept_epoch=student.kept_epoch,
                epochs=tuple(student.history),
                validation=compute_scores(z_NC, validation_labels, self._teacher_classes(student)),
                test_accuracy=compute_metrics(z_test_NC, test_labels).accuracy,
                weights=as_arrays(student_weights),
            )
            for (student, student_weights), z_NC, z_test_NC in zip(
                kept, z_SNC, z_test_SNC, strict=True
            )
        )

    def state(self) -> tuple[dict[str, Tensor], checkpoints.Metadata]:
        """State for a checkpoint: tensors by name, and values for JSON."""
        tensors: dict[str, Tensor] = {}
        numbers: checkpoints.Metadata = {"chunk": self._chunk.key, "clock": dict(vars(self.clock))}
        if self.active:
            tensors, numbers["stack"] = self._stack.state()
        for index, student in enumerate(self.students):
            for kind, weights in (("best", student.learner.best), ("kept", student.kept_weights)):
                for name, value in (weights or {}).items():
                    tensors[f"{kind}.{index}.{name}"] = value
        numbers["students"] = [student.metadata() for student in self.students]
        return tensors, numbers

    def resume(self, path: Path) -> bool:
        """Restore the training from a checkpoint, if there is one.

        Returns:
            Whether the training can go on. False if the checkpoint is damaged; then the file is set
            aside, and this object must not be used.
        """
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

        def select(prefix: str) -> dict[str, Tensor]:
            weights = checkpoints.select_prefix(prefix, tensors)
            return {name: value.to(self._device) for name, value in weights.items()}

        for index, (student, student_numbers) in enumerate(
            zip(self.students, numbers["students"], strict=True)
        ):
            student.load(select(f"best.{index}."), select(f"kept.{index}."), student_numbers)
        self._remove_ended()
        if self.active:
            self._stack.load(tensors, numbers["stack"])
        self.clock = TrainingRecord(**numbers["clock"])

    def _train_batches(self, number: int, reporter: ProgressReporter) -> Tensor:
        """Take one step for each batch; returns the mean training loss S of the epoch."""
        sum_S = torch.zeros(len(self.active), device=self._device)
        images_seen = 0

        def mean_loss() -> float:
            return float(sum_S.mean()) / images_seen if images_seen else float("nan")

        for images, z_t, labels, weights in self._batches(number):
            reporter.training_batch(mean_loss)
            loss_S = self._stack.step(images, z_t, labels, self._rate, number, weights)
            sum_S.add_(loss_S, alpha=labels.shape[-1])
            images_seen += labels.shape[-1]
            self.clock.steps += 1
        return sum_S / images_seen

    def _batches(self, number: int) -> Iterator[StackBatch]:
        """Batches of an epoch: one for all students, or one for each where seeds differ."""
        tasks = list({id(student.task): student.task for student in self.active}.values())
        task_S = torch.tensor([tasks.index(student.task) for student in self.active])
        task_S = task_S.to(self._device)
        for batches in zip(*(task.batches.epoch(number) for task in tasks), strict=True):
            teacher_logits = [
                task.teacher.logits(batch)
                for task, batch in zip(tasks, batches, strict=True)
                if task.teacher is not None
            ]
            weights = [batch.label_weights for batch in batches if batch.label_weights is not None]
            if len(tasks) == 1:
                z_t_BC = teacher_logits[0] if teacher_logits else None
                yield batches[0].images, z_t_BC, batches[0].labels, batches[0].label_weights
                continue
            yield (
                torch.stack([batch.images for batch in batches])[task_S],
                torch.stack(teacher_logits)[task_S] if teacher_logits else None,
                torch.stack([batch.labels for batch in batches])[task_S],
                torch.stack(weights)[task_S] if weights else None,
            )

    def _rate(self, index: int, steps_ago: int = 0) -> float:
        """Learning rate of a student's next step, or of an earlier one."""
        student = self.active[index]
        plateau = student.learner.record.plateau
        step = self._stack.steps - steps_ago
        return learning_rate(student.spec.train, step, student.task.total_steps, plateau)

    def _validate(self, student: StackedStudent, z_NC: Tensor) -> Scores:
        """Update the student's record with the logits of an epoch."""
        labels = self._splits.validation.labels.to(self._device)
        metrics = compute_metrics(z_NC, labels)
        student.learner.record_validation(metrics)
        return compute_scores(z_NC, labels, self._teacher_classes(student), metrics)

    def _teacher_classes(self, student: StackedStudent) -> Tensor | None:
        """Classes that the student's teacher predicts for the validation images."""
        predictions = self._teachers[student.spec.seed]
        return None if predictions is None else predictions.validation_N

    def _end_students(self, pruned: set[str]) -> list[StudentEvent]:
        """Finish or prune students after an epoch; both leave the stack."""
        events: list[StudentEvent] = []
        for student in self.active:
            if student.learner.is_finished:
                student.finish()
                events.append(StudentEnded(student.spec.hash, student.kept_epoch))
            elif student.spec.hash in pruned:
                student.pruned = True
                events.append(StudentPruned(student.spec.hash))
        if events:
            self._remove_ended()
        return events

    def _remove_ended(self) -> None:
        """Keep only the students in the stack that still train."""
        indices = [index for index, student in enumerate(self.active) if not student.is_over]
        if len(indices) < len(self.active):
            for student in self.active:
                if student.is_over:
                    student.leave_stack()
            self.active = [self.active[index] for index in indices]
            if self.active:
                self._stack.keep_only(indices)
        self._share_weights()

    def _share_weights(self) -> None:
        """Make the parameters of each learner's net views of the stack."""
        for index, student in enumerate(self.active):
            student.use_weights(self._stack.student_weights(index))

    def _evaluation_images(self, split: Split, reporter: ProgressReporter) -> Iterator[Tensor]:
        """Scaled images, in batches of a size that suits the number of students."""
        data = self._chunk.students[0].data
        for images in evaluation_batches(
            split,
            self._splits.normalisation(data.scaling),
            device=self._device,
            batch_size=evaluation_batch_size(self._tasks[0].macs * len(self.students)),
        ):
            reporter.check()
            yield images
