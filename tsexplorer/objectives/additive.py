"""The additive loss of johnkorn/distillation: lambda · CE + CE_soft(T).

Source: the code of johnkorn/distillation (2017). The loss has neither a factor T² nor a factor
1 - lambda. The gradient of the soft term decreases as 1/T², so that values of T are not comparable
with those of ``hinton``, and lambda = 1 is *not* the loss of the baseline. The objective exists
because published results use it.
"""

from __future__ import annotations

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    Objective,
    latex_sum,
    soft_cross_entropy,
)


def loss(inputs: LossInputs) -> LossTerms:
    """λ·CE + CE_soft(T), batch mean, in nats."""
    labels = inputs.label_loss()
    soft = soft_cross_entropy(inputs.teacher_logits_BC, inputs.z_s_BC, inputs.temperature)
    return LossTerms(inputs.lam * labels + soft, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, _soft_weight: str) -> str:
    """The formula, given T and lambda as text."""
    return latex_sum(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"\mathrm{{CE}}\big(\mathrm{{softmax}}(z_t/{temperature}),\ "
        rf"\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


OBJECTIVE = Objective(
    name="additive",
    title="Additive (Korn 2017)",
    summary="Soft cross-entropy with weight 1, plus cross-entropy with the labels with weight λ; "
    "no factor T².",
    source="johnkorn/distillation, 2017",
    convention="additive: λ·CE + CE_soft(T), nats, batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=latex,
)
