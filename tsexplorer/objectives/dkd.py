"""Decoupled knowledge distillation: separate weights for the label's class and the other classes.

Source: Zhao et al. 2022, "Decoupled Knowledge Distillation", CVPR 2022, arXiv 2203.08679, and the
authors' code. With p = softmax(z / T), the KL divergence of teacher and student has two parts:

    KL(p_t || p_s) = TCKD + (1 - p_t[y]) · NCKD

TCKD is the KL divergence of the binary distributions (p[y], 1 - p[y]). NCKD is the KL divergence of
the distributions over the other classes. A confident teacher has a small factor 1 - p_t[y], which
suppresses NCKD. Here both parts have weights of their own:

    lambda·CE + (1 - lambda)·r·T²·(alpha·TCKD + beta·NCKD),    r = min(epoch / warm-up, 1)

The paper has no lambda: lambda = 1/2 gives half its loss, lambda = 1 the loss of the baseline. On
CIFAR the authors use alpha = 1, beta = 8 (1 to 8, depending on the teacher), T = 4 and a warm-up of
20 of 240 epochs. The warm-up increases with the epoch, counted from 1. The default here is 3, which
is a similar fraction of 30 to 40 epochs.
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


def loss(inputs: LossInputs) -> LossTerms:
    """λ·CE + (1 − λ)·r·T²·(α·TCKD + β·NCKD), batch mean, in nats."""
    temperature, lam = inputs.temperature, inputs.lam
    labels = inputs.label_loss()
    tckd, nckd = decoupled_divergences(
        inputs.teacher_logits_BC, inputs.z_s_BC, inputs.y_B, temperature
    )
    tckd, nckd = temperature**2 * tckd, temperature**2 * nckd
    soft = inputs.number("alpha") * tckd + inputs.number("beta") * nckd
    ramp = min(inputs.epoch / inputs.number("warm_up"), 1.0)
    total = lam * labels + (1 - lam) * ramp * soft
    return LossTerms(total, {"labels": labels, "target": tckd, "non-target": nckd})


def decoupled_divergences(
    z_t_BC: Tensor, z_s_BC: Tensor, y_B: Tensor, temperature: float | Tensor
) -> tuple[Tensor, Tensor]:
    """TCKD and NCKD at T without the factor T², batch means in nats."""
    is_label_BC = y_B.unsqueeze(-1) == y_B.new_ones(z_s_BC.shape[-1]).cumsum(-1) - 1
    (log_p_BC, log_p_others_B), (log_q_BC, log_q_others_B) = (
        _log_probabilities(z_BC / temperature, is_label_BC) for z_BC in (z_t_BC, z_s_BC)
    )
    y_B1 = y_B.unsqueeze(-1)
    log_p_y_B, log_q_y_B = (log_BC.gather(-1, y_B1).squeeze(-1) for log_BC in (log_p_BC, log_q_BC))
    tckd_B = log_p_y_B.exp() * (log_p_y_B - log_q_y_B)
    tckd_B = tckd_B + log_p_others_B.exp() * (log_p_others_B - log_q_others_B)
    # Normalise the other classes to sum 1. The entries of the labels are 0 in both and add 0.
    log_p_BC, log_q_BC = (
        (log_BC - log_others_B.unsqueeze(-1)).masked_fill(is_label_BC, 0.0)
        for log_BC, log_others_B in ((log_p_BC, log_p_others_B), (log_q_BC, log_q_others_B))
    )
    nckd_B = (log_p_BC.exp() * (log_p_BC - log_q_BC)).sum(-1)
    return tckd_B.mean(), nckd_B.mean()


def _log_probabilities(z_BC: Tensor, is_label_BC: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities B×C, and the logarithm B of the sum over all classes but the label."""
    log_p_BC = z_BC.log_softmax(-1)
    return log_p_BC, log_p_BC.masked_fill(is_label_BC, float("-inf")).logsumexp(-1)


def latex(temperature: str, lam: str, soft_weight: str) -> str:
    """The formula, given T, lambda and 1 - lambda as text."""
    return latex_sum(
        rf"{lam}\cdot\mathrm{{CE}}\big(y,\ \mathrm{{softmax}}(z_s)\big)",
        rf"{soft_weight}\cdot\min(e/\nu,\,1)\cdot {temperature}^2\cdot{{}}"
        r"\\ &\quad\big[\alpha\cdot\mathrm{KL}(b_t\,\|\,b_s)"
        r"+\beta\cdot\mathrm{KL}(\hat p_t\,\|\,\hat p_s)\big]"
        rf",\\ &\quad p=\mathrm{{softmax}}(z/{temperature}),\ b=(p_y,\,1-p_y),"
        r"\\ &\quad\hat p=p_{j\neq y}\,/\,(1-p_y)",
    )


OBJECTIVE = Objective(
    name="dkd",
    title="Decoupled KD (Zhao 2022)",
    summary="Separate weights for the teacher's confidence in the label and for its ranking of the "
    "other classes, so that a confident teacher no longer suppresses the ranking.",
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
            "Weight of the difference between the student's and the teacher's confidence in the "
            "label.",
            low=0.0,
            high=1000.0,
            symbol=r"\alpha",
        ),
        Option(
            "beta",
            "Weight β of the other classes",
            8.0,
            "Weight of the teacher's ranking of the other classes; the authors use 1 to 8 on "
            "CIFAR.",
            low=0.0,
            high=1000.0,
            symbol=r"\beta",
        ),
        Option(
            "warm_up",
            "Warm-up ν (epochs)",
            3,
            "Epochs over which the teacher's terms increase to their full weight; 1: no warm-up.",
            low=1,
            high=10_000,
            symbol=r"\nu",
        ),
    ),
    is_baseline_at_lambda_1=True,
)
