"""DIST: the student's answers have to correlate with the teacher's, not to equal them.

Source: Huang et al. 2022, "Knowledge Distillation from A Stronger Teacher", NeurIPS 2022, arXiv
2205.10536, and the authors' code. With p = softmax(z / T) of a batch as a table of images by
classes, rho is Pearson's correlation of teacher and student:

    lambda·CE + (1 - lambda)·(beta·(1 - mean rho of rows) + gamma·(1 - mean rho of columns))

Rows compare the classes of one image, columns the images under one class; the latter depend on who
else is in the batch. The paper writes tau for T, and CE counts fully: at lambda = 1/2 this is half
its loss, at 1 the baseline's. beta = gamma = 2 are what torchdistill's ImageNet file comes to (at
T = 1) and what is said of CIFAR (at T = 4), the latter unchecked.

A correlation does not see scale: as T grows its gradient tends to that of the correlation of the
logits themselves and does not fade, so there is no T² here. Code in circulation multiplies by it;
at T = 1 that is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import Loss, Objective, Terms, cross_entropy, lines
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-8
"""Added to the product of the norms, as in the authors' code: equal numbers correlate by 0."""


def correlation(x_KN: Tensor, y_KN: Tensor) -> Tensor:
    """Pearson's correlation K of rows."""
    x_KN, y_KN = x_KN - x_KN.mean(-1, keepdim=True), y_KN - y_KN.mean(-1, keepdim=True)
    norms_K = x_KN.norm(dim=-1) * y_KN.norm(dim=-1)
    rho_K: Tensor = (x_KN * y_KN).sum(-1) / (norms_K + SMALLEST)
    return rho_K


def loss(batch: Loss) -> Terms:
    """Give λ·CE + (1 − λ)·(β·(1 − ρ of rows) + γ·(1 − ρ of columns))."""
    lam = batch.lam
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    p_BC, q_BC = (
        (z_BC / batch.temperature).softmax(-1) for z_BC in (batch.teacher_logits_BC, batch.z_s_BC)
    )
    rows = 1 - correlation(q_BC, p_BC).mean()
    columns = 1 - correlation(q_BC.transpose(-1, -2), p_BC.transpose(-1, -2)).mean()
    taught = batch.number("beta") * rows + batch.number("gamma") * columns
    total = lam * labels + (1 - lam) * taught
    return Terms(total, {"labels": labels, "rows": rows, "columns": columns})


def latex(temperature: str, lam: str, rest: str) -> str:
    """The formula with the given spellings of T, lambda and 1 - lambda."""
    return lines(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{rest}\cdot\big[\beta\cdot(1-\bar\rho_{{\,\mathrm{{rows}}}})"
        r"+\gamma\cdot(1-\bar\rho_{\,\mathrm{columns}})\big]"
        rf",\\ &\quad \rho\ \mathrm{{of}}\ \mathrm{{softmax}}(z_t/{temperature})"
        rf"\ \mathrm{{and}}\ \mathrm{{softmax}}(z_s/{temperature})",
    )


OBJECTIVE = Objective(
    name="dist",
    title="DIST (Huang 2022)",
    summary="The student's probabilities have to rise and fall with the teacher's, image by image "
    "and class by class, whatever their size: kinder to a small student of a strong teacher.",
    source="Huang et al. 2022, arXiv 2205.10536, and the authors' code",
    convention="dist: λ·CE in nats + (1 − λ)·(β·(1 − ρ of rows) + γ·(1 − ρ of columns)), "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "beta",
            "Weight β of rows",
            2.0,
            "Rows: how one image's classes compare.",
            low=0.0,
            high=1000.0,
            symbol=r"\beta",
        ),
        Option(
            "gamma",
            "Weight γ of columns",
            2.0,
            "Columns: how the batch's images compare under one class.",
            low=0.0,
            high=1000.0,
            symbol=r"\gamma",
        ),
    ),
    baseline_at_one=True,
    unitless=("rows", "columns"),
)
