"""Each student of a stack ends where it would end alone, to the rounding of fp32."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.students.student_examples import (
    SIGMOID,
    alone,
    library,
    several,
    student,
    together,
    weights_of,
)
from tests.training.training_examples import DENSE, differ, few, stage
from tsexplorer.models import build
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, StageSpec
from tsexplorer.training import events

HUNDRED = {"epochs": 4, "batch_size": 20, "epsilon": 1e-6}
"""On 500 images: 100 steps. The gradient of an edge pixel may be rounding alone, which Adam divides
by itself: this epsilon is above it."""
SETTINGS = {
    "cosine": {"schedule": "cosine"},
    "one-cycle": {"schedule": "one-cycle"},
    "plateau": {"schedule": "plateau", "learning_rate": 0.3, "epochs": 6, "optimiser": "sgd"},
    "averaging": {"averaging": 0.9},
    "norms": {"max_norm": 0.5},
    # Not under Adam: it divides an edge pixel's gradient, which is rounding alone, by itself.
    "jitter": {"jitter": 1, "epochs": 5, "optimiser": "sgd"},
    "teacher along": {"jitter": 2, "epochs": 2, "optimiser": "sgd"},
    "keep best": {"keep": "best", "learning_rate": 0.1, "epochs": 6},
    "a short last batch": {"batch_size": 64},
    "raw pixels": {"learning_rate": 1e-4, "data": DataSpec(scaling="raw"), "optimiser": "sgd"},
    "standard pixels": {"data": DataSpec(scaling="standard")},
}


def assert_equal_to_alone(
    students: tuple[StageSpec, ...], folder: Path, images: int = 500, atol: float = 1e-5
) -> None:
    """Weights after training, and the curve on validation."""
    splits = few(train=images)
    result = together(students, splits=splits)
    for spec, found, weights in zip(students, result.students, weights_of(result), strict=True):
        expected, heard = alone(spec, folder, splits)
        assert found.spec == spec
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=atol)
        ended = heard.of(events.StageEnded)[0]
        assert found.kept_epoch == ended.kept_epoch
        assert found.validation.loss == pytest.approx(ended.validation_loss, abs=1e-4)
        assert found.test_accuracy == ended.test_accuracy
        rows = heard.of(events.EpochEnded)
        assert len(found.epochs) == len(rows)
        for own, row in zip(found.epochs, rows, strict=True):
            assert own.validation.accuracy == row.validation_accuracy
            assert own.validation.loss == pytest.approx(row.validation_loss, abs=1e-4)
            assert own.train_loss == pytest.approx(row.train_loss, rel=1e-4)
            assert own.learning_rate == row.learning_rate


@pytest.mark.parametrize("name", ["hinton", "additive"])
@pytest.mark.parametrize("model", [DENSE, SIGMOID], ids=["relu", "sigmoid"])
def test_hundred_steps_with_several_temperatures_and_lambdas(tmp_path, model, name):
    assert_equal_to_alone(several(model=model, name=name, **HUNDRED), tmp_path)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "adadelta"])
def test_each_optimiser_and_learning_rate(tmp_path, optimiser):
    rates = (3e-4, 1e-3, 1e-3, 1e-2)
    students = tuple(
        student(4, lam, learning_rate=rate, optimiser=optimiser, weight_decay=1e-3, **HUNDRED)
        for rate, lam in zip(rates, (0, 0.2, 0.8, 0.2), strict=True)
    )
    assert_equal_to_alone(students, tmp_path)


def test_each_seed_has_its_own_start_and_order(tmp_path):
    students = tuple(
        student(temperature, 0.3, seed=seed, **HUNDRED) for seed in (0, 5) for temperature in (1, 8)
    )
    assert_equal_to_alone(students, tmp_path)


def test_all_at_once(tmp_path):
    students = (
        student(1, 0, seed=1, learning_rate=1e-3, **HUNDRED),
        student(9, 0.4, seed=2, learning_rate=1e-3, **HUNDRED),
        student(1, 0, seed=2, learning_rate=3e-3, **HUNDRED),
    )
    assert_equal_to_alone(students, tmp_path)


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_setting(tmp_path, setting):
    changes = {"epochs": 3, "batch_size": 25, "learning_rate": 3e-3} | SETTINGS[setting]
    assert_equal_to_alone(several(**changes), tmp_path, images=150)


@pytest.mark.parametrize(
    "net",
    [NetConfig(), NetConfig(dense=(5,), activation="gelu")],
    ids=["no hidden layer", "gelu"],
)
def test_other_dense_nets(tmp_path, net):
    assert_equal_to_alone(several(model=ModelSpec(name="custom", net=net)), tmp_path, images=90)


def test_students_go_on_from_given_weights(tmp_path):
    """Warm start: from the weights of the baseline of their seed."""
    start = library().add(stage(seed=77), build(DENSE, 10, seed=21).state_dict())
    students = several(start_from=start)
    assert_equal_to_alone(students, tmp_path, images=90)
    cold = weights_of(together(several(), splits=few(train=90)))
    assert differ(cold[0], weights_of(together(students, splits=few(train=90)))[0])


def test_seeds_may_have_teachers_of_their_own(tmp_path):
    other = library().add(stage(SIGMOID, seed=78), build(SIGMOID, 10, seed=8).state_dict())
    students = (
        student(2, 0.1, seed=1),
        student(2, 0.1, seed=2).model_copy(update={"teachers": (other,)}),
    )
    assert_equal_to_alone(students, tmp_path, images=90)
    swapped = students[1].model_copy(update={"teachers": students[0].teachers})
    ones = weights_of(together(students))
    others = weights_of(together((students[0], swapped)))
    assert not differ(ones[0], others[0])
    assert differ(ones[1], others[1])


def test_students_without_a_teacher_stack_too(tmp_path):
    students = tuple(
        stage(learning_rate=rate, seed=seed) for rate in (1e-3, 1e-2) for seed in (1, 2)
    )
    assert_equal_to_alone(students, tmp_path, images=90)
    result = together(students)
    assert all(one.validation.agreement is None for one in result.students)
    assert all(one.validation.ece is not None for one in result.students)


def test_lambda_one_under_hinton_is_the_baseline(tmp_path):
    splits = few(train=500)
    expected, _ = alone(stage(**HUNDRED), tmp_path, splits)
    (found,) = weights_of(together([student(1, 1, **HUNDRED)], splits=splits))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5)
