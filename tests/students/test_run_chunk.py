"""A chunk from its request to its result: early stopping, resuming, control, what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.students.student_examples import (
    alone,
    library,
    request,
    several,
    student,
    together,
    weights_of,
)
from tests.training.training_examples import CONV, CPU, Heard, assert_same, differ, few, made
from tsexplorer.analysis.quality import quality
from tsexplorer.errors import Cancelled
from tsexplorer.specs import StageSpec
from tsexplorer.students.chunks import ChunkResult
from tsexplorer.students.events import ChunkStarted, StudentEnded, StudentEpoch, StudentPruned
from tsexplorer.students.run_chunk import run_chunk
from tsexplorer.students.stacked_trainer import _Training
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import logits_over

STOPPING = (
    student(1, 0.9, learning_rate=2e-3, epochs=6, early_stopping=1),
    student(4, 0.2, learning_rate=0.5, epochs=6, early_stopping=1),
    student(4, 1, learning_rate=2e-3, epochs=6, early_stopping=1),
    student(4, 0.2, learning_rate=0.7, epochs=6, early_stopping=1, seed=9),
)
"""High rates stop gaining soon; low ones go on to the end."""
SETTINGS = {
    "plain": {},
    "averaging": {"averaging": 0.8, "keep": "best"},
    "plateau": {"schedule": "plateau", "learning_rate": 0.3, "optimiser": "sgd"},
    "one-cycle": {"schedule": "one-cycle", "optimiser": "adamw"},
    "adadelta": {"optimiser": "adadelta"},
    "jitter": {"jitter": 1, "max_norm": 0.5},
}


def stop_after(epoch: int, students: tuple[StageSpec, ...], folder: Path, **options) -> None:
    control = Control()

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten) and event.epoch == epoch:
            control.cancel()

    with pytest.raises(Cancelled):
        together(students, folder, control=control, listener=act, **options)


def assert_equal(one: ChunkResult, other: ChunkResult) -> None:
    """Bit by bit, but for the clock."""
    for first, second in zip(weights_of(one), weights_of(other), strict=True):
        assert_same(first, second)
    for left, right in zip(one.students, other.students, strict=True):
        assert (left.kept_epoch, left.validation) == (right.kept_epoch, right.validation)
        assert left.test_accuracy == right.test_accuracy
        rows = [[replace(row, seconds=0) for row in part.epochs] for part in (left, right)]
        assert rows[0] == rows[1]


class TestEarlyStopping:
    def test_each_stops_when_it_would_alone(self, tmp_path):
        result = together(STOPPING)
        ended = [len(one.epochs) for one in result.students]
        assert ended[0] == ended[2] == 6
        assert max(ended[1], ended[3]) < 6
        for spec, found, weights in zip(STOPPING, result.students, weights_of(result), strict=True):
            expected, heard = alone(spec, tmp_path)
            assert len(heard.of(events.EpochEnded)) == len(found.epochs)
            if spec.train.learning_rate < 0.1:  # the others leap, and so does their rounding
                for name, value in expected.items():
                    torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-5)

    def test_who_is_over_no_longer_changes_while_the_others_do(self):
        training = _Training(request(STOPPING).chunk, few(), CPU, library())
        pulse = training.attend(Heard(), Control())
        while len(training.active) == len(STOPPING):
            training.epoch(pulse)
        frozen = [one for one in training.students if one.over]
        moving = [one for one in training.students if not one.over]
        assert frozen
        assert moving
        before = [_now(one.learner.judged) for one in training.students]
        training.epoch(pulse)
        after = [_now(one.learner.judged) for one in training.students]
        for place, one in enumerate(training.students):
            if one in frozen:
                assert_same(before[place], after[place])
                assert_same(one.kept, after[place])
            else:
                assert differ(before[place], after[place])

    def test_who_is_over_is_said_once(self):
        heard = Heard()
        result = together(STOPPING, listener=heard)
        ended = heard.of(StudentEnded)
        assert sorted(event.stage for event in ended) == sorted(one.hash for one in STOPPING)
        kept = {event.stage: event.kept_epoch for event in ended}
        assert all(kept[one.spec.hash] == one.kept_epoch for one in result.students)


def _now(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


class TestResuming:
    @pytest.mark.parametrize("setting", SETTINGS)
    def test_a_stopped_chunk_ends_in_the_bits_of_one_that_never_was(self, tmp_path, setting):
        students = several(**({"epochs": 4} | SETTINGS[setting]))
        whole = together(students, tmp_path / "whole")
        stop_after(2, students, tmp_path / "resumed")
        heard = Heard()
        found = together(students, tmp_path / "resumed", listener=heard)
        assert_equal(found, whole)
        assert {row.epoch for row in heard.of(StudentEpoch)} == {3, 4}
        (started,) = heard.of(ChunkStarted)
        assert {row.epoch for row in started.earlier} == {1, 2}
        assert_equal(together(students), whole)

    @pytest.mark.parametrize("epoch", [1, 2, 3, 4])
    def test_also_where_some_were_over(self, tmp_path, epoch):
        whole = together(STOPPING)
        stop_after(epoch, STOPPING, tmp_path)
        assert_equal(together(STOPPING, tmp_path), whole)

    def test_a_chunk_that_is_done_trains_no_more(self, tmp_path):
        whole = together(STOPPING, tmp_path)
        heard = Heard()
        assert_equal(together(STOPPING, tmp_path, listener=heard), whole)
        assert not heard.of(StudentEpoch)

    @pytest.mark.parametrize("kind", ["cut", "of another chunk"])
    def test_damaged_checkpoint_is_set_aside_and_said(self, tmp_path, kind):
        students = several(epochs=3)
        path = tmp_path / checkpoints.CHECKPOINT
        if kind == "cut":
            stop_after(1, students, tmp_path)
            path.write_bytes(path.read_bytes()[:5000])
        else:
            stop_after(1, students[:3], tmp_path)
        heard = Heard()
        found = together(students, tmp_path, listener=heard)
        assert_equal(found, together(students))
        assert len(heard.of(events.Notice)) == 1
        assert path.with_suffix(".damaged").exists()

    def test_no_folder_no_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        heard = Heard()
        together(several(), listener=heard)
        assert not heard.of(events.CheckpointWritten)
        assert not list(tmp_path.rglob("*.safetensors"))


class TestControl:
    def test_cancel_is_heard_within_an_epoch(self, tmp_path):
        control = Control()
        looks = iter(range(1000))
        control.check = lambda: control.cancel() if next(looks) == 12 else Control.check(control)
        with pytest.raises(Cancelled):
            together(several(epochs=30), tmp_path, control=control)
        assert next(looks) == 14

    def test_step_holds_after_the_epoch(self):
        control = Control()
        control.step()
        held = []

        def listen(event: events.Event) -> None:
            if isinstance(event, StudentEpoch) and event.epoch == 2:
                held.append(event)

        check = control.check

        def look() -> float:
            if control.paused:
                assert not held
                control.cancel()
            return check()

        control.check = look
        with pytest.raises(Cancelled):
            together(several(epochs=3), control=control, listener=listen)

    def test_a_listener_that_raises_stops_nothing(self):
        def listen(_event: events.Event) -> None:
            raise ZeroDivisionError

        assert_equal(together(several(), listener=listen), together(several()))


class TestFigures:
    def test_kept_weights_have_the_figures_that_are_given(self):
        spec = student(3, 0.2, epochs=3)
        (one,) = together([spec]).students
        task = made(spec, library())
        task.net.load_state_dict({name: torch.tensor(a) for name, a in one.weights.items()})
        z_NC = logits_over(task.net, task.validation_batches()).numpy()
        z_t_NC = logits_over(task.teacher_net, task.validation_batches()).numpy()
        expected = quality(z_NC, z_t_NC, few().validation.labels.numpy(), 1.0)
        assert one.validation.accuracy == expected.accuracy
        assert one.validation.agreement == pytest.approx(expected.agreement)
        assert one.validation.ece == pytest.approx(expected.ece, abs=1e-6)
        assert one.epochs[-1].validation == pytest.approx(one.validation, abs=1e-6)

    def test_who_diverges_leaves_the_others_alone(self):
        # Each step multiplies the wild one's weights by about 1000.
        settings = {"optimiser": "sgd", "epochs": 5, "weight_decay": 1}
        calm = [student(4, 0.5, learning_rate=1e-3, **settings)]
        wild = student(4, 0.5, learning_rate=1000, **settings)
        result = together([*calm, wild])
        assert not np.isfinite(result.students[1].validation.loss)
        assert result.students[1].validation.ece is None
        undisturbed = weights_of(together(calm))[0]
        for name, value in weights_of(result)[0].items():
            torch.testing.assert_close(value, undisturbed[name], rtol=0, atol=1e-6)

    def test_weights_come_only_if_asked_for(self):
        asked = replace(request(several()), with_weights=False)
        result = run_chunk(asked, Heard(), Control(), few())
        assert all(one.weights is None for one in result.students)
        assert result.seconds > 0
        assert "CPU" in result.machine


class TestOneAfterTheOther:
    SPECS = tuple(student(temperature, 0.2, model=CONV) for temperature in (1, 4))

    def test_results_are_those_of_training_alone(self, tmp_path):
        heard = Heard()
        result = together(self.SPECS, stacked=False, listener=heard)
        for spec, one, weights in zip(self.SPECS, result.students, weights_of(result), strict=True):
            expected, said = alone(spec, tmp_path)
            assert_same(weights, expected)
            rows = said.of(events.EpochEnded)
            assert [row.validation.loss for row in one.epochs] == [
                row.validation_loss for row in rows
            ]
            assert one.test_accuracy == said.of(events.StageEnded)[0].test_accuracy
            assert one.validation.agreement is not None
        assert {event.stage for event in heard.of(StudentEpoch)} == {s.hash for s in self.SPECS}
        assert [event.stage for event in heard.of(StudentEnded)] == [s.hash for s in self.SPECS]

    def test_what_is_done_stays_done(self, tmp_path):
        whole = together(self.SPECS, stacked=False)
        control = Control()

        def act(event: events.Event) -> None:
            if isinstance(event, StudentEpoch) and event.stage == self.SPECS[1].hash:
                control.cancel()

        with pytest.raises(Cancelled):
            together(self.SPECS, tmp_path, stacked=False, listener=act, control=control)
        heard = Heard()
        assert_equal(
            together(self.SPECS, tmp_path, stacked=False, listener=heard),
            whole,
        )
        checkpoints = [event.stage for event in heard.of(events.CheckpointWritten)]
        assert set(checkpoints) == {self.SPECS[1].hash}


def test_the_teachers_answers_are_computed_once_for_all_chunks(monkeypatch):
    from tsexplorer.students import student_scores
    from tsexplorer.training.task import Task

    student_scores._kept.clear()
    asked = []
    attend = Task.attend_teachers
    monkeypatch.setattr(
        Task, "attend_teachers", lambda self, *rest: (asked.append(1), attend(self, *rest))[1]
    )
    first = together(several())
    again = together(several())
    assert asked == [1]
    assert_equal(first, again)
    together(several(), splits=few(train=80))
    assert asked == [1, 1]


def test_pulse_speaks_for_the_chunk(monkeypatch):
    monkeypatch.setattr("tsexplorer.training.progress.INTERVAL", 0.0)
    heard = Heard()
    result = together(several(), listener=heard)
    said = heard.of(events.Progress)
    assert {event.stage for event in said} == {result.key}
    assert said[-1].fraction <= 1
    assert any(event.loss for event in said)


class TestGivingUp:
    STUDENTS = several(epochs=4, keep="best")
    GIVEN_UP = frozenset({STUDENTS[1].hash, STUDENTS[2].hash})

    def give_up(self, rows):
        """Two students, after their second epoch."""
        return self.GIVEN_UP & {row.stage for row in rows if row.epoch == 2}

    def trained(self, folder=None, *, stacked, listener=None, control=None):
        asked = request(self.STUDENTS, folder, stacked=stacked)
        heard, steered = listener or Heard(), control or Control()
        return run_chunk(asked, heard, steered, few(), self.give_up)

    @pytest.mark.parametrize("stacked", [True, False])
    def test_the_others_end_as_without_them(self, stacked):
        heard = Heard()
        found = self.trained(stacked=stacked, listener=heard)
        left = tuple(one for one in self.STUDENTS if one.hash not in self.GIVEN_UP)
        expected = together(left, stacked=stacked)
        assert [one.spec for one in found.students] == list(left)
        for own, other in zip(weights_of(found), weights_of(expected), strict=True):
            for name, value in other.items():
                torch.testing.assert_close(own[name], value, rtol=0, atol=1e-5)
        assert {one.stage for one in heard.of(StudentPruned)} == self.GIVEN_UP
        assert not {one.stage for one in heard.of(StudentEnded)} & self.GIVEN_UP
        epochs = [one.epoch for one in heard.of(StudentEpoch) if one.stage in self.GIVEN_UP]
        assert sorted(epochs) == [1, 1, 2, 2]

    def test_who_was_given_up_stays_so_when_the_chunk_is_resumed(self, tmp_path):
        control, heard = Control(), Heard()

        def act(event):
            if isinstance(event, events.CheckpointWritten) and event.epoch == 3:
                control.cancel()

        with pytest.raises(Cancelled):
            self.trained(tmp_path, stacked=True, listener=act, control=control)
        found = self.trained(tmp_path, stacked=True, listener=heard)
        assert_equal(found, self.trained(stacked=True))
        assert {one.stage for one in heard.of(StudentEpoch)}.isdisjoint(self.GIVEN_UP)

    def test_nobody_is_left(self):
        asked = request(self.STUDENTS, stacked=True)
        keys = {one.hash for one in self.STUDENTS}
        found = run_chunk(asked, Heard(), Control(), few(), lambda _: keys)
        assert found.students == ()

    def test_seeds_that_are_not_begun_are_not_trained(self):
        heard = Heard()
        keys = {one.hash for one in self.STUDENTS}
        asked = request(self.STUDENTS, stacked=False)
        run_chunk(asked, heard, Control(), few(), lambda _: keys)
        assert len(heard.of(StudentEpoch)) == 1
        assert len(heard.of(StudentPruned)) == len(keys)
