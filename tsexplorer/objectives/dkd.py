"""Decoupled knowledge distillation: how sure of the label, and which of the others, apart.

Source: Zhao et al. 2022, "Decoupled Knowledge Distillation", CVPR 2022, arXiv 2203.08679, and the
authors' code. With p = softmax(z / T), KL of two answers falls into two parts:

    KL(p_t || p_s) = TCKD + (1 - p_t[y]) · NCKD

TCKD is the KL of (p[y], 1 - p[y]); NCKD that of the other classes among themselves. A sure teacher
mutes the second; here each has a weight of its own:

    lambda·CE + (1 - lambda)·r·T²·(alpha·TCKD + beta·NCKD),    r = min(epoch / warm-up, 1)

The paper has no lambda: at 1/2 this is half its loss, at 1 the baseline's. On CIFAR the authors
take alpha = 1, beta = 8 (from 1 to 8, by teacher), T = 4 and 20 epochs of 240 for the warm-up,
which grows by epochs counted from 1. The default here is 3: of 30 to 40 epochs about as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import Loss, Objective, Terms, cross_entropy, lines
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor


def loss(batch: Loss) -> Terms:
    """Give λ·CE + (1 − λ)·r·T²·(α·TCKD + β·NCKD)."""
    temperature, lam = batch.temperature, batch.lam
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    target, others = divergences(batch.teacher_logits_BC, batch.z_s_BC, batch.y_B, temperature)
    target, others = temperature**2 * target, temperature**2 * others
    taught = batch.number("alpha") * target + batch.number("beta") * others
    ramp = min(batch.epoch / batch.number("warm_up"), 1.0)
    total = lam * labels + (1 - lam) * ramp * taught
    return Terms(total, {"labels": labels, "target": target, "non-target": others})


def divergences(
    z_t_BC: Tensor, z_s_BC: Tensor, y_B: Tensor, temperature: float | Tensor
) -> tuple[Tensor, Tensor]:
    """TCKD and NCKD at T, without T², batch means in nats."""
    label_BC = y_B.unsqueeze(-1) == y_B.new_ones(z_s_BC.shape[-1]).cumsum(-1) - 1
    (log_p_BC, log_p_rest_B), (log_q_BC, log_q_rest_B) = (
        _parted(z_BC / temperature, label_BC) for z_BC in (z_t_BC, z_s_BC)
    )
    y_B1 = y_B.unsqueeze(-1)
    log_p_y_B, log_q_y_B = (one_BC.gather(-1, y_B1).squeeze(-1) for one_BC in (log_p_BC, log_q_BC))
    target_B = log_p_y_B.exp() * (log_p_y_B - log_q_y_B)
    target_B = target_B + log_p_rest_B.exp() * (log_p_rest_B - log_q_rest_B)
    # Of the other classes: divided by their sum, the label's place left out of it all.
    log_p_BC, log_q_BC = (
        (one_BC - rest_B.unsqueeze(-1)).masked_fill(label_BC, 0.0)
        for one_BC, rest_B in ((log_p_BC, log_p_rest_B), (log_q_BC, log_q_rest_B))
    )
    others_B = (log_p_BC.exp() * (log_p_BC - log_q_BC)).sum(-1)
    return target_B.mean(), others_B.mean()


def _parted(z_BC: Tensor, label_BC: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities B×C, and the logarithm B of the sum of those that are not the label's."""
    log_p_BC = z_BC.log_softmax(-1)
    return log_p_BC, log_p_BC.masked_fill(label_BC, float("-inf")).logsumexp(-1)


def latex(temperature: str, lam: str, rest: str) -> str:
    """The formula with the given spellings of T, lambda and 1 - lambda."""
    return lines(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{rest}\cdot\min(e/\nu,\,1)\cdot {temperature}^2\cdot{{}}"
        r"\\ &\quad\big[\alpha\cdot\mathrm{KL}(b_t\,\|\,b_s)"
        r"+\beta\cdot\mathrm{KL}(\hat p_t\,\|\,\hat p_s)\big]"
        rf",\\ &\quad p=\mathrm{{softmax}}(z/{temperature}),\ b=(p_y,\,1-p_y),"
        r"\\ &\quad\hat p=p_{j\neq y}\,/\,(1-p_y)",
    )


OBJECTIVE = Objective(
    name="dkd",
    title="Decoupled KD (Zhao 2022)",
    summary="How sure the teacher is of the label, and how it ranks the other classes, weighted "
    "apart: a sure teacher no longer mutes what it knows of the others.",
    source="Zhao et al. 2022, arXiv 2203.08679, and the authors' code",
    convention="dkd: λ·CE + (1 − λ)·r·T²·(α·TCKD + β·NCKD), r the warm-up, nats, batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "alpha",
            "Weight α of the label's class",
            1.0,
            "How much it counts that the student is as sure of the label as its teacher.",
            low=0.0,
            high=1000.0,
            symbol=r"\alpha",
        ),
        Option(
            "beta",
            "Weight β of the other classes",
            8.0,
            "How much the teacher's ranking of the other classes counts; the authors took 1 to 8 "
            "on CIFAR.",
            low=0.0,
            high=1000.0,
            symbol=r"\beta",
        ),
        Option(
            "warm_up",
            "Warm-up ν (epochs)",
            3,
            "The teacher's terms grow to their full weight over so many epochs; 1: full at once.",
            low=1,
            high=10_000,
            symbol=r"\nu",
        ),
    ),
    baseline_at_one=True,
)
