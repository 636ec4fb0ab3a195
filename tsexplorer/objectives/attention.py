"""Attention transfer: the student looks where its teacher looks.

Source: Zagoruyko and Komodakis 2017, "Paying More Attention to Attention", arXiv 1612.03928. The
attention of a layer is the mean of its squared maps over the channels, flattened and divided by
its Euclidean norm: Q = normalise(flatten(mean_c A²)). The loss is

    CE + β · Σ_j mean (Q_s,j − Q_t,j)²

with the mean over the batch and the pixels of a map, as published code has it (the paper writes
half the norm of the difference, and so another β); β = 1000 in three libraries.

A pair j is the last activation at an image size in each net, matched from the end: the logits'
side of both nets is nearer to meaning the same. Maps of one pixel are left out, as their
normalised attention is 1 whatever the image. Where a pair's maps differ in size, the larger
attention is averaged down to the smaller before it is normalised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.errors import UserError
from tsexplorer.objectives.base import LayerNames, Loss, Objective, Pair, Terms, cross_entropy
from tsexplorer.objectives.feature_layers import Hidden, Side, hidden_layers
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

BETA = Option(
    name="beta",
    title="Weight of the attention β",
    default=1000.0,
    help="How much the attention maps count beside the labels; 0 is the baseline's loss.",
    low=0.0,
    high=1e6,
    symbol=r"\beta",
)


def loss(batch: Loss) -> Terms:
    """Give CE + β·Σ mean (Q_s − Q_t)²."""
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    pairs = zip(batch.student_features.values(), batch.teacher_features.values(), strict=True)
    distances = [
        _distance(student_features, teacher_features)
        for student_features, teacher_features in pairs
    ]
    attention = sum(distances[1:], start=distances[0])
    total = labels + batch.number("beta") * attention
    return Terms(total, {"labels": labels, "attention": attention})


def _distance(student_features: Tensor, teacher_features: Tensor) -> Tensor:
    """Mean (Q_s − Q_t)² of two layers B×C×H×W, on the pixels of the smaller one."""
    from torch.nn.functional import adaptive_avg_pool2d, normalize

    a_s, a_t = (seen.pow(2).mean(1) for seen in (student_features, teacher_features))
    side = min(a_s.shape[-1], a_t.shape[-1])
    q_s, q_t = (
        normalize((adaptive_avg_pool2d(a, side) if a.shape[-1] > side else a).flatten(1), dim=1)
        for a in (a_s, a_t)
    )
    return (q_s - q_t).pow(2).mean()


def _looks(pair: Pair) -> LayerNames:
    """The last activation at each image size, as many of each net as both have.

    Raises:
        UserError: a net has no maps.
    """
    assert pair.teacher is not None
    student = _lasts(pair.student, pair.classes, "student")
    teacher = _lasts(pair.teacher, pair.classes, "teacher")
    count = min(len(student), len(teacher))
    return LayerNames(student[-count:], teacher[-count:])


def _lasts(model: ModelSpec, classes: int, side: Side) -> tuple[str, ...]:
    lasts: dict[int, Hidden] = {}
    for layer in hidden_layers(model, classes):
        if layer.active and layer.maps and layer.shape[-1] > 1:
            lasts[layer.shape[-1]] = layer
    if not lasts:
        raise UserError(
            f"Attention transfer compares where in the image both nets look, and the {side} has "
            "no maps that would tell: choose one with convolutions, or another objective."
        )
    return tuple(layer.name for layer in lasts.values())


OBJECTIVE = Objective(
    name="attention",
    title="Attention transfer (Zagoruyko 2017)",
    summary="Labels, and maps of where in the image a net looks, which shall be the teacher's; "
    "for pairs of nets with convolutions.",
    source="Zagoruyko, Komodakis 2017, arXiv 1612.03928",
    convention="attention: CE + β·Σ mean (Q_s − Q_t)², CE in nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    loss=loss,
    latex=lambda _t, _lam, _rest: (
        r"\begin{aligned}L ={}& \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)\\"
        r" &+ \beta\,\sum_j \mathrm{mean}\,\big(Q_{s,j} - Q_{t,j}\big)^2\end{aligned}"
    ),
    options=(BETA,),
    looks=_looks,
    unitless=("attention",),
    supports_ensemble=False,
)
