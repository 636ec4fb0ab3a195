"""The additive convention of johnkorn/distillation: lambda * CE + CE_soft(T).

Source: the code of johnkorn/distillation (2017). No T² and no (1 - lambda): the soft term's
pull fades as 1/T², so T = 10 here is not the T = 10 of ``hinton``, and lambda = 1 is *not* the
baseline. Kept because published figures use it.
"""

from __future__ import annotations

from tsexplorer.objectives.base import (
    Loss,
    Objective,
    Terms,
    cross_entropy,
    soft_cross_entropy,
    two_lines,
)


def loss(batch: Loss) -> Terms:
    """Give λ·CE + CE_soft(T)."""
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    soft = soft_cross_entropy(batch.teacher_logits_BC, batch.z_s_BC, batch.temperature)
    return Terms(batch.lam * labels + soft, {"labels": labels, "soft": soft})


def latex(temperature: str, lam: str, _rest: str) -> str:
    """The formula with the given spellings of T and lambda."""
    return two_lines(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"\mathrm{{CE}}\big(\mathrm{{softmax}}(z_t/{temperature}),\ "
        rf"\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


OBJECTIVE = Objective(
    name="additive",
    title="Additive (Korn 2017)",
    summary="Soft cross-entropy always counts fully, labels are added with weight λ; there is "
    "no T².",
    source="johnkorn/distillation, 2017",
    convention="additive: λ·CE + CE_soft(T), nats, batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=loss,
    latex=latex,
)
