"""Label smoothing: labels alone, each with a little of its weight spread over all classes.

Source: Szegedy et al. 2015, "Rethinking the Inception Architecture", arXiv 1512.00567, section 7.
No teacher: a second baseline. A teacher's soft targets also keep a student from being too sure;
what distillation buys beyond this is what the teacher knows. Whether a *teacher* that was trained
so teaches worse is disputed (arXiv 1906.02629 against arXiv 2104.00676).

The target of an image is (1 - epsilon) on its label plus epsilon / C on each of the C classes, the
label among them. At epsilon = 0 this is the baseline's loss.
"""

from __future__ import annotations

from tsexplorer.objectives.base import Loss, Objective, Terms, cross_entropy, two_lines
from tsexplorer.objectives.options import Option


def loss(batch: Loss) -> Terms:
    """Give (1 − ε)·CE(y) + ε·CE(uniform)."""
    epsilon = batch.number("epsilon")
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    uniform = -batch.z_s_BC.log_softmax(-1).mean(-1).mean()
    total = (1 - epsilon) * labels + epsilon * uniform
    return Terms(total, {"labels": labels, "uniform": uniform})


OBJECTIVE = Objective(
    name="label-smoothing",
    title="Label smoothing (no teacher)",
    summary="A second baseline: the student learns from labels alone, softened by the same amount "
    "for every class; what a teacher adds beyond this is knowledge, not caution.",
    source="Szegedy et al. 2015, arXiv 1512.00567, section 7",
    convention="label smoothing: (1 − ε)·CE + ε·CE with the uniform distribution, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=False,
    loss=loss,
    latex=lambda _t, _lam, _rest: two_lines(
        r"(1-\varepsilon)\cdot\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        r"\varepsilon\cdot\mathrm{CE}\big(\tfrac{1}{C},\ \mathrm{softmax}(z_s)\big)",
    ),
    options=(
        Option(
            "epsilon",
            "Smoothing ε",
            0.1,
            "Share of each target that is spread evenly over all classes; 0 is the baseline.",
            low=0.0,
            high=1.0,
            symbol=r"\varepsilon",
        ),
    ),
)
