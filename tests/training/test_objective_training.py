"""Training with each objective: a toy student learns, and a resume is bit-identical."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch

from tests.training.training_examples import (
    CONV,
    DENSE,
    DROPOUT,
    EventRecorder,
    TrainedStages,
    assert_equal_weights,
    make_stage,
    make_task,
    stage_with_teacher,
    train_stage,
    train_until,
)
from tsexplorer.objectives import get_objective, objective_names, plan_experiment, validation_term
from tsexplorer.specs import ExperimentSpec, ModelSpec, NetConfig, ObjectiveSpec, StageSpec
from tsexplorer.training import checkpoints, events

WIDE = ModelSpec(name="custom", net=NetConfig(dense=(16,)))
DEEP = ModelSpec(name="custom", net=NetConfig(dense=(12, 8, 6)))
CONV_STUDENT = ModelSpec(name="custom", net=NetConfig(conv=(3, 4), padding="valid"))
TRAIN = make_stage().train.model_copy(update={"epochs": 3})
EXPERIMENT = ExperimentSpec(
    teacher=WIDE,
    student=DENSE,
    teacher_train=TRAIN,
    baseline_train=TRAIN,
    distilled_train=TRAIN,
)
NETS = {
    "attention": {"teacher": CONV, "student": CONV},
    "born-again": {"teacher": WIDE, "student": WIDE},
}
"""Nets for objectives that need others than the default experiment has."""
HINTS = ObjectiveSpec(name="fitnets-hints", temperature=1, lam=1)


@pytest.fixture(scope="module")
def stages() -> TrainedStages:
    """Finished stages, shared by the tests."""
    return TrainedStages()


def distilled_stage(name: str, stages: TrainedStages, folder: Path) -> StageSpec:
    """The distilled stage of an objective, after training the stages it depends on."""
    objective = ObjectiveSpec(name=name, temperature=2.0, lam=0.3)
    experiment = EXPERIMENT.model_copy(update={"objective": objective, **NETS.get(name, {})})
    *others, distilled = plan_experiment(experiment)
    for number, stage in enumerate(others):
        key = stage.spec.hash
        needed = stage.role != "baseline" or key == distilled.spec.start_from
        if needed and key not in stages.stages:
            weights = train_stage(stage.spec, folder / str(number), stages=stages)
            stages.add(stage.spec, weights)
    return distilled.spec


@pytest.mark.parametrize("name", objective_names())
def test_a_student_learns_and_resumes_bit_identically(
    name: str, stages: TrainedStages, tmp_path: Path
) -> None:
    spec = distilled_stage(name, stages, tmp_path)
    recorder = EventRecorder()
    whole = train_stage(spec, tmp_path / "whole", stages=stages, listener=recorder)
    epochs = recorder.of(events.EpochEnded)
    # The weights of the terms of "dkd" rise during these epochs.
    assert epochs[-1].train_loss < epochs[0].train_loss or name == "dkd"
    assert epochs[-1].validation_loss < epochs[0].validation_loss
    objective = get_objective(name)
    assert set(objective.unitless_terms) <= set(epochs[0].terms)
    assert (
        not objective.member_names or validation_term(objective.member_names[0]) in epochs[0].terms
    )
    assert not objective.fraction_terms or set(objective.fraction_terms) & set(epochs[0].terms)
    train_until(2, spec, tmp_path / "parts", stages)
    assert_equal_weights(train_stage(spec, tmp_path / "parts", stages=stages), whole)


def test_attention_transfer_with_jitter_resumes_bit_identically(tmp_path: Path) -> None:
    """The teacher runs online, since its layers are used."""
    trained, spec = stage_with_teacher(tmp_path, epochs=3, jitter=1)
    objective = ObjectiveSpec(name="attention")
    spec = spec.model_copy(update={"objective": objective, "model": CONV_STUDENT})
    whole = train_stage(spec, tmp_path / "whole", stages=trained)
    train_until(2, spec, tmp_path / "parts", trained)
    assert_equal_weights(train_stage(spec, tmp_path / "parts", stages=trained), whole)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd", "adadelta"])
def test_hints_train_the_layers_up_to_the_guided_one(
    optimiser: Literal["adamw", "sgd", "adadelta"], tmp_path: Path
) -> None:
    changes = {"optimiser": optimiser, "weight_decay": 0.1, "averaging": 0.9}
    trained, spec = stage_with_teacher(tmp_path, **changes)
    spec = spec.model_copy(update={"objective": HINTS, "model": DEEP})
    net = make_task(spec, trained).net
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    after = train_stage(spec, tmp_path / "student", stages=trained)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    layers = ("body.dense1", "body.dense2")
    assert changed == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}


def test_hints_resume_bit_identically_and_start_fitnets(tmp_path: Path) -> None:
    trained, spec = stage_with_teacher(tmp_path, epochs=3, optimiser="adamw")
    spec = spec.model_copy(update={"model": DROPOUT})
    hints = spec.model_copy(update={"objective": HINTS})
    whole = train_stage(hints, tmp_path / "whole", stages=trained)
    train_until(2, hints, tmp_path / "parts", trained)
    assert_equal_weights(whole, train_stage(hints, tmp_path / "parts", stages=trained))
    fitnets = ObjectiveSpec(name="fitnets", temperature=3)
    changes = {"objective": fitnets, "start_from": trained.add(hints, whole)}
    second = spec.model_copy(update=changes)
    assert_equal_weights(whole, dict(make_task(second, trained).net.state_dict()))
    weights = train_stage(second, tmp_path / "second", stages=trained)
    assert not torch.equal(weights["logits.weight"], whole["logits.weight"])


@pytest.mark.parametrize("mode", ["cooperative", "adversarial"])
def test_meal_v2_resumes_with_its_discriminator(mode: str, tmp_path: Path) -> None:
    trained, spec = stage_with_teacher(tmp_path, epochs=3)
    teacher = make_stage(DENSE, seed=9)
    weights = train_stage(teacher, tmp_path / "second")
    keys = (*spec.teachers, trained.add(teacher, weights))
    objective = ObjectiveSpec(name="meal-v2", options={"discriminator": mode})
    changes = {"objective": objective, "teachers": keys, "combine": "probabilities"}
    spec = spec.model_copy(update=changes)
    recorder = EventRecorder()
    whole = train_stage(spec, tmp_path / "whole", stages=trained, listener=recorder)
    train_until(2, spec, tmp_path / "parts", trained)
    assert_equal_weights(whole, train_stage(spec, tmp_path / "parts", stages=trained))
    discriminators = []
    for folder in ("whole", "parts"):
        tensors, _ = checkpoints.read(tmp_path / folder / checkpoints.CHECKPOINT)
        discriminators.append(checkpoints.select_prefix("extra.", tensors))
    assert discriminators[0]["0.weight"].shape == (32, 10)
    assert_equal_weights(*discriminators)
    for epoch in recorder.of(events.EpochEnded):
        assert set(epoch.terms) == {"soft", "discriminator", "discriminator accuracy"}
        assert 0 <= epoch.terms["discriminator accuracy"] <= 1
        loss = epoch.terms["soft"] + epoch.terms["discriminator"]
        assert epoch.train_loss == pytest.approx(loss)
