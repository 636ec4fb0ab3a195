"""Knowledge distillation of Hinton, Vinyals and Dean 2015: labels and soft targets at T.

Source: "Distilling the Knowledge in a Neural Network", arXiv 1503.02531, section 2. The gradient of
the soft term with respect to the logits decreases as 1/T². The factor T² compensates for this, so
that the balance of the two terms, which lambda sets, does not depend on T. The weights of the terms
are lambda and 1 - lambda, and the formula holds for all lambda from 0 to 1: lambda = 1 is exactly
the loss of the baseline.
"""

from __future__ import annotations

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    Objective,
    latex_sum,
    soft_divergence,
)


def loss(inputs: LossInputs) -> LossTerms:
    """λ·CE + (1 − λ)·T²·KL(softmax(z_t/T) ‖ softmax(z_s/T)), batch mean, in nats."""
    temperature, lam = inputs.temperature, inputs.lam
    labels = inputs.label_loss()
    soft = temperature**2 * soft_divergence(inputs.teacher_logits_BC, inputs.z_s_BC, temperature)
    return LossTerms(lam * labels + (1 - lam) * soft, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, soft_weight: str) -> str:
    """The formula, given T, lambda and 1 - lambda as text."""
    return latex_sum(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{soft_weight}\cdot {temperature}^2\cdot\mathrm{{KL}}\big(\mathrm{{softmax}}"
        rf"(z_t/{temperature})\,\big\|\,\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


OBJECTIVE = Objective(
    name="hinton",
    title="Hinton 2015",
    summary="Labels and the teacher's soft targets, weighted by λ. The factor T² makes this "
    "weighting independent of T.",
    source="Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2",
    convention="hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=latex,
    is_baseline_at_lambda_1=True,
)
