"""What a sweep will cost, measured on the spot."""

from __future__ import annotations

import pytest

from tests.students.student_examples import request, several, student
from tests.training.training_examples import CONV, few
from tsexplorer.students import cost as costs
from tsexplorer.students.cost import Pace, cost, pace


def test_a_measurement_takes_steps_and_gives_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = pace(request(several(epochs=1, early_stopping=1)), few())
    assert 0 <= found.step < 1
    assert 0 <= found.epoch < 5
    assert found.step + found.epoch > 0
    assert not list(tmp_path.rglob("*.safetensors"))


def test_students_that_train_apart_are_measured_by_one():
    spec = student(model=CONV)
    found = pace(request([spec, student(1, 0, model=CONV)], stacked=False), few())
    assert found.step + found.epoch > 0


@pytest.fixture
def known(monkeypatch) -> list[str]:
    """A machine that takes 2 s a step and 10 s an epoch, and no time for the teacher."""
    asked: list[str] = []

    def measured(one, _splits) -> Pace:
        asked.append(one.chunk.key)
        return Pace(2.0, 10.0)

    monkeypatch.setattr(costs, "pace", measured)
    monkeypatch.setattr(costs, "_teacher_seconds", lambda *_: 0.5)
    return asked


def test_chunks_add_up(known):
    first, second = several(epochs=3), several(epochs=3, seed=9)
    found = cost([request(first), request(second)], few())
    # 90 images in batches of 20 are 5 steps.
    assert found.seconds == 2 * 3 * (5 * 2 + 10) + 0.5
    assert (found.students, found.chunks) == (10, 2)
    assert len(known) == 1  # the second is of the first one's kind


def test_students_that_train_apart_add_up(known):
    specs = [student(temperature, 0, model=CONV) for temperature in (1, 2, 3)]
    assert cost([request(specs, stacked=False)], few()).seconds == 3 * 2 * (5 * 2 + 10) + 0.5


def test_another_size_is_measured_again(known):
    cost([request(several()), request(several()[:2])], few())
    assert len(known) == 2


def test_nothing_costs_nothing():
    assert cost([], few()).seconds == 0


def test_the_teachers_answers_cost_something():
    taught = request(several())
    assert costs._teacher_seconds(taught, few()) > 0
    along = request(several(jitter=4, epochs=1))
    assert costs._teacher_seconds(along, few()) == 0
