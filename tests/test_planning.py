"""Plans: the order of stages, their dependencies, and shared stages."""

from __future__ import annotations

from typing import Any

import pytest

from tsexplorer.planning import PlannedStage, PretrainStage, TrainingPlan, plan
from tsexplorer.specs import (
    LABELS,
    ROLES,
    DataSpec,
    ExperimentSpec,
    FurtherTeacher,
    ModelSpec,
    ObjectiveSpec,
    Role,
    StageSpec,
    TrainSpec,
)

FAST, SLOW, LONG = TrainSpec(epochs=1), TrainSpec(epochs=2), TrainSpec(epochs=3)
BASE = ExperimentSpec(teacher_train=FAST, baseline_train=SLOW, distilled_train=LONG)
WITHOUT_TEACHER = TrainingPlan(needs_teacher=False)
LENET = ModelSpec(name="lenet-5")


def experiment_with(**changes: Any) -> ExperimentSpec:
    return ExperimentSpec(**(dict(BASE) | changes))


def hash_by_role(
    spec: ExperimentSpec, training_plan: TrainingPlan | None = None
) -> dict[Role, str]:
    """Hashes of the stages of the first seed."""
    stages = plan(spec) if training_plan is None else plan(spec, training_plan)
    return {stage.role: stage.spec.hash for stage in stages[: len(ROLES)]}


def changed_roles(spec: ExperimentSpec, other: ExperimentSpec) -> set[Role]:
    """Roles with different stages in two experiments."""
    hashes, other_hashes = hash_by_role(spec), hash_by_role(other)
    return {role for role in ROLES if hashes[role] != other_hashes[role]}


def stages_by_seed(stages: tuple[PlannedStage, ...]) -> list[dict[Role, PlannedStage]]:
    seeds = dict.fromkeys(stage.seed for stage in stages)
    return [{stage.role: stage for stage in stages if stage.seed == seed} for seed in seeds]


# -- order and content ------------------------------------------------------------------------


def test_all_stages_of_a_seed_precede_the_next_seed() -> None:
    stages = plan(experiment_with(seeds=(5, 2)))
    assert [(stage.seed, stage.role) for stage in stages] == [
        *((5, "teacher"), (5, "baseline"), (5, "distilled")),
        *((2, "teacher"), (2, "baseline"), (2, "distilled")),
    ]
    assert all(stage.spec.seed == stage.seed for stage in stages)


@pytest.mark.parametrize("warm_start", [False, True])
def test_stages_follow_the_stages_that_they_depend_on(warm_start: bool) -> None:
    previous: set[str] = set()
    for stage in plan(experiment_with(seeds=(0, 1, 2), warm_start=warm_start)):
        assert {*stage.spec.teachers} | ({stage.spec.start_from} - {None}) <= previous
        previous.add(stage.spec.hash)
    assert len(previous) == 9


def test_stages_have_the_settings_of_the_experiment() -> None:
    objective = ObjectiveSpec(temperature=7, lam=0.25)
    spec = experiment_with(data=DataSpec(name="mnist"), objective=objective)
    teacher, baseline, distilled = (stage.spec for stage in plan(spec))
    assert {teacher.data, baseline.data, distilled.data} == {DataSpec(name="mnist")}
    assert (teacher.model, teacher.train) == (ModelSpec(name="wu-cnn"), FAST)
    assert (baseline.model, baseline.train) == (ModelSpec(name="mlp-64"), SLOW)
    assert (distilled.model, distilled.train) == (ModelSpec(name="mlp-64"), LONG)
    assert teacher.objective == baseline.objective == LABELS
    assert distilled.objective == objective
    assert (teacher.teachers, baseline.teachers) == ((), ())
    assert distilled.teachers == (teacher.hash,)
    assert teacher.start_from is baseline.start_from is distilled.start_from is None


def test_a_warm_start_uses_the_baseline_of_the_same_seed() -> None:
    for stages in stages_by_seed(plan(experiment_with(warm_start=True, seeds=(0, 1)))):
        assert stages["distilled"].spec.start_from == stages["baseline"].spec.hash
        assert stages["distilled"].spec.teachers == (stages["teacher"].spec.hash,)
        assert stages["baseline"].spec.start_from is None


def test_classes_are_excluded_from_hint_and_distilled_stage() -> None:
    training_plan = TrainingPlan(pretrain_stage=PretrainStage(ObjectiveSpec(name="hints")))
    stages = plan(experiment_with(left_out=(7, 3, 7)), training_plan)
    assert {stage.role: stage.spec.left_out for stage in stages} == {
        "teacher": (),
        "baseline": (),
        "hint": (3, 7),
        "distilled": (3, 7),
    }


# -- shared stages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "objective",
    [
        ObjectiveSpec(lam=0),
        ObjectiveSpec(lam=1),
        ObjectiveSpec(lam=0.5000001),
        ObjectiveSpec(temperature=4.0001),
        ObjectiveSpec(name="additive"),
    ],
)
@pytest.mark.parametrize("warm_start", [False, True])
def test_another_objective_changes_the_distilled_stage_only(
    objective: ObjectiveSpec, warm_start: bool
) -> None:
    spec = experiment_with(warm_start=warm_start)
    other = experiment_with(warm_start=warm_start, objective=objective)
    assert changed_roles(spec, other) == {"distilled"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "another"}, set()),
        ({"seeds": (0, 1)}, set()),
        ({"distilled_train": FAST}, {"distilled"}),
        ({"baseline_train": FAST}, {"baseline"}),
        ({"teacher_train": SLOW}, {"teacher", "distilled"}),
        ({"teacher": LENET}, {"teacher", "distilled"}),
        ({"student": ModelSpec(name="wu-mlp")}, {"baseline", "distilled"}),
        ({"data": DataSpec(scaling="standard")}, {"teacher", "baseline", "distilled"}),
        ({"seeds": (1,)}, {"teacher", "baseline", "distilled"}),
        ({"warm_start": True}, {"distilled"}),
        ({"left_out": (3,)}, {"distilled"}),
    ],
)
def test_a_change_affects_the_stages_that_depend_on_it(
    changes: dict[str, Any], expected: set[Role]
) -> None:
    assert changed_roles(BASE, experiment_with(**changes)) == expected


def test_a_warm_started_stage_depends_on_the_baseline() -> None:
    spec = experiment_with(warm_start=True)
    other = experiment_with(warm_start=True, baseline_train=FAST)
    assert changed_roles(spec, other) == {"baseline", "distilled"}


def test_without_a_teacher_the_distilled_stage_is_independent() -> None:
    stages = plan(BASE, WITHOUT_TEACHER)
    assert [stage.role for stage in stages] == list(ROLES)
    assert all(stage.spec.teachers == () for stage in stages)
    hashes = hash_by_role(BASE, WITHOUT_TEACHER)
    other_hashes = hash_by_role(experiment_with(teacher_train=SLOW), WITHOUT_TEACHER)
    assert hashes["teacher"] != other_hashes["teacher"]
    assert hashes["distilled"] == other_hashes["distilled"] != hash_by_role(BASE)["distilled"]


def test_equal_nets_in_two_roles_are_one_stage() -> None:
    net = ModelSpec(name="mlp-64")
    spec = experiment_with(teacher=net, student=net, teacher_train=FAST, baseline_train=FAST)
    hashes = hash_by_role(spec)
    assert hashes["teacher"] == hashes["baseline"] != hashes["distilled"]


def test_experiments_with_a_common_seed_share_its_stages() -> None:
    first = {stage.spec.hash for stage in plan(experiment_with(seeds=(0, 1)))}
    second = {stage.spec.hash for stage in plan(experiment_with(name="more", seeds=(1, 2)))}
    assert len(first & second) == 3
    assert len(first | second) == 9


# -- ensembles --------------------------------------------------------------------------------


def test_further_teachers_are_stages_of_the_role_member() -> None:
    further = (
        FurtherTeacher(model=LENET),
        FurtherTeacher(model=BASE.teacher, seed_offset=7),
    )
    stages = plan(experiment_with(more_teachers=further, seeds=(0, 7)))
    assert [stage.role for stage in stages[:5]] == ["teacher", "member", "member", *ROLES[1:]]
    assert [stage.seed for stage in stages[:5]] == [0] * 5
    teachers = [stage.spec for stage in stages[:3]]
    assert [teacher.seed for teacher in teachers] == [0, 0, 7]
    distilled = stages[4].spec
    assert distilled.teachers == tuple(teacher.hash for teacher in teachers)
    assert (distilled.teacher_weights, distilled.combine) == ((), "logits")
    # The member with the seed 7 is the first teacher of that seed.
    assert teachers[2].hash == stages[5].spec.hash


def distilled_stage(weight: float, second_weight: float) -> StageSpec:
    """The distilled stage of two teachers with the given weights."""
    further = FurtherTeacher(model=LENET, weight=second_weight)
    return plan(experiment_with(more_teachers=(further,), teacher_weight=weight))[-1].spec


def test_equal_weights_of_teachers_are_omitted() -> None:
    assert distilled_stage(2, 2).teacher_weights == ()
    assert distilled_stage(2, 2).hash == distilled_stage(1, 1).hash


def test_weights_of_teachers_are_relative_to_the_first() -> None:
    assert distilled_stage(1, 3).teacher_weights == (1, 3)
    hashes = [distilled_stage(*weights).hash for weights in ((1, 3), (2, 6), (3, 1))]
    assert hashes[0] == hashes[1] != hashes[2]


def test_settings_of_an_ensemble_do_not_affect_one_teacher() -> None:
    spec = experiment_with(combine="probabilities", teacher_weight=3)
    assert hash_by_role(spec) == hash_by_role(BASE)


def test_the_hint_stage_has_the_first_teacher_only() -> None:
    further = FurtherTeacher(model=LENET, weight=3)
    training_plan = TrainingPlan(pretrain_stage=PretrainStage(ObjectiveSpec(name="fitnets-hints")))
    planned = plan(experiment_with(more_teachers=(further,)), training_plan)
    stages = {stage.role: stage.spec for stage in planned}
    assert stages["hint"].teachers == (stages["teacher"].hash,)
    assert stages["hint"].teacher_weights == ()
    assert len(stages["distilled"].teachers) == 2
