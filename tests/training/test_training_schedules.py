"""Learning rates at the start, the peak and the end; one-cycle is torch's."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from tsexplorer.specs import TrainSpec
from tsexplorer.training.optimisation import learning_rate

PEAK = 0.02


def rates(schedule: str, steps: int) -> list[float]:
    train = TrainSpec(schedule=schedule, learning_rate=PEAK)
    return [learning_rate(train, step, steps) for step in range(steps)]


def torchs(steps: int, make: type, **settings: object) -> list[float]:
    optimiser = SGD([torch.zeros(1, requires_grad=True)], PEAK)
    schedule = make(optimiser, **settings)
    seen = []
    for _ in range(steps):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if len(seen) < steps:
            schedule.step()
    return seen


def test_constant_stays():
    assert set(rates("constant", 50)) == {PEAK}


@pytest.mark.parametrize("steps", [2, 3, 4, 7, 10, 33, 100, 1000])
def test_one_cycle_is_torchs(steps):
    expected = torchs(steps, OneCycleLR, max_lr=PEAK, total_steps=steps, cycle_momentum=False)
    assert rates("one-cycle", steps) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_one_cycle_at_start_peak_and_end():
    found = rates("one-cycle", 100)
    assert found[0] == pytest.approx(PEAK / 25)
    assert found[29] == pytest.approx(PEAK)
    assert max(found) == found[29]
    assert found[-1] == pytest.approx(PEAK / 25 / 1e4)
    assert found[:30] == sorted(found[:30])
    assert found[29:] == sorted(found[29:], reverse=True)


def test_one_cycle_of_a_single_step_has_a_rate():
    assert 0 < rates("one-cycle", 1)[0] <= PEAK


@pytest.mark.parametrize("steps", [1, 2, 10, 100])
def test_cosine_is_torchs(steps):
    expected = torchs(steps, CosineAnnealingLR, T_max=steps)
    assert rates("cosine", steps) == pytest.approx(expected, rel=1e-9)


def test_cosine_at_start_middle_and_end():
    found = rates("cosine", 100)
    assert found[0] == PEAK
    assert found[50] == pytest.approx(PEAK / 2)
    assert found[-1] == pytest.approx(PEAK * (1 + math.cos(math.pi * 0.99)) / 2)
    assert 0 < found[-1] < PEAK / 1000


def test_plateau_multiplies_the_peak_by_what_validation_has_earned():
    train = TrainSpec(schedule="plateau", learning_rate=PEAK)
    assert learning_rate(train, 5, 10) == PEAK
    assert learning_rate(train, 5, 10, plateau=0.01) == pytest.approx(PEAK / 100)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle"])
def test_other_schedules_know_no_plateau(schedule):
    train = TrainSpec(schedule=schedule, learning_rate=PEAK)
    assert learning_rate(train, 5, 10, plateau=0.01) == learning_rate(train, 5, 10)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one-cycle", "plateau"])
def test_rate_is_a_function_of_the_step_alone(schedule):
    train = TrainSpec(schedule=schedule, learning_rate=PEAK)
    later_first = [learning_rate(train, step, 20) for step in reversed(range(20))]
    assert later_first[::-1] == [learning_rate(train, step, 20) for step in range(20)]
