"""Specs of sweeps: validation, hash, cells, stages and experiments."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from tests.examples import TINY
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.planning import plan
from tsexplorer.specs import LABELS, FurtherTeacher, ObjectiveSpec, parse_spec
from tsexplorer.studies.student_stages import Cell, check_objective
from tsexplorer.studies.sweep.spec import SweepSpec

SMALL = SweepSpec(base=TINY, temperatures=(1, 4), lambdas=(0, 1), seeds=(3, 8))


def test_json_round_trip_and_hash():
    copy = parse_spec(SweepSpec, SMALL.to_json())
    assert copy == SMALL
    assert copy.hash == SMALL.hash
    assert len({SMALL.hash, SweepSpec().hash, SweepSpec(base=TINY).hash}) == 3
    assert parse_spec(SweepSpec, {"temperatures": [1, 2, 4, 8, 16]}).hash == SweepSpec().hash
    with pytest.raises(ValidationError):
        SMALL.seeds = (1,)


def test_integers_and_minus_zero_are_normalised():
    first = parse_spec(SweepSpec, '{"temperatures": [1], "lambdas": [0]}')
    second = parse_spec(SweepSpec, '{"temperatures": [1.0], "lambdas": [-0.0]}')
    assert first.to_json() == second.to_json()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"temperatures": []}, "temperatures: give at least one value, else the grid is empty."),
        ({"lambdas": []}, "lambdas: give at least one value, else the grid is empty."),
        ({"seeds": []}, "seeds: give at least one value, else the grid is empty."),
        (
            {"temperatures": [4, 0]},
            "temperatures.1: a temperature must be above 0 and at most 1000 (given: 0).",
        ),
        (
            {"temperatures": [-1.5]},
            "temperatures.0: a temperature must be above 0 and at most 1000 (given: -1.5).",
        ),
        (
            {"temperatures": [math.nan]},
            "temperatures.0: a temperature must be above 0 and at most 1000 (given: nan).",
        ),
        ({"lambdas": [0.5, 1.2]}, "lambdas.1: lambda must lie in 0...1 (given: 1.2)."),
        ({"lambdas": [-0.1]}, "lambdas.0: lambda must lie in 0...1 (given: -0.1)."),
        ({"lambdas": [math.nan]}, "lambdas.0: lambda must lie in 0...1 (given: nan)."),
        (
            {"learning_rates": [0]},
            "learning_rates.0: a learning rate must be above 0 and at most 1000 (given: 0).",
        ),
        ({"temperatures": [2, 2.0]}, "temperatures: 2 stands there twice; leave one out."),
        ({"lambdas": [0, 0.5, -0.0]}, "lambdas: 0 stands there twice; leave one out."),
        ({"seeds": [1, 1]}, "seeds: 1 stands there twice; leave one out."),
        (
            {"base": {"left_out": [3]}},
            "base: here students are compared with a baseline that sees the same images; leave no "
            "classes out.",
        ),
        ({"heat": 3}, "heat is not a known setting; remove it or check its spelling."),
    ],
)
def test_bad_input_is_refused_with_one_sentence(given, sentence):
    with pytest.raises(UserError) as caught:
        parse_spec(SweepSpec, given)
    assert str(caught.value).casefold() == sentence.casefold()


def test_cells_are_all_combinations():
    assert SMALL.cells == (
        Cell(1, 0, 1e-3),
        Cell(4, 0, 1e-3),
        Cell(1, 1, 1e-3),
        Cell(4, 1, 1e-3),
    )
    two_rates = SMALL.model_copy(update={"learning_rates": (0.1, 0.2)})
    assert len(two_rates.cells) == 8
    assert {cell.learning_rate for cell in two_rates.cells} == {0.1, 0.2}


def test_baseline_is_trained_once_for_each_seed():
    assert len(SMALL.students) == 2 * (2 + 1)
    assert len({student.hash for student in SMALL.students}) == 6
    for seed in SMALL.seeds:
        baseline = SMALL.baseline(1e-3, seed)
        lambda_one = [SMALL.student(cell, seed) for cell in SMALL.cells if cell.lam == 1]
        assert lambda_one == [baseline, baseline]
    assert [student.seed for student in SMALL.students] == [3, 3, 3, 8, 8, 8]


def test_sweeps_with_other_temperatures_share_the_baseline():
    other = SMALL.model_copy(update={"temperatures": (2.0, 9.0)})
    assert other.baseline(1e-3, 3) == SMALL.baseline(1e-3, 3)


def test_baseline_is_trained_though_no_cell_contains_it():
    sweep = SMALL.model_copy(update={"lambdas": (0.0,)})
    assert sweep.baseline(1e-3, 3) in sweep.students


def test_baseline_of_the_additive_objective_is_no_cell():
    base = TINY.model_copy(update={"objective": ObjectiveSpec(name="additive")})
    sweep = SMALL.model_copy(update={"base": base})
    assert len(sweep.students) == 2 * (4 + 1)
    baseline = sweep.baseline(1e-3, 3)
    assert baseline.objective == LABELS
    assert baseline.teachers == ()
    assert baseline.train == sweep.base.distilled_train


def test_experiment_of_a_cell_has_the_stages_of_the_sweep():
    sweep = SMALL.model_copy(update={"teachers": "one a seed", "learning_rates": (0.5, 0.25)})
    cell = Cell(4, 0, 0.25)
    experiment = sweep.experiment(cell)
    assert experiment.seeds == (3, 8)
    assert experiment.objective == ObjectiveSpec(temperature=4, lam=0)
    assert experiment.distilled_train.learning_rate == 0.25
    assert "T 4, λ 0, rate 0.25" in experiment.name
    stages = {(stage.seed, stage.role): stage.spec for stage in plan(experiment)}
    for seed in sweep.seeds:
        assert stages[seed, "distilled"] == sweep.student(cell, seed)
        assert stages[seed, "teacher"] == sweep.teacher(seed)
    parse_spec(type(experiment), experiment.to_json())


@pytest.mark.parametrize(("teachers", "nets"), [("shared", 2), ("one a seed", 4)])
def test_members_of_an_ensemble_train_before_the_students(teachers, nets):
    base = TINY.model_copy(update={"more_teachers": (FurtherTeacher(seed_offset=100),)})
    sweep = SMALL.model_copy(update={"base": base, "teachers": teachers})
    assert [stage.role for stage in sweep.planned[:nets]] == ["teacher", "member"] * (nets // 2)
    assert len(sweep.prerequisites) == nets
    prerequisites = {stage.hash for stage in sweep.prerequisites}
    for cell in sweep.cells:
        for seed in sweep.seeds:
            assert len(sweep.student(cell, seed).teachers) == 2
            assert set(sweep.student(cell, seed).teachers) <= prerequisites


def test_shared_teacher_is_that_of_the_first_seed():
    teachers = {student.teachers for student in SMALL.students}
    assert teachers == {(SMALL.teacher(3).hash,)}
    assert SMALL.teacher(8) == SMALL.teacher(3)
    assert SMALL.prerequisites == (SMALL.teacher(3),)
    first = plan(SMALL.experiment(SMALL.cells[1]))[2].spec
    assert first == SMALL.student(SMALL.cells[1], 3)


def test_warm_start_trains_the_baselines_before():
    warm = SMALL.model_copy(update={"base": TINY.model_copy(update={"warm_start": True})})
    starts = {student.start_from for student in warm.students}
    assert starts == {stage.hash for stage in warm.prerequisites[1:]}
    assert len(starts) == 2


def test_experiments_of_long_named_sweeps_are_valid():
    base = TINY.model_copy(update={"name": "x" * 80})
    sweep = SweepSpec(base=base, temperatures=(1 / 3, 2), learning_rates=(1 / 7, 1))
    for cell in sweep.cells:
        parse_spec(type(base), sweep.experiment(cell).to_json())


def test_objectives_without_a_temperature_are_refused():
    assert check_objective(ObjectiveSpec(name="additive")).name == "additive"
    with pytest.raises(UserError, match=r"'vanilla' has no T and λ to sweep over; choose one of h"):
        check_objective(ObjectiveSpec(name="vanilla"))
    with pytest.raises(NotFoundError):
        check_objective(ObjectiveSpec(name="alchemy"))
