"""Born-again nets: the stages of the generations, the loss, unsupported settings."""

from __future__ import annotations

import pytest
import torch

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives import LossInputs, ModelPair, get_objective, plan_experiment
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.studies.student_stages import check_objective

OBJECTIVE = get_objective("born-again")
NET = ModelSpec(name="mlp-64")


def plan_generations(generations: int) -> list[tuple[str, StageSpec]]:
    """Roles and specs of the stages of an experiment."""
    objective = ObjectiveSpec(name="born-again", options={"generations": generations})
    spec = ExperimentSpec(teacher=NET, student=NET, objective=objective)
    return [(stage.role, stage.spec) for stage in plan_experiment(spec)]


def test_each_generation_is_the_teacher_of_the_next() -> None:
    roles, (teacher, _, first, second, last) = zip(*plan_generations(3), strict=True)
    assert roles == ("teacher", "baseline", "generation", "generation", "distilled")
    assert first.teachers == (teacher.hash,)
    assert second.teachers == (first.hash,)
    assert last.teachers == (second.hash,)
    assert len({teacher.seed, first.seed, second.seed, last.seed}) == 4
    assert {first.model, second.model, last.model} == {NET}


def test_fewer_generations_are_the_first_of_more() -> None:
    three = [stage.hash for _, stage in plan_generations(3)]
    assert [stage.hash for _, stage in plan_generations(1)] == three[:3]
    assert [stage.hash for _, stage in plan_generations(2)] == three[:4]


def test_the_loss_is_that_of_hinton() -> None:
    generator = torch.Generator().manual_seed(1)
    z_s_BC, z_t_BC = torch.randn(2, 4, 5, generator=generator)
    inputs = LossInputs(z_s_BC, z_t_BC, torch.tensor([0, 1, 2, 3]), 3.0, 0.25)
    expected = get_objective("hinton").loss(inputs).total
    assert torch.equal(OBJECTIVE.loss(inputs).total, expected)


def test_another_architecture_is_rejected() -> None:
    with pytest.raises(UserError, match="have the architecture of their teacher"):
        OBJECTIVE.select_layers(ModelPair(NET, ModelSpec(name="wu-cnn"), ImageTask(10)))


def test_another_name_of_the_same_architecture_is_accepted() -> None:
    same = ModelSpec(name="custom", net=NetConfig(dense=(64,)))
    assert OBJECTIVE.select_layers(ModelPair(NET, same, ImageTask(10))) == ((), ())


def test_a_warm_start_is_rejected() -> None:
    objective = ObjectiveSpec(name="born-again")
    spec = ExperimentSpec(teacher=NET, student=NET, objective=objective, warm_start=True)
    with pytest.raises(UserError, match="starts from new random weights"):
        plan_experiment(spec)


def test_a_sweep_is_rejected() -> None:
    with pytest.raises(UserError, match="trains in more than one stage"):
        check_objective(ObjectiveSpec(name="born-again"))
