"""Specs of tunings: validation, rounds, rates, seeds, students and experiments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studies.tune_examples import make_base, make_tune
from tsexplorer.errors import UserError
from tsexplorer.planning import plan
from tsexplorer.specs import FurtherTeacher, ObjectiveSpec, parse_spec
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.spec import TuneSpec


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"base": {"left_out": [3]}}, "base: here students are compared with a baseline"),
        (
            {"temperatures": (8, 2)},
            "temperatures: the lower end 8 lies above the upper end 2.",
        ),
        ({"lambdas": (0, 1.5)}, "lambdas.1: lambda must lie in 0...1 (given: 1.5)."),
        ({"learning_rates": (0, 1)}, "learning_rates.0: a learning rate must be above 0"),
        ({"trials": 1}, "trials: should be greater than or equal to 2 (given: 1)."),
        (
            {"temperatures": (2, 2), "lambdas": (0.5, 0.5), "learning_rates": (0.1, 0.1)},
            "leave one of T, lambda and learning rate open, else there is nothing to search.",
        ),
    ],
)
def test_bad_input_is_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_spec(TuneSpec, values)
    assert sentence in str(caught.value)


def test_round_trip_through_json() -> None:
    tune = make_tune(learning_rates=(0.001, 0.1), lambdas=(0.2, 0.2))
    assert parse_spec(TuneSpec, tune.to_json()) == tune


def test_rounds_add_up() -> None:
    tune = make_tune(trials=11, per_round=4)
    assert [tune.round_size(number) for number in range(4)] == [4, 4, 3, 0]
    assert tune.rounds == 3
    # 11 trials and 4 baselines on 1 seed, 4 repeats and a baseline on 3.
    assert tune.max_students == 15 + 15


def test_default_rates_are_around_the_rate_of_the_base() -> None:
    assert make_tune().rates == (0.001, 0.1)
    assert make_tune(learning_rates=(0.5, 0.5)).rates == (0.5, 0.5)
    assert make_tune(learning_rates=(0.5, 0.5)).baseline_rates == (0.5,)
    assert make_tune(baselines=1).baseline_rates == (0.01,)


def test_settings_are_rounded_within_their_ranges() -> None:
    tune = make_tune(temperatures=(0.50049, 32), lambdas=(0.25, 0.25))
    setting = tune.setting({"temperature": 0.5005, "learning_rate": 0.0123456})
    assert setting == Cell(0.50049, 0.25, 0.0123)


def test_students_share_a_teacher_and_repeats_have_new_seeds() -> None:
    tune = make_tune(search_seeds=2, seeds=3)
    assert (tune.search_seed_values, tune.repeat_seed_values) == ((0, 1), (2, 3, 4))
    students = tune.students(Cell(2.0, 0.5, 0.01), (0, 1, 2, 3, 4))
    assert {student.teachers for student in students} == {(tune.stages.teacher(0).hash,)}
    assert [student.seed for student in students] == [0, 1, 2, 3, 4]
    [teacher] = tune.stages.prerequisites
    assert (teacher.role, teacher.spec.hash) == ("teacher", tune.stages.teacher(0).hash)


@pytest.mark.parametrize("objective", ["hinton", "additive"])
def test_baselines_learn_from_labels_alone(objective: str) -> None:
    tune = make_tune(base=make_base(objective=ObjectiveSpec(name=objective)))
    baselines = tune.stages.planned(tune.baseline_students((0,)))
    assert [stage.role for stage in baselines] == ["baseline"] * 4
    [student] = tune.stages.planned(tune.students(Cell(2.0, 0.5, 0.01), (0,)))
    assert student.role == "distilled"


def test_pruning_epochs_exclude_the_last() -> None:
    assert make_tune().pruning_epochs == (2, 4)
    train = make_base().distilled_train.model_copy(update={"epochs": 1})
    assert make_tune(base=make_base(distilled_train=train)).pruning_epochs == ()


def test_setting_as_an_experiment_has_the_students_stage() -> None:
    tune = make_tune()
    setting = Cell(2.5, 0.125, 0.0123)
    experiment = tune.experiment(setting)
    assert experiment.seeds == (0,)
    assert experiment.name == "tiny, T 2.5, λ 0.125, rate 0.0123"
    assert experiment.distilled_train.learning_rate == 0.0123
    [stage] = [planned.spec for planned in plan(experiment) if planned.role == "distilled"]
    assert stage == tune.students(setting, (0,))[0]


def test_further_teachers_come_before_the_students_as_members() -> None:
    further = (FurtherTeacher(model=make_base().teacher, seed_offset=7),)
    tune = make_tune(base=make_base(more_teachers=further))
    assert [(stage.seed, stage.role) for stage in tune.stages.prerequisites] == [
        (0, "teacher"),
        (7, "member"),
    ]
