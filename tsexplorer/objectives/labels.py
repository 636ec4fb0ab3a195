"""Labels alone: what teachers and baselines are trained on."""

from __future__ import annotations

from tsexplorer.objectives.base import Loss, Objective, Terms, cross_entropy


def loss(batch: Loss) -> Terms:
    """CE(y, softmax(z_s))."""
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    return Terms(labels, {"labels": labels})


OBJECTIVE = Objective(
    name="labels",
    title="Labels only",
    summary="Cross-entropy with the true labels: the comparison that distillation must beat.",
    source="standard",
    convention="cross-entropy, nats",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=False,
    loss=loss,
    latex=lambda _t, _lam, _rest: r"L = \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
)
