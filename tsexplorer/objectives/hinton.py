"""Hinton, Vinyals and Dean 2015: soft targets at T, with the T squared that keeps them heard.

Source: "Distilling the Knowledge in a Neural Network", arXiv 1503.02531, section 2. The
gradient of the soft term on a logit shrinks as 1/T², so the term is multiplied by T² and the
balance that lambda sets stays where it was put when T moves. The weights are written as lambda
and (1 - lambda), and nothing is switched off at the edges: lambda = 1 is exactly the baseline's
loss and lambda -> 0 approaches lambda = 0 without a step.
"""

from __future__ import annotations

from tsexplorer.objectives.base import (
    Loss,
    Objective,
    Terms,
    cross_entropy,
    soft_divergence,
    two_lines,
)


def loss(batch: Loss) -> Terms:
    """Give λ·CE + (1 − λ)·T²·KL(soft teacher ‖ soft student)."""
    temperature, lam = batch.temperature, batch.lam
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    soft = temperature**2 * soft_divergence(batch.teacher_logits_BC, batch.z_s_BC, temperature)
    return Terms(lam * labels + (1 - lam) * soft, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, rest: str) -> str:
    """The formula with the given spellings of T, lambda and 1 - lambda."""
    return two_lines(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{rest}\cdot {temperature}^2\cdot\mathrm{{KL}}\big(\mathrm{{softmax}}"
        rf"(z_t/{temperature})\,\big\|\,\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


OBJECTIVE = Objective(
    name="hinton",
    title="Hinton 2015",
    summary="Labels and the teacher's softened answers, balanced by λ; T² keeps the balance "
    "when T moves.",
    source="Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2",
    convention="hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=loss,
    latex=latex,
    baseline_at_one=True,
)
