"""Training with few labels: the label term is the mean over labelled images."""

from __future__ import annotations

import pytest
import torch

from tsexplorer.objectives import LossInputs, get_objective, plan_experiment
from tsexplorer.objectives.base import cross_entropy
from tsexplorer.planning import plan
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec


def random_logits(seed: int) -> torch.Tensor:
    return torch.randn(12, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_label_term_is_the_mean_over_labelled_images() -> None:
    z_BC, y_B = random_logits(0), torch.arange(12) % 5
    labelled_B = torch.arange(12) % 3 == 0
    weights_B = labelled_B.double() * (12 / int(labelled_B.sum()))
    inputs = LossInputs(z_BC, None, y_B * labelled_B, label_weights_B=weights_B)
    expected = cross_entropy(z_BC[labelled_B], y_B[labelled_B])
    assert float(inputs.label_loss()) == pytest.approx(float(expected), abs=1e-12)


def test_soft_targets_count_for_all_images() -> None:
    z_s_BC, z_t_BC = random_logits(1), random_logits(2)
    objective = get_objective("hinton")
    none_labelled = LossInputs(
        z_s_BC,
        z_t_BC,
        torch.zeros(12, dtype=torch.int64),
        4.0,
        0.0,
        label_weights_B=torch.zeros(12),
    )
    all_labelled = LossInputs(z_s_BC, z_t_BC, torch.arange(12) % 5, 4.0, 0.0)
    assert torch.equal(objective.loss(none_labelled).total, objective.loss(all_labelled).total)


def test_a_student_without_the_label_term_is_one_stage_for_all_shares() -> None:
    def distilled(share: float, lam: float) -> str:
        objective = ObjectiveSpec(name="hinton", lam=lam)
        spec = ExperimentSpec(objective=objective, label_share=share)
        return plan_experiment(spec)[-1].spec.hash

    assert distilled(0.1, 0.0) == distilled(1.0, 0.0)
    assert distilled(0.1, 0.5) != distilled(1.0, 0.5)


def test_the_teacher_has_all_labels() -> None:
    stages = {stage.role: stage.spec for stage in plan(ExperimentSpec(label_share=0.1))}
    assert (stages["teacher"].label_share, stages["baseline"].label_share) == (1.0, 0.1)
