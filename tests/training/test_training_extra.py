"""An objective that looks inside both nets and trains a net of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.training_examples import DENSE, made, run, run_until, taught
from tsexplorer import objectives
from tsexplorer.objectives import LayerNames, LossInputs, LossTerms, ModelPair, get_objective
from tsexplorer.planning import PretrainStage, TrainingPlan, plan
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.paths import CHECKPOINT


def _loss(batch: LossInputs) -> LossTerms:
    """Cross-entropy, and how far a map of the student's layer is from the teacher's."""
    labels = get_objective("labels").loss(batch).total
    assert batch.auxiliary_module is not None
    hint = (
        (
            batch.auxiliary_module(batch.student_features["dense1"])
            - batch.teacher_features["dense1"]
        )
        .pow(2)
        .mean()
    )
    return LossTerms(labels + hint / batch.epoch, {"labels": labels, "hint": hint})


def _module(pair: ModelPair) -> nn.Module:
    assert pair.teacher == pair.student == DENSE
    return nn.Linear(12, 12)


OBJECTIVE = dataclasses.replace(
    get_objective("hinton"),
    name="looks-inside",
    loss=_loss,
    select_layers=lambda _pair: LayerNames(("dense1",), ("dense1",)),
    build_auxiliary_module=_module,
)


@pytest.fixture
def looks_inside(monkeypatch: pytest.MonkeyPatch) -> ObjectiveSpec:
    known = {**objectives.load_objectives(), OBJECTIVE.name: OBJECTIVE}
    monkeypatch.setattr(objectives, "load_objectives", lambda: known)
    return ObjectiveSpec(name=OBJECTIVE.name)


def test_such_an_objective_does_not_stack() -> None:
    assert get_objective("hinton").can_stack
    assert not OBJECTIVE.can_stack


def test_a_first_stage_is_planned_and_gone_on_from() -> None:
    first = ObjectiveSpec(name="additive")
    stages = plan(ExperimentSpec(), TrainingPlan(pretrain_stage=PretrainStage(first)))
    assert [stage.role for stage in stages] == ["teacher", "baseline", "hint", "distilled"]
    hint, distilled = stages[2].spec, stages[3].spec
    assert hint.objective == first
    assert hint.teachers == distilled.teachers == (stages[0].spec.hash,)
    assert distilled.start_from == hint.hash
    assert distilled.objective == ExperimentSpec().objective


def test_its_net_is_trained_along_and_is_no_part_of_the_student(
    looks_inside: ObjectiveSpec, tmp_path: Path
) -> None:
    library, spec = taught(tmp_path, DENSE, epochs=3)
    spec = spec.model_copy(update={"objective": looks_inside})
    before = made(spec, library).extra
    assert before is not None
    weights = run(spec, tmp_path / "student", library=library)
    assert weights.keys() == dict(made(spec, library).net.named_parameters()).keys()
    tensors, _ = checkpoints.read(tmp_path / "student" / CHECKPOINT)
    after = checkpoints.under("extra.", tensors)
    assert after.keys() == before.state_dict().keys()
    assert not torch.equal(after["weight"], before.weight)  # type: ignore[arg-type]


def test_its_first_weights_are_a_function_of_the_seed(
    looks_inside: ObjectiveSpec, tmp_path: Path
) -> None:
    library, spec = taught(tmp_path, DENSE)
    spec = spec.model_copy(update={"objective": looks_inside})
    random = torch.random.get_rng_state()
    nets = [made(spec, library).extra for _ in range(2)]
    other = made(spec.model_copy(update={"seed": 4}), library).extra
    assert torch.equal(random, torch.random.get_rng_state())
    assert nets[0] is not None
    assert nets[1] is not None
    assert other is not None
    first = nets[0].state_dict()["weight"]
    assert torch.equal(first, nets[1].state_dict()["weight"])
    assert not torch.equal(first, other.state_dict()["weight"])


def test_resuming_ends_in_the_same_bits(looks_inside: ObjectiveSpec, tmp_path: Path) -> None:
    library, spec = taught(tmp_path, DENSE, epochs=3)
    spec = spec.model_copy(update={"objective": looks_inside})
    whole = run(spec, tmp_path / "whole", library=library)
    run_until(2, spec, tmp_path / "parts", library)
    parts = run(spec, tmp_path / "parts", library=library)
    for name, value in whole.items():
        assert torch.equal(value, parts[name])
