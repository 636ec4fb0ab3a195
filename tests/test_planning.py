"""Plans: the order of stages, what they learn from, and what they share."""

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


def experiment(**changes: Any) -> ExperimentSpec:
    return ExperimentSpec(**(dict(BASE) | changes))


def hashes(spec: ExperimentSpec, **options: TrainingPlan) -> dict[Role, str]:
    """Stage hashes of an experiment's first seed."""
    return {stage.role: stage.spec.hash for stage in plan(spec, **options)[: len(ROLES)]}


def moved(spec: ExperimentSpec, other: ExperimentSpec) -> set[Role]:
    """Roles whose nets the one experiment cannot take from the other."""
    one, two = hashes(spec), hashes(other)
    return {role for role in ROLES if one[role] != two[role]}


def test_a_seed_is_planned_to_its_end_before_the_next_begins() -> None:
    planned = plan(experiment(seeds=(5, 2)))
    assert [(stage.seed, stage.role) for stage in planned] == [
        *((5, "teacher"), (5, "baseline"), (5, "distilled")),
        *((2, "teacher"), (2, "baseline"), (2, "distilled")),
    ]
    assert all(stage.spec.seed == stage.seed for stage in planned)


@pytest.mark.parametrize("warm_start", [False, True])
def test_no_stage_comes_before_one_that_it_learns_from(warm_start: bool) -> None:
    done: set[str] = set()
    for stage in plan(experiment(seeds=(0, 1, 2), warm_start=warm_start)):
        assert {*stage.spec.teachers} | ({stage.spec.start_from} - {None}) <= done
        done.add(stage.spec.hash)
    assert len(done) == 9


def test_stages_are_what_the_experiment_says() -> None:
    objective = ObjectiveSpec(temperature=7, lam=0.25)
    spec = experiment(data=DataSpec(name="mnist"), objective=objective)
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
def test_moving_t_or_lambda_trains_one_small_net(
    objective: ObjectiveSpec, warm_start: bool
) -> None:
    still = experiment(warm_start=warm_start)
    assert moved(still, experiment(warm_start=warm_start, objective=objective)) == {"distilled"}


@pytest.mark.parametrize(
    ("changes", "trained_anew"),
    [
        ({"name": "another"}, set()),
        ({"seeds": (0, 1)}, set()),
        ({"distilled_train": FAST}, {"distilled"}),
        ({"baseline_train": FAST}, {"baseline"}),
        ({"teacher_train": SLOW}, {"teacher", "distilled"}),
        ({"teacher": ModelSpec(name="lenet-5")}, {"teacher", "distilled"}),
        ({"student": ModelSpec(name="wu-mlp")}, {"baseline", "distilled"}),
        ({"data": DataSpec(scaling="standard")}, {"teacher", "baseline", "distilled"}),
        ({"seeds": (1,)}, {"teacher", "baseline", "distilled"}),
        ({"warm_start": True}, {"distilled"}),
        ({"left_out": (3,)}, {"distilled"}),
    ],
)
def test_a_change_trains_anew_what_depends_on_it(
    changes: dict[str, Any], trained_anew: set[Role]
) -> None:
    assert moved(BASE, experiment(**changes)) == trained_anew


def test_warm_start_goes_on_from_this_seeds_baseline() -> None:
    for stages in by_seed(plan(experiment(warm_start=True, seeds=(0, 1)))):
        assert stages["distilled"].spec.start_from == stages["baseline"].spec.hash
        assert stages["distilled"].spec.teachers == (stages["teacher"].spec.hash,)
        assert stages["baseline"].spec.start_from is None
    warm, colder = experiment(warm_start=True), experiment(warm_start=True, baseline_train=FAST)
    assert moved(warm, colder) == {"baseline", "distilled"}


def test_leaving_classes_out_is_for_all_that_the_student_learns_from_the_teacher() -> None:
    hints = TrainingPlan(first=PretrainStage(ObjectiveSpec(name="hints")))
    stages = {one.role: one.spec for one in plan(experiment(left_out=(7, 3, 7)), hints)}
    assert {role: one.left_out for role, one in stages.items()} == {
        "teacher": (),
        "baseline": (),
        "hint": (3, 7),
        "distilled": (3, 7),
    }


def test_without_need_of_a_teacher_nothing_hangs_on_it() -> None:
    planned = plan(BASE, course=TrainingPlan(needs_teacher=False))
    assert [stage.role for stage in planned] == list(ROLES)
    assert all(stage.spec.teachers == () for stage in planned)
    alone = hashes(BASE, course=TrainingPlan(needs_teacher=False))
    other = hashes(experiment(teacher_train=SLOW), course=TrainingPlan(needs_teacher=False))
    assert alone["teacher"] != other["teacher"]
    assert alone["distilled"] == other["distilled"] != hashes(BASE)["distilled"]


def test_the_same_net_in_two_roles_is_one_stage() -> None:
    net = ModelSpec(name="mlp-64")
    spec = experiment(teacher=net, student=net, teacher_train=FAST, baseline_train=FAST)
    assert hashes(spec)["teacher"] == hashes(spec)["baseline"] != hashes(spec)["distilled"]


def test_experiments_that_overlap_share_their_stages() -> None:
    first = {stage.spec.hash for stage in plan(experiment(seeds=(0, 1)))}
    second = {stage.spec.hash for stage in plan(experiment(name="more", seeds=(1, 2)))}
    assert len(first & second) == 3
    assert len(first | second) == 9


def test_members_of_an_ensemble_are_stages_that_others_can_share() -> None:
    further = (
        FurtherTeacher(model=ModelSpec(name="lenet-5")),
        FurtherTeacher(model=BASE.teacher, seed_offset=7),
    )
    spec = experiment(more_teachers=further, seeds=(0, 7))
    stages = plan(spec)
    assert [stage.role for stage in stages[:5]] == ["teacher", "member", "member", *ROLES[1:]]
    teachers = [stage.spec for stage in stages[:3]]
    assert [stage.seed for stage in stages[:5]] == [0] * 5
    assert [teacher.seed for teacher in teachers] == [0, 0, 7]
    distilled = stages[4].spec
    assert distilled.teachers == tuple(teacher.hash for teacher in teachers)
    assert (distilled.teacher_weights, distilled.combine) == ((), "logits")
    assert teachers[2].hash == stages[5].spec.hash


def test_weights_are_kept_where_they_differ_and_only_their_ratios_count() -> None:
    def distilled(first: float, second: float) -> StageSpec:
        member = FurtherTeacher(model=ModelSpec(name="lenet-5"), weight=second)
        return plan(experiment(more_teachers=(member,), teacher_weight=first))[-1].spec

    assert distilled(2, 2).teacher_weights == ()
    assert distilled(2, 2).hash == distilled(1, 1).hash
    assert distilled(1, 3).teacher_weights == (1, 3)
    assert distilled(1, 3).hash == distilled(2, 6).hash != distilled(3, 1).hash


def test_one_teacher_is_not_combined() -> None:
    assert hashes(experiment(combine="probabilities", teacher_weight=3)) == hashes(BASE)


def test_hints_come_from_the_first_teacher() -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"), weight=3)
    course = TrainingPlan(first=PretrainStage(ObjectiveSpec(name="fitnets-hints")))
    stages = {stage.role: stage.spec for stage in plan(experiment(more_teachers=(member,)), course)}
    assert stages["hint"].teachers == (stages["teacher"].hash,)
    assert stages["hint"].teacher_weights == ()
    assert len(stages["distilled"].teachers) == 2


def by_seed(planned: tuple[PlannedStage, ...]) -> list[dict[Role, PlannedStage]]:
    seeds = dict.fromkeys(stage.seed for stage in planned)
    return [{stage.role: stage for stage in planned if stage.seed == seed} for seed in seeds]
