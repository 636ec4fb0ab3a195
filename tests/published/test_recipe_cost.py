"""The estimated cost of training: missing steps, and seconds from nets that were timed before."""

from __future__ import annotations

import pytest

from tests.examples import TINY
from tsexplorer.planning import plan
from tsexplorer.published.recipe_cost import RecipeCost, count_steps, estimate_cost
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec
from tsexplorer.store import EpochRow

EPOCH = EpochRow(1, 1.0, {}, 0.5, 1.0, 0.5, 0.1, 2.0)


def cost_of(service: Service, spec: ExperimentSpec) -> RecipeCost:
    return estimate_cost(service, [spec], service.store.stages())


def record_timed(service: Service, spec: ExperimentSpec, seconds: float, machine: str) -> None:
    """Record an experiment as trained, with one epoch and this time a net."""
    for link in service.store.add_experiment(spec, service.check(spec).stages).stages:
        service.store.record_stage_started(link.stage.hash, machine=machine)
        service.store.record_epoch(link.stage.hash, EPOCH)
        service.store.record_stage_ended(link.stage.hash, "done", train_seconds=seconds)


def test_excluded_classes_make_fewer_steps() -> None:
    spec = TINY.model_copy(update={"left_out": (3,)})
    teacher, _, distilled = (planned.spec for planned in plan(spec))
    assert count_steps(teacher) == 8  # 4,000 images in batches of 500
    assert count_steps(distilled) == 8  # 3,600 of them: the last batch is short
    assert count_steps(plan(TINY.model_copy(update={"left_out": (3, 4)}))[2].spec) == 7


def test_nets_never_timed_have_no_estimate(service: Service) -> None:
    cost = cost_of(service, TINY)
    assert (cost.nets, cost.steps, cost.seconds) == (3, 24, None)


def test_the_time_scales_with_the_steps_of_timed_nets(service: Service) -> None:
    record_timed(service, TINY, seconds=2.0, machine="a machine")
    spec = TINY.model_copy(
        update={
            "name": "longer",
            "seeds": (7,),
            "teacher_train": TINY.teacher_train.model_copy(update={"epochs": 5}),
        }
    )
    cost = cost_of(service, spec)
    assert (cost.nets, cost.steps) == (3, 5 * 8 + 8 + 8)
    assert cost.seconds == pytest.approx(5 * 2.0 + 2.0 + 2.0)
    assert cost.machine == "a machine"


def test_options_of_the_objective_decide_the_time(service: Service) -> None:
    def mutual(name: str, seed: int, **options: int) -> ExperimentSpec:
        objective = ObjectiveSpec(name="mutual", options=options)
        return TINY.model_copy(update={"name": name, "seeds": (seed,), "objective": objective})

    record_timed(service, mutual("two", 0), seconds=2.0, machine="a machine")
    assert cost_of(service, mutual("two again", 1)).seconds is not None
    assert cost_of(service, mutual("eight", 1, peers=7)).seconds is None


def test_stacked_students_do_not_count_as_timed(service: Service) -> None:
    record_timed(service, TINY, seconds=2.0, machine="a machine, 12 together")
    assert cost_of(service, TINY.model_copy(update={"seeds": (7,)})).seconds is None


def test_trained_nets_cost_nothing(service: Service) -> None:
    cost = cost_of(service, get_recipe("best-64-plain").spec)
    assert (cost.nets, cost.steps, cost.seconds) == (0, 0, 0.0)
