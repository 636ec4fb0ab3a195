"""Each student of a stack ends with the weights it would have alone, up to rounding in float64."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.students.student_examples import (
    SIGMOID,
    STOPPING,
    library,
    make_request,
    make_student,
    make_students,
    train_alone,
    train_chunk,
    weights_of,
)
from tests.training.training_examples import (
    CPU,
    DENSE,
    EventRecorder,
    assert_equal_weights,
    make_stage,
    small_splits,
    weights_differ,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.models import build
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, StageSpec
from tsexplorer.students.events import StudentEnded
from tsexplorer.students.stacked_trainer import StackedTraining
from tsexplorer.training import events
from tsexplorer.training.control import Control

pytestmark = pytest.mark.usefixtures("float64")

HUNDRED = {"epochs": 4, "batch_size": 20}
"""On 500 images: 100 steps."""
SETTINGS = {
    "cosine": {"schedule": "cosine"},
    "one-cycle": {"schedule": "one-cycle"},
    "plateau": {"schedule": "plateau", "learning_rate": 0.3, "epochs": 6, "optimiser": "sgd"},
    "averaging": {"averaging": 0.9},
    "norms": {"max_norm": 0.5},
    "jitter": {"jitter": 1, "epochs": 5},
    "teacher runs with each batch": {"jitter": 2, "epochs": 2},
    "keep best": {"keep": "best", "learning_rate": 0.1, "epochs": 6},
    "short last batch": {"batch_size": 64},
    "raw pixels": {"learning_rate": 1e-4, "data": DataSpec(scaling="raw")},
    "standard pixels": {"data": DataSpec(scaling="standard")},
}


def assert_equal_to_alone(students: tuple[StageSpec, ...], folder: Path, images: int = 500) -> None:
    """Compare final weights and validation curves with those of training alone."""
    splits = small_splits(train=images)
    result = train_chunk(students, splits=splits)
    for spec, stacked, weights in zip(students, result.students, weights_of(result), strict=True):
        expected, alone = train_alone(spec, folder, splits)
        assert stacked.spec == spec
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-9)
        ended = alone.of(events.StageEnded)[0]
        assert stacked.kept_epoch == ended.kept_epoch
        assert stacked.validation.loss == pytest.approx(ended.validation_loss, abs=1e-9)
        assert stacked.test_accuracy == ended.test_accuracy
        rows = alone.of(events.EpochEnded)
        assert len(stacked.epochs) == len(rows)
        for stacked_row, row in zip(stacked.epochs, rows, strict=True):
            assert stacked_row.validation.accuracy == row.validation_accuracy
            assert stacked_row.validation.loss == pytest.approx(row.validation_loss, abs=1e-9)
            assert stacked_row.train_loss == pytest.approx(row.train_loss, rel=1e-9)
            assert stacked_row.learning_rate == row.learning_rate


@pytest.mark.parametrize("name", ["hinton", "additive"])
@pytest.mark.parametrize("model", [DENSE, SIGMOID], ids=["relu", "sigmoid"])
def test_hundred_steps_with_several_temperatures_and_lambdas(tmp_path, model, name):
    assert_equal_to_alone(make_students(model=model, name=name, **HUNDRED), tmp_path)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "adadelta"])
def test_each_optimiser_and_learning_rate(tmp_path, optimiser):
    rates = (3e-4, 1e-3, 1e-3, 1e-2)
    students = tuple(
        make_student(4, lam, learning_rate=rate, optimiser=optimiser, weight_decay=1e-3, **HUNDRED)
        for rate, lam in zip(rates, (0, 0.2, 0.8, 0.2), strict=True)
    )
    assert_equal_to_alone(students, tmp_path)


def test_each_seed_has_its_own_weights_and_order(tmp_path):
    students = tuple(
        make_student(temperature, 0.3, seed=seed, **HUNDRED)
        for seed in (0, 5)
        for temperature in (1, 8)
    )
    assert_equal_to_alone(students, tmp_path)


def test_seeds_and_learning_rates_can_differ_together(tmp_path):
    students = (
        make_student(1, 0, seed=1, learning_rate=1e-3, **HUNDRED),
        make_student(9, 0.4, seed=2, learning_rate=1e-3, **HUNDRED),
        make_student(1, 0, seed=2, learning_rate=3e-3, **HUNDRED),
    )
    assert_equal_to_alone(students, tmp_path)


@pytest.mark.parametrize("setting", SETTINGS)
def test_each_training_setting(tmp_path, setting):
    changes = {"epochs": 3, "batch_size": 25, "learning_rate": 3e-3} | SETTINGS[setting]
    assert_equal_to_alone(make_students(**changes), tmp_path, images=150)


@pytest.mark.parametrize(
    "net",
    [NetConfig(), NetConfig(dense=(5,), activation="gelu")],
    ids=["no hidden layer", "gelu"],
)
def test_other_dense_nets(tmp_path, net):
    assert_equal_to_alone(
        make_students(model=ModelSpec(name="custom", net=net)), tmp_path, images=90
    )


def test_students_start_from_given_weights(tmp_path):
    """Warm start: from the weights of the baseline with the same seed."""
    start = library().add(make_stage(seed=77), build(DENSE, ImageTask(10), seed=21).state_dict())
    students = make_students(start_from=start)
    assert_equal_to_alone(students, tmp_path, images=90)
    cold = weights_of(train_chunk(make_students(), splits=small_splits(train=90)))
    assert weights_differ(
        cold[0], weights_of(train_chunk(students, splits=small_splits(train=90)))[0]
    )


def test_seeds_can_have_different_teachers(tmp_path):
    other = library().add(
        make_stage(SIGMOID, seed=78), build(SIGMOID, ImageTask(10), seed=8).state_dict()
    )
    students = (
        make_student(2, 0.1, seed=1),
        make_student(2, 0.1, seed=2).model_copy(update={"teachers": (other,)}),
    )
    assert_equal_to_alone(students, tmp_path, images=90)
    swapped = students[1].model_copy(update={"teachers": students[0].teachers})
    weights = weights_of(train_chunk(students))
    swapped_weights = weights_of(train_chunk((students[0], swapped)))
    assert not weights_differ(weights[0], swapped_weights[0])
    assert weights_differ(weights[1], swapped_weights[1])


def test_students_without_a_teacher_stack(tmp_path):
    students = tuple(
        make_stage(learning_rate=rate, seed=seed) for rate in (1e-3, 1e-2) for seed in (1, 2)
    )
    assert_equal_to_alone(students, tmp_path, images=90)
    result = train_chunk(students)
    assert all(student.validation.agreement is None for student in result.students)
    assert all(student.validation.ece is not None for student in result.students)


def test_lambda_one_with_hinton_is_the_baseline(tmp_path):
    splits = small_splits(train=500)
    expected, _ = train_alone(make_stage(**HUNDRED), tmp_path, splits)
    (weights,) = weights_of(train_chunk([make_student(1, 1, **HUNDRED)], splits=splits))
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-9)


def test_students_stop_early_in_the_same_epoch_as_alone(tmp_path):
    result = train_chunk(STOPPING)
    epochs = [len(student.epochs) for student in result.students]
    assert epochs[0] == epochs[2] == 6
    assert max(epochs[1], epochs[3]) < 6
    for spec, student, weights in zip(STOPPING, result.students, weights_of(result), strict=True):
        expected, alone = train_alone(spec, tmp_path)
        assert len(alone.of(events.EpochEnded)) == len(student.epochs)
        for name, value in expected.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-9)


def test_weights_of_finished_students_do_not_change():
    training = StackedTraining(make_request(STOPPING).chunk, small_splits(), CPU, library())
    reporter = training.start(EventRecorder(), Control())
    while len(training.active) == len(STOPPING):
        training.train_epoch(reporter)
    finished = [student for student in training.students if student.is_over]
    assert 0 < len(finished) < len(STOPPING)
    before = [copy_weights(student.learner.evaluated_net) for student in training.students]
    training.train_epoch(reporter)
    after = [copy_weights(student.learner.evaluated_net) for student in training.students]
    for index, student in enumerate(training.students):
        if student in finished:
            assert_equal_weights(before[index], after[index])
            assert_equal_weights(student.kept_weights, after[index])
        else:
            assert weights_differ(before[index], after[index])


def copy_weights(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def test_each_student_ends_with_one_event():
    listener = EventRecorder()
    result = train_chunk(STOPPING, listener=listener)
    ended = listener.of(StudentEnded)
    assert sorted(event.stage for event in ended) == sorted(spec.hash for spec in STOPPING)
    kept = {event.stage: event.kept_epoch for event in ended}
    assert all(kept[student.spec.hash] == student.kept_epoch for student in result.students)
