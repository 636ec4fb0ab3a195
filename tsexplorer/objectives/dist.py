"""DIST: the student's probabilities correlate with the teacher's, but need not equal them.

Source: Huang et al. 2022, "Knowledge Distillation from A Stronger Teacher", NeurIPS 2022, arXiv
2205.10536, and the authors' code. With p = softmax(z / T) as a matrix of images (rows) by classes
(columns), and rho the Pearson correlation of teacher and student:

    lambda·CE + (1 - lambda)·(beta·(1 - mean rho of rows) + gamma·(1 - mean rho of columns))

Rows compare the classes of one image. Columns compare the images of a batch for one class and
therefore depend on the batch. The paper writes tau for T and gives CE the weight 1: lambda = 1/2
gives half its loss, lambda = 1 the loss of the baseline. beta = gamma = 2 are the values in
torchdistill's ImageNet configuration (at T = 1) and, unverified, those for CIFAR (at T = 4).

The correlation does not depend on scale. As T increases, its gradient approaches the gradient of
the correlation of the logits and does not vanish, so that the loss has no factor T². Some published
code has this factor; at T = 1 both are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    Objective,
    latex_sum,
)
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-8
"""Added to the product of the norms, as in the authors' code; constant rows have correlation 0."""


def correlation(x_KN: Tensor, y_KN: Tensor) -> Tensor:
    """Pearson correlation of each row of x with the same row of y; shape K."""
    x_KN, y_KN = x_KN - x_KN.mean(-1, keepdim=True), y_KN - y_KN.mean(-1, keepdim=True)
    norms_K = x_KN.norm(dim=-1) * y_KN.norm(dim=-1)
    rho_K: Tensor = (x_KN * y_KN).sum(-1) / (norms_K + EPSILON)
    return rho_K


def loss(inputs: LossInputs) -> LossTerms:
    """λ·CE + (1 − λ)·(β·(1 − ρ of rows) + γ·(1 − ρ of columns)); CE in nats, ρ without unit."""
    lam = inputs.lam
    labels = inputs.label_loss()
    p_BC, q_BC = (
        (z_BC / inputs.temperature).softmax(-1)
        for z_BC in (inputs.teacher_logits_BC, inputs.z_s_BC)
    )
    rows = 1 - correlation(q_BC, p_BC).mean()
    columns = 1 - correlation(q_BC.transpose(-1, -2), p_BC.transpose(-1, -2)).mean()
    soft = inputs.number("beta") * rows + inputs.number("gamma") * columns
    total = lam * labels + (1 - lam) * soft
    return LossTerms(total, {"labels": labels, "rows": rows, "columns": columns})


def latex(temperature: str, lam: str, soft_weight: str) -> str:
    """The formula, given T, lambda and 1 - lambda as text."""
    return latex_sum(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{soft_weight}\cdot\big[\beta\cdot(1-\bar\rho_{{\,\mathrm{{rows}}}})"
        r"+\gamma\cdot(1-\bar\rho_{\,\mathrm{columns}})\big]"
        rf",\\ &\quad \rho\ \mathrm{{of}}\ \mathrm{{softmax}}(z_t/{temperature})"
        rf"\ \mathrm{{and}}\ \mathrm{{softmax}}(z_s/{temperature})",
    )


OBJECTIVE = Objective(
    name="dist",
    title="DIST (Huang 2022)",
    summary="The student's probabilities correlate with the teacher's, for each image and for each "
    "class, instead of matching them: less demanding for a small student of a strong teacher.",
    source="Huang et al. 2022, arXiv 2205.10536, and the authors' code",
    convention="dist: λ·CE in nats + (1 − λ)·(β·(1 − ρ of rows) + γ·(1 − ρ of columns)), "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "beta",
            "Weight β of rows",
            2.0,
            "Weight of the correlation over the classes of one image.",
            low=0.0,
            high=1000.0,
            symbol=r"\beta",
        ),
        Option(
            "gamma",
            "Weight γ of columns",
            2.0,
            "Weight of the correlation over the images of a batch for one class.",
            low=0.0,
            high=1000.0,
            symbol=r"\gamma",
        ),
    ),
    is_baseline_at_lambda_1=True,
    unitless_terms=("rows", "columns"),
)
