"""Born-again nets: generations that teach each other, of one architecture, from new seeds."""

from __future__ import annotations

import pytest
import torch

from tsexplorer.errors import UserError
from tsexplorer.objectives import Loss, Pair, get_objective, planned
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.studies.student_stages import check_objective

BORN_AGAIN = get_objective("born-again")
NET = ModelSpec(name="mlp-64")


def course(generations: int) -> list[tuple[str, StageSpec]]:
    objective = ObjectiveSpec(name="born-again", options={"generations": generations})
    spec = ExperimentSpec(teacher=NET, student=NET, objective=objective)
    return [(stage.role, stage.spec) for stage in planned(spec)]


def test_each_generation_is_taught_by_the_one_before() -> None:
    roles, (teacher, _, first, second, last) = zip(*course(3), strict=True)
    assert roles == ("teacher", "baseline", "generation", "generation", "distilled")
    assert first.teachers == (teacher.hash,)
    assert second.teachers == (first.hash,)
    assert last.teachers == (second.hash,)
    assert len({teacher.seed, first.seed, second.seed, last.seed}) == 4
    assert {first.model, second.model, last.model} == {NET}


def test_a_shorter_course_is_the_beginning_of_a_longer_one() -> None:
    three = [stage.hash for _, stage in course(3)]
    assert [stage.hash for _, stage in course(1)] == three[:3]
    assert [stage.hash for _, stage in course(2)] == three[:4]


def test_its_loss_is_hintons_whatever_the_options() -> None:
    generator = torch.Generator().manual_seed(1)
    z_s_BC, z_t_BC = torch.randn(2, 4, 5, generator=generator)
    batch = Loss(z_s_BC, z_t_BC, torch.tensor([0, 1, 2, 3]), 3.0, 0.25)
    expected = get_objective("hinton").loss(batch).total
    assert torch.equal(BORN_AGAIN.loss(batch).total, expected)


def test_another_architecture_is_refused_and_another_name_is_not() -> None:
    with pytest.raises(UserError, match="have their teacher's architecture"):
        BORN_AGAIN.looks(Pair(NET, ModelSpec(name="wu-cnn"), 10))
    same = ModelSpec(name="custom", net=NetConfig(dense=(64,)))
    assert BORN_AGAIN.looks(Pair(NET, same, 10)) == ((), ())


def test_it_neither_goes_on_from_the_baseline_nor_into_a_map() -> None:
    objective = ObjectiveSpec(name="born-again")
    warm = ExperimentSpec(teacher=NET, student=NET, objective=objective, warm_start=True)
    with pytest.raises(UserError, match="starts from weights of its own"):
        planned(warm)
    with pytest.raises(UserError, match="trains in more than one stage"):
        check_objective(objective)
