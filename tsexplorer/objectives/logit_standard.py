"""Logit standardisation: the student has to match the teacher's logits up to shift and scale.

Source: Sun et al. 2024, "Logit Standardization in Knowledge Distillation", CVPR 2024, arXiv
2403.01427; the loss as in the authors' code. Each image's logits become (z - mean) / (s + 1e-7),
s their standard deviation with C - 1 in its denominator, the teacher's as the student's; then KL
at T, times T². A small student need not reach the spread of its teacher's logits.

With a weight omega on the soft term: lambda·CE + (1 - lambda)·omega·T²·KL. The authors' CIFAR runs
weigh it by 9 at T = 2; that CE has a weight of 0.1 there is unchecked. lambda = 0.1 and omega = 10
are these two weights. At lambda = 1 this is the baseline's loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    Loss,
    Objective,
    Terms,
    cross_entropy,
    lines,
    soft_divergence,
)
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-7
"""Added to the standard deviation, as in the authors' code."""


def standardised(z_BC: Tensor) -> Tensor:
    """Each image's logits with mean 0 and standard deviation 1; all 0 where they are equal."""
    centred_BC = z_BC - z_BC.mean(-1, keepdim=True)
    return centred_BC / (z_BC.std(-1, keepdim=True) + SMALLEST)


def loss(batch: Loss) -> Terms:
    """Give λ·CE + (1 − λ)·ω·T²·KL(standardised teacher ‖ standardised student)."""
    temperature, lam = batch.temperature, batch.lam
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    z_t_BC, z_s_BC = standardised(batch.teacher_logits_BC), standardised(batch.z_s_BC)
    soft = temperature**2 * soft_divergence(z_t_BC, z_s_BC, temperature)
    total = lam * labels + (1 - lam) * batch.number("weight") * soft
    return Terms(total, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, rest: str) -> str:
    """The formula with the given spellings of T, lambda and 1 - lambda."""
    return lines(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{rest}\cdot\omega\cdot {temperature}^2\cdot\mathrm{{KL}}\big(\mathrm{{softmax}}"
        rf"(\hat z_t/{temperature})\,\big\|\,\mathrm{{softmax}}(\hat z_s/{temperature})\big)"
        r",\\ &\quad \hat z = (z - \bar z)\,/\,\mathrm{std}(z)",
    )


OBJECTIVE = Objective(
    name="logit-standard",
    title="Logit standardisation (Sun 2024)",
    summary="As Hinton's, with each image's logits brought to mean 0 and deviation 1 first: the "
    "student matches their shape, not their size.",
    source="Sun et al. 2024, arXiv 2403.01427, and the authors' code",
    convention="logit standardisation: λ·CE + (1 − λ)·ω·T²·KL of standardised logits, nats, "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "weight",
            "Weight ω of the soft term",
            9.0,
            "Standardised logits are close to each other, so their term is small; the authors "
            "weigh it by 9 on CIFAR.",
            low=0.0,
            high=1000.0,
            symbol=r"\omega",
        ),
    ),
    baseline_at_one=True,
)
