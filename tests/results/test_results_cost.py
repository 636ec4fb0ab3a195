"""What a run will cost: steps that are left, and seconds where such nets were timed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples import TINY
from tsexplorer.planning import plan
from tsexplorer.published.recipe_cost import Cost, cost, steps_of
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec
from tsexplorer.store import EpochRow

EPOCH = EpochRow(1, 1.0, {}, 0.5, 1.0, 0.5, 0.1, 2.0)


@pytest.fixture
def service(settled: Path) -> Iterator[Service]:
    one = Service(get_settings())
    yield one
    one.close()


def costs(service: Service, spec: ExperimentSpec) -> Cost:
    return cost(service, [spec], service.store.stages())


def time_nets(service: Service, spec: ExperimentSpec, seconds: float, machine: str) -> None:
    for stage in service.store.add_experiment(spec, service.check(spec).stages).stages:
        service.store.stage_started(stage.stage.hash, machine=machine)
        service.store.record_epoch(stage.stage.hash, EPOCH)
        service.store.stage_ended(stage.stage.hash, "done", train_seconds=seconds)


def test_steps_are_those_of_the_classes_that_are_left() -> None:
    spec = TINY.model_copy(update={"left_out": (3,)})
    teacher, _, distilled = (one.spec for one in plan(spec))
    assert steps_of(teacher) == 8  # 4,000 images in batches of 500
    assert steps_of(distilled) == 8  # 3,600 of them: the last batch is short
    assert steps_of(plan(TINY.model_copy(update={"left_out": (3, 4)}))[2].spec) == 7


def test_nets_that_were_never_timed_leave_the_time_open(service: Service) -> None:
    found = costs(service, TINY)
    assert (found.nets, found.steps, found.seconds) == (3, 24, None)


def test_nets_that_were_timed_say_how_long_more_of_them_take(service: Service) -> None:
    time_nets(service, TINY, seconds=2.0, machine="a machine")
    longer = {"epochs": 5}
    spec = TINY.model_copy(
        update={
            "name": "longer",
            "seeds": (7,),
            "teacher_train": TINY.teacher_train.model_copy(update=longer),
        }
    )
    found = costs(service, spec)
    assert (found.nets, found.steps) == (3, 5 * 8 + 8 + 8)
    assert found.seconds == pytest.approx(5 * 2.0 + 2.0 + 2.0)
    assert found.machine == "a machine"


def test_an_objective_s_options_are_part_of_what_was_timed(service: Service) -> None:
    def mutual(name: str, seed: int, **options: int) -> ExperimentSpec:
        objective = ObjectiveSpec(name="mutual", options=options)
        return TINY.model_copy(update={"name": name, "seeds": (seed,), "objective": objective})

    time_nets(service, mutual("two", 0), seconds=2.0, machine="a machine")
    assert costs(service, mutual("two again", 1)).seconds is not None
    assert costs(service, mutual("eight", 1, peers=7)).seconds is None


def test_students_of_a_stack_were_not_timed_alone(service: Service) -> None:
    time_nets(service, TINY, seconds=2.0, machine="a machine, 12 together")
    assert costs(service, TINY.model_copy(update={"seeds": (7,)})).seconds is None


def test_what_is_trained_costs_nothing(service: Service) -> None:
    found = costs(service, get_recipe("best-64-plain").spec)
    assert (found.nets, found.steps, found.seconds) == (0, 0, 0.0)
