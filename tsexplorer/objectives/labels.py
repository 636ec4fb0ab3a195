"""Cross-entropy with the labels: the objective of teachers and baselines."""

from __future__ import annotations

from tsexplorer.objectives.base import LossInputs, LossTerms, Objective


def loss(inputs: LossInputs) -> LossTerms:
    """CE(y, softmax(z_s)), batch mean, in nats."""
    labels = inputs.label_loss()
    return LossTerms(labels, {"labels": labels})


OBJECTIVE = Objective(
    name="labels",
    title="Labels only",
    summary="Cross-entropy with the true labels: the reference for all distilled students.",
    source="standard",
    convention="cross-entropy, nats",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=False,
    loss=loss,
    latex=lambda _t, _lam, _soft: r"L = \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
)
