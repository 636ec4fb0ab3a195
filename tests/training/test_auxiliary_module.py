"""An objective that uses layers of both nets and trains a net of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.training_examples import (
    DENSE,
    assert_equal_weights,
    make_task,
    stage_with_teacher,
    train_stage,
    train_until,
)
from tsexplorer import objectives
from tsexplorer.objectives import LayerNames, LossInputs, LossTerms, ModelPair, get_objective
from tsexplorer.planning import PretrainStage, TrainingPlan, plan
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec
from tsexplorer.training import checkpoints


def _loss(batch: LossInputs) -> LossTerms:
    """Cross-entropy plus the distance of a regression of the student's layer to the teacher's."""
    labels = get_objective("labels").loss(batch).total
    assert batch.auxiliary_module is not None
    regressed = batch.auxiliary_module(batch.student_features["dense1"])
    hint = (regressed - batch.teacher_features["dense1"]).pow(2).mean()
    return LossTerms(labels + hint / batch.epoch, {"labels": labels, "hint": hint})


def _module(pair: ModelPair) -> nn.Module:
    assert pair.teacher == pair.student == DENSE
    return nn.Linear(12, 12)


REGRESSION = dataclasses.replace(
    get_objective("hinton"),
    name="regression",
    loss=_loss,
    select_layers=lambda _pair: LayerNames(("dense1",), ("dense1",)),
    build_auxiliary_module=_module,
)


@pytest.fixture
def regression(monkeypatch: pytest.MonkeyPatch) -> ObjectiveSpec:
    """The registered objective."""
    registry = {**objectives.load_objectives(), REGRESSION.name: REGRESSION}
    monkeypatch.setattr(objectives, "load_objectives", lambda: registry)
    return ObjectiveSpec(name=REGRESSION.name)


def test_students_of_such_an_objective_do_not_stack() -> None:
    assert get_objective("hinton").can_stack
    assert not REGRESSION.can_stack


def test_a_pretrain_stage_is_planned_before_distillation() -> None:
    first = ObjectiveSpec(name="additive")
    stages = plan(ExperimentSpec(), TrainingPlan(pretrain_stage=PretrainStage(first)))
    assert [stage.role for stage in stages] == ["teacher", "baseline", "hint", "distilled"]
    hint, distilled = stages[2].spec, stages[3].spec
    assert hint.objective == first
    assert hint.teachers == distilled.teachers == (stages[0].spec.hash,)
    assert distilled.start_from == hint.hash
    assert distilled.objective == ExperimentSpec().objective


def test_the_module_is_trained_and_not_part_of_the_student(
    regression: ObjectiveSpec, tmp_path: Path
) -> None:
    stages, spec = stage_with_teacher(tmp_path, DENSE, epochs=3)
    spec = spec.model_copy(update={"objective": regression})
    task = make_task(spec, stages)
    before = task.auxiliary_module
    assert before is not None
    weights = train_stage(spec, tmp_path / "student", stages=stages)
    assert weights.keys() == dict(task.net.named_parameters()).keys()
    tensors, _ = checkpoints.read(tmp_path / "student" / checkpoints.CHECKPOINT)
    after = checkpoints.select_prefix("extra.", tensors)
    assert after.keys() == before.state_dict().keys()
    assert not torch.equal(after["weight"], before.state_dict()["weight"])


def test_initial_weights_of_the_module_depend_on_the_seed(
    regression: ObjectiveSpec, tmp_path: Path
) -> None:
    stages, spec = stage_with_teacher(tmp_path, DENSE)
    spec = spec.model_copy(update={"objective": regression})
    random_state = torch.random.get_rng_state()
    modules = [
        make_task(spec.model_copy(update={"seed": seed}), stages).auxiliary_module
        for seed in (3, 3, 4)
    ]
    assert torch.equal(random_state, torch.random.get_rng_state())
    first, same_seed, other_seed = (module.state_dict()["weight"] for module in modules if module)
    assert torch.equal(first, same_seed)
    assert not torch.equal(first, other_seed)


def test_resume_with_a_module_is_bit_identical(regression: ObjectiveSpec, tmp_path: Path) -> None:
    stages, spec = stage_with_teacher(tmp_path, DENSE, epochs=3)
    spec = spec.model_copy(update={"objective": regression})
    whole = train_stage(spec, tmp_path / "whole", stages=stages)
    train_until(2, spec, tmp_path / "parts", stages)
    assert_equal_weights(train_stage(spec, tmp_path / "parts", stages=stages), whole)
