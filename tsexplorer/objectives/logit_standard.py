"""Logit standardisation: the student matches the teacher's logits up to shift and scale.

Source: Sun et al. 2024, "Logit Standardization in Knowledge Distillation", CVPR 2024, arXiv
2403.01427; the loss is that of the authors' code. The logits of each image are standardised to
(z - mean) / (s + 1e-7), where s is their standard deviation with denominator C - 1, for teacher and
student alike. The soft term is the KL divergence of the standardised logits at T, times T². The
student therefore need not reproduce the scale of the teacher's logits.

With a weight omega of the soft term, the loss is lambda·CE + (1 - lambda)·omega·T²·KL. The authors'
CIFAR runs use omega = 9 at T = 2 and, unverified, a weight of 0.1 for CE. These two weights
correspond to lambda = 0.1 and omega = 10 here. For lambda = 1 this is the loss of the baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    Objective,
    latex_sum,
    soft_divergence,
)
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-7
"""Added to the standard deviation, as in the authors' code."""


def standardise(z_BC: Tensor) -> Tensor:
    """Scale the logits of each image to mean 0 and standard deviation 1; equal logits become 0."""
    centred_BC = z_BC - z_BC.mean(-1, keepdim=True)
    return centred_BC / (z_BC.std(-1, keepdim=True) + EPSILON)


def loss(inputs: LossInputs) -> LossTerms:
    """λ·CE + (1 − λ)·ω·T²·KL of standardised logits, batch mean, in nats."""
    temperature, lam = inputs.temperature, inputs.lam
    labels = inputs.label_loss()
    z_t_BC, z_s_BC = standardise(inputs.teacher_logits_BC), standardise(inputs.z_s_BC)
    soft = temperature**2 * soft_divergence(z_t_BC, z_s_BC, temperature)
    total = lam * labels + (1 - lam) * inputs.number("weight") * soft
    return LossTerms(total, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, soft_weight: str) -> str:
    """The formula, given T, lambda and 1 - lambda as text."""
    return latex_sum(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{soft_weight}\cdot\omega\cdot {temperature}^2\cdot\mathrm{{KL}}\big(\mathrm{{softmax}}"
        rf"(\hat z_t/{temperature})\,\big\|\,\mathrm{{softmax}}(\hat z_s/{temperature})\big)"
        r",\\ &\quad \hat z = (z - \bar z)\,/\,\mathrm{std}(z)",
    )


OBJECTIVE = Objective(
    name="logit-standard",
    title="Logit standardisation (Sun 2024)",
    summary="As Hinton 2015, but the logits of each image are first scaled to mean 0 and standard "
    "deviation 1: the student matches their shape, not their scale.",
    source="Sun et al. 2024, arXiv 2403.01427, and the authors' code",
    convention="logit standardisation: λ·CE + (1 − λ)·ω·T²·KL of standardised logits, nats, "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "weight",
            "Weight ω of the soft term",
            9.0,
            "Standardised logits differ little, so that the soft term is small; the authors use 9 "
            "on CIFAR.",
            low=0.0,
            high=1000.0,
            symbol=r"\omega",
        ),
    ),
    is_baseline_at_lambda_1=True,
)
