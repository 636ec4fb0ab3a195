"""What a tuning may be asked for, and the students that follow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studies.tune_examples import base, tune
from tsexplorer.errors import UserError
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
    asked = tune(learning_rates=(0.001, 0.1), lambdas=(0.2, 0.2))
    assert parse_spec(TuneSpec, asked.to_json()) == asked


def test_rounds_add_up() -> None:
    asked = tune(trials=11, per_round=4)
    assert [asked.round_size(number) for number in range(4)] == [4, 4, 3, 0]
    assert asked.rounds == 3
    # 11 trials and 4 baselines on 1 seed, 4 repeats and a baseline on 3.
    assert asked.max_students == 15 + 15


def test_rates_around_the_bases_where_nobody_says() -> None:
    assert tune().rates == (0.001, 0.1)
    assert tune(learning_rates=(0.5, 0.5)).rates == (0.5, 0.5)
    assert tune(learning_rates=(0.5, 0.5)).baseline_rates == (0.5,)
    assert tune(baselines=1).baseline_rates == (0.01,)


def test_settings_are_rounded_and_stay_within() -> None:
    asked = tune(temperatures=(0.50049, 32), lambdas=(0.25, 0.25))
    found = asked.setting({"temperature": 0.5005, "learning_rate": 0.0123456})
    assert found == Cell(0.50049, 0.25, 0.0123)


def test_students_share_the_first_seeds_teacher_and_seeds_do_not_meet() -> None:
    asked = tune(search_seeds=2, seeds=3)
    assert (asked.search_seed_values, asked.repeat_seed_values) == ((0, 1), (2, 3, 4))
    students = asked.students(Cell(2.0, 0.5, 0.01), (0, 1, 2, 3, 4))
    assert {one.teachers for one in students} == {(asked.stages.teacher(0).hash,)}
    assert [one.seed for one in students] == [0, 1, 2, 3, 4]
    [teacher] = asked.stages.prerequisites
    assert (teacher.role, teacher.spec.hash) == ("teacher", asked.stages.teacher(0).hash)


@pytest.mark.parametrize("objective", ["hinton", "additive"])
def test_baselines_learn_from_labels_alone(objective: str) -> None:
    asked = tune(base=base(objective=ObjectiveSpec(name=objective)))
    baselines = asked.stages.planned(asked.baseline_students((0,)))
    assert [one.role for one in baselines] == ["baseline"] * 4
    [student] = asked.stages.planned(asked.students(Cell(2.0, 0.5, 0.01), (0,)))
    assert student.role == "distilled"


def test_pruning_epochs_exclude_the_last() -> None:
    assert tune().pruning_epochs == (2, 4)
    one = base().distilled_train.model_copy(update={"epochs": 1})
    assert tune(base=base(distilled_train=one)).pruning_epochs == ()


def test_setting_as_an_experiment_has_the_students_stage() -> None:
    asked = tune()
    setting = Cell(2.5, 0.125, 0.0123)
    experiment = asked.experiment(setting)
    assert experiment.seeds == (0,)
    assert experiment.name == "tiny, T 2.5, λ 0.125, rate 0.0123"
    assert experiment.distilled_train.learning_rate == 0.0123
    from tsexplorer.planning import plan

    [stage] = [one.spec for one in plan(experiment) if one.role == "distilled"]
    assert stage == asked.students(setting, (0,))[0]


def test_further_teachers_come_before_the_students_as_members() -> None:
    further = (FurtherTeacher(model=base().teacher, seed_offset=7),)
    asked = tune(base=base(more_teachers=further))
    assert [(one.seed, one.role) for one in asked.stages.prerequisites] == [
        (0, "teacher"),
        (7, "member"),
    ]
