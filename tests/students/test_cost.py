"""Estimates of training time, measured on this machine."""

from __future__ import annotations

import pytest

from tests.students.student_examples import make_request, make_student, make_students
from tests.training.training_examples import CONV, small_splits
from tsexplorer.students import cost
from tsexplorer.students.cost import ChunkSpeed, estimate_cost, measure_chunk, measure_teacher


@pytest.mark.parametrize("stacked", [True, False])
def test_measurement_returns_seconds_and_leaves_no_file(tmp_path, monkeypatch, stacked):
    monkeypatch.chdir(tmp_path)
    students = make_students(epochs=1, early_stopping=1)
    speed = measure_chunk(make_request(students, stacked=stacked), small_splits())
    assert 0 <= speed.step < 1
    assert 0 <= speed.epoch < 5
    assert speed.step + speed.epoch > 0
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.fixture
def measured(monkeypatch) -> list[str]:
    """Keys of the chunks measured on a machine with 2 s a step, 10 s an epoch, 0.5 s a teacher."""
    keys: list[str] = []

    def measure(request, _splits) -> ChunkSpeed:
        keys.append(request.chunk.key)
        return ChunkSpeed(2.0, 10.0)

    monkeypatch.setattr(cost, "measure_chunk", measure)
    monkeypatch.setattr(cost, "measure_teacher", lambda *_: 0.5)
    return keys


def test_times_of_chunks_are_added(measured):
    requests = [make_request(make_students(epochs=3, seed=seed)) for seed in (3, 9)]
    estimate = estimate_cost(requests, small_splits())
    # 90 images in batches of 20 are 5 steps.
    assert estimate.seconds == 2 * 3 * (5 * 2 + 10) + 0.5
    assert (estimate.students, estimate.chunks) == (10, 2)
    assert len(measured) == 1  # both chunks are of one kind


def test_times_of_sequential_students_are_added(measured):
    students = [make_student(temperature, 0, model=CONV) for temperature in (1, 2, 3)]
    estimate = estimate_cost([make_request(students, stacked=False)], small_splits())
    assert estimate.seconds == 3 * 2 * (5 * 2 + 10) + 0.5


def test_chunk_of_another_size_is_measured(measured):
    students = make_students()
    estimate_cost([make_request(students), make_request(students[:2])], small_splits())
    assert len(measured) == 2


def test_no_chunks_cost_nothing():
    assert estimate_cost([], small_splits()).seconds == 0


def test_teacher_costs_time_if_its_outputs_are_cached():
    assert measure_teacher(make_request(make_students()), small_splits()) > 0
    assert measure_teacher(make_request(make_students(jitter=4, epochs=1)), small_splits()) == 0
