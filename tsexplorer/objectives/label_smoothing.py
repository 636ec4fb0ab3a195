"""Label smoothing: the labels, with a part of their weight distributed over all classes.

Source: Szegedy et al. 2015, "Rethinking the Inception Architecture", arXiv 1512.00567, section 7.
The objective uses no teacher and serves as a second baseline: both label smoothing and soft targets
reduce the student's confidence, and only the improvement beyond label smoothing is due to the
information in the teacher's outputs. Whether a *teacher* that was trained with label smoothing is
worse for distillation is disputed (arXiv 1906.02629 and arXiv 2104.00676).

The target of an image is 1 - epsilon for its label plus epsilon / C for each of the C classes,
including the label. For epsilon = 0 this is the loss of the baseline.
"""

from __future__ import annotations

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    Objective,
    latex_sum,
)
from tsexplorer.objectives.options import Option


def loss(inputs: LossInputs) -> LossTerms:
    """(1 − ε)·CE(y) + ε·CE(uniform), batch mean, in nats."""
    epsilon = inputs.number("epsilon")
    labels = inputs.label_loss()
    uniform = -inputs.z_s_BC.log_softmax(-1).mean(-1).mean()
    total = (1 - epsilon) * labels + epsilon * uniform
    return LossTerms(total, {"labels": labels, "uniform": uniform})


OBJECTIVE = Objective(
    name="label-smoothing",
    title="Label smoothing (no teacher)",
    summary="A second baseline: labels that are smoothed equally over all classes. Only an "
    "improvement beyond it is due to the teacher's knowledge.",
    source="Szegedy et al. 2015, arXiv 1512.00567, section 7",
    convention="label smoothing: (1 − ε)·CE + ε·CE with the uniform distribution, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=False,
    loss=loss,
    latex=lambda _t, _lam, _soft: latex_sum(
        r"(1-\varepsilon)\cdot\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        r"\varepsilon\cdot\mathrm{CE}\big(\tfrac{1}{C},\ \mathrm{softmax}(z_s)\big)",
    ),
    options=(
        Option(
            "epsilon",
            "Smoothing ε",
            0.1,
            "Fraction of each target that is distributed evenly over all classes; 0 is the "
            "baseline's loss.",
            low=0.0,
            high=1.0,
            symbol=r"\varepsilon",
        ),
    ),
)
