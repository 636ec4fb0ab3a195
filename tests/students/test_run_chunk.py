"""A chunk from its request to its result: events, resuming, control, pruning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.students.student_examples import (
    STOPPING,
    make_request,
    make_student,
    make_students,
    train_alone,
    train_chunk,
    weights_of,
)
from tests.training.training_examples import CONV, EventRecorder, assert_equal_weights, small_splits
from tsexplorer.errors import Cancelled
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import ChunkResult
from tsexplorer.students.events import ChunkStarted, StudentEnded, StudentEpoch, StudentPruned
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control

SETTINGS = {
    "plain": {},
    "averaging": {"averaging": 0.8, "keep": "best"},
    "plateau": {"schedule": "plateau", "learning_rate": 0.3, "optimiser": "sgd"},
    "one-cycle": {"schedule": "one-cycle", "optimiser": "adamw"},
    "adadelta": {"optimiser": "adadelta"},
    "jitter": {"jitter": 1, "max_norm": 0.5},
}


def train_until(epoch: int, students: tuple[StageSpec, ...], folder: Path) -> None:
    """Cancel a chunk when the checkpoint of an epoch is written."""
    control = Control()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and event.epoch == epoch:
            control.cancel()

    with pytest.raises(Cancelled):
        train_chunk(students, folder, control=control, listener=listen)


def assert_equal(result: ChunkResult, expected: ChunkResult) -> None:
    """Compare bit by bit, except for times."""
    for weights, expected_weights in zip(weights_of(result), weights_of(expected), strict=True):
        assert_equal_weights(weights, expected_weights)
    for student, other in zip(result.students, expected.students, strict=True):
        assert (student.kept_epoch, student.validation) == (other.kept_epoch, other.validation)
        assert student.test_accuracy == other.test_accuracy
        rows, other_rows = (
            [replace(row, seconds=0) for row in trained.epochs] for trained in (student, other)
        )
        assert rows == other_rows


class TestResuming:
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_resumed_chunk_ends_with_the_same_bits(self, tmp_path, setting):
        students = make_students(**({"epochs": 4} | SETTINGS[setting]))
        uninterrupted = train_chunk(students, tmp_path / "uninterrupted")
        train_until(2, students, tmp_path / "resumed")
        listener = EventRecorder()
        assert_equal(train_chunk(students, tmp_path / "resumed", listener=listener), uninterrupted)
        assert {row.epoch for row in listener.of(StudentEpoch)} == {3, 4}
        (started,) = listener.of(ChunkStarted)
        assert {row.epoch for row in started.earlier} == {1, 2}
        assert_equal(train_chunk(students), uninterrupted)

    @pytest.mark.parametrize("epoch", [1, 2, 3, 4])
    def test_chunk_with_finished_students_resumes(self, tmp_path, epoch):
        uninterrupted = train_chunk(STOPPING)
        train_until(epoch, STOPPING, tmp_path)
        assert_equal(train_chunk(STOPPING, tmp_path), uninterrupted)

    def test_finished_chunk_trains_no_more(self, tmp_path):
        first = train_chunk(STOPPING, tmp_path)
        listener = EventRecorder()
        assert_equal(train_chunk(STOPPING, tmp_path, listener=listener), first)
        assert not listener.of(StudentEpoch)

    @pytest.mark.parametrize("damage", ["truncated", "of another chunk"])
    def test_damaged_checkpoint_is_set_aside_with_a_notice(self, tmp_path, damage):
        students = make_students(epochs=3)
        path = tmp_path / checkpoints.CHECKPOINT
        if damage == "truncated":
            train_until(1, students, tmp_path)
            path.write_bytes(path.read_bytes()[:5000])
        else:
            train_until(1, students[:3], tmp_path)
        listener = EventRecorder()
        assert_equal(train_chunk(students, tmp_path, listener=listener), train_chunk(students))
        assert len(listener.of(events.Notice)) == 1
        assert path.with_suffix(".damaged").exists()

    def test_chunk_without_a_folder_writes_no_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        listener = EventRecorder()
        train_chunk(make_students(), listener=listener)
        assert not listener.of(events.CheckpointWritten)
        assert not list(tmp_path.rglob("*.safetensors"))


class TestControl:
    def test_cancel_takes_effect_within_an_epoch(self, tmp_path):
        control = Control()
        checks = iter(range(1000))
        control.check = lambda: control.cancel() if next(checks) == 12 else Control.check(control)
        with pytest.raises(Cancelled):
            train_chunk(make_students(epochs=30), tmp_path, control=control)
        assert next(checks) == 14

    def test_step_pauses_after_one_epoch(self):
        control = Control()
        control.step()
        second_epochs = []

        def listen(event: events.Event) -> None:
            if isinstance(event, StudentEpoch) and event.epoch == 2:
                second_epochs.append(event)

        check = control.check

        def cancel_when_paused() -> float:
            if control.paused:
                assert not second_epochs
                control.cancel()
            return check()

        control.check = cancel_when_paused
        with pytest.raises(Cancelled):
            train_chunk(make_students(epochs=3), control=control, listener=listen)

    def test_exception_of_a_listener_does_not_stop_training(self):
        def listen(_event: events.Event) -> None:
            raise ZeroDivisionError

        assert_equal(train_chunk(make_students(), listener=listen), train_chunk(make_students()))

    def test_progress_events_are_those_of_the_chunk(self, monkeypatch):
        monkeypatch.setattr("tsexplorer.training.progress.INTERVAL", 0.0)
        listener = EventRecorder()
        result = train_chunk(make_students(), listener=listener)
        progress = listener.of(events.Progress)
        assert {event.stage for event in progress} == {result.key}
        assert progress[-1].fraction <= 1
        assert any(event.loss for event in progress)


def test_result_has_the_time_and_the_machine():
    result = train_chunk(make_students(epochs=1))
    assert result.seconds > 0
    assert "CPU" in result.machine


@pytest.mark.usefixtures("float64")
def test_diverging_student_does_not_affect_the_others():
    # Each step multiplies the diverging student's weights by about 1000; 50 steps overflow float64.
    settings = {"optimiser": "sgd", "epochs": 10, "weight_decay": 1}
    stable = make_student(4, 0.5, learning_rate=1e-3, **settings)
    diverging = make_student(4, 0.5, learning_rate=1000, **settings)
    result = train_chunk([stable, diverging])
    assert not np.isfinite(result.students[1].validation.loss)
    assert result.students[1].validation.ece is None
    (expected,) = weights_of(train_chunk([stable]))
    for name, value in weights_of(result)[0].items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-9)


class TestSequentialChunk:
    SPECS = tuple(make_student(temperature, 0.2, model=CONV) for temperature in (1, 4))

    def test_results_equal_those_of_training_alone(self, tmp_path):
        listener = EventRecorder()
        result = train_chunk(self.SPECS, stacked=False, listener=listener)
        for spec, student, weights in zip(
            self.SPECS, result.students, weights_of(result), strict=True
        ):
            expected, alone = train_alone(spec, tmp_path)
            assert_equal_weights(weights, expected)
            losses = [row.validation_loss for row in alone.of(events.EpochEnded)]
            assert [row.validation.loss for row in student.epochs] == losses
            assert student.test_accuracy == alone.of(events.StageEnded)[0].test_accuracy
            assert student.validation.agreement is not None
        hashes = [spec.hash for spec in self.SPECS]
        assert {event.stage for event in listener.of(StudentEpoch)} == set(hashes)
        assert [event.stage for event in listener.of(StudentEnded)] == hashes

    def test_finished_students_are_not_trained_again(self, tmp_path):
        control = Control()

        def listen(event: events.Event) -> None:
            if isinstance(event, StudentEpoch) and event.stage == self.SPECS[1].hash:
                control.cancel()

        with pytest.raises(Cancelled):
            train_chunk(self.SPECS, tmp_path, stacked=False, listener=listen, control=control)
        listener = EventRecorder()
        result = train_chunk(self.SPECS, tmp_path, stacked=False, listener=listener)
        assert_equal(result, train_chunk(self.SPECS, stacked=False))
        written = {event.stage for event in listener.of(events.CheckpointWritten)}
        assert written == {self.SPECS[1].hash}


class TestPruning:
    STUDENTS = make_students(epochs=4, keep="best")
    HASHES = frozenset(student.hash for student in STUDENTS)
    PRUNED = frozenset({STUDENTS[1].hash, STUDENTS[2].hash})

    def prune(self, rows):
        """Stop two students after their second epoch."""
        return self.PRUNED & {row.stage for row in rows if row.epoch == 2}

    def train(self, folder=None, *, stacked, listener=None, control=None):
        request = make_request(self.STUDENTS, folder, stacked=stacked)
        return run_chunk(
            request, listener or EventRecorder(), control or Control(), small_splits(), self.prune
        )

    @pytest.mark.usefixtures("float64")
    @pytest.mark.parametrize("stacked", [True, False])
    def test_other_students_end_as_without_the_pruned_ones(self, stacked):
        listener = EventRecorder()
        result = self.train(stacked=stacked, listener=listener)
        others = tuple(spec for spec in self.STUDENTS if spec.hash not in self.PRUNED)
        expected = train_chunk(others, stacked=stacked)
        assert [student.spec for student in result.students] == list(others)
        for weights, expected_weights in zip(weights_of(result), weights_of(expected), strict=True):
            for name, value in expected_weights.items():
                torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-9)
        assert {event.stage for event in listener.of(StudentPruned)} == self.PRUNED
        assert not {event.stage for event in listener.of(StudentEnded)} & self.PRUNED
        rows = [row for row in listener.of(StudentEpoch) if row.stage in self.PRUNED]
        assert sorted(row.epoch for row in rows) == [1, 1, 2, 2]

    def test_pruned_students_stay_pruned_in_a_resumed_chunk(self, tmp_path):
        control, listener = Control(), EventRecorder()

        def listen(event: events.Event) -> None:
            if isinstance(event, events.CheckpointWritten) and event.epoch == 3:
                control.cancel()

        with pytest.raises(Cancelled):
            self.train(tmp_path, stacked=True, listener=listen, control=control)
        result = self.train(tmp_path, stacked=True, listener=listener)
        assert_equal(result, self.train(stacked=True))
        assert {row.stage for row in listener.of(StudentEpoch)}.isdisjoint(self.PRUNED)

    def test_all_students_can_be_pruned(self):
        request = make_request(self.STUDENTS, stacked=True)
        result = run_chunk(
            request, EventRecorder(), Control(), small_splits(), lambda _: self.HASHES
        )
        assert result.students == ()

    def test_students_pruned_before_their_start_do_not_train(self):
        listener = EventRecorder()
        request = make_request(self.STUDENTS, stacked=False)
        run_chunk(request, listener, Control(), small_splits(), lambda _: self.HASHES)
        assert len(listener.of(StudentEpoch)) == 1
        assert len(listener.of(StudentPruned)) == len(self.HASHES)
