"""Attention transfer: the student's attention maps match those of the teacher.

Source: Zagoruyko and Komodakis 2017, "Paying More Attention to Attention", arXiv 1612.03928. The
attention map of a layer is the mean of its squared outputs over the channels, flattened and divided
by its Euclidean norm: Q = normalise(flatten(mean_c A²)). The loss is

    CE + β · Σ_j mean (Q_s,j − Q_t,j)²

where the mean is over the batch and the pixels of a map, as in published code. The paper uses half
the norm of the difference and therefore another β. Three libraries use β = 1000.

For each image size within a net, the last activation is selected. These layers of student and
teacher form the pairs j, starting from the output side, where the layers of two nets are most
similar in function. Maps of one pixel are excluded because their normalised attention is always 1.
If the maps of a pair differ in size, the larger one is average-pooled to the smaller size before
normalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives.base import (
    LayerNames,
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
)
from tsexplorer.objectives.feature_layers import PairRole, hidden_layers
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

BETA = Option(
    name="beta",
    title="Weight of the attention β",
    default=1000.0,
    help="Weight of the attention maps relative to the labels; 0 is the baseline's loss.",
    low=0.0,
    high=1e6,
    symbol=r"\beta",
)


def loss(inputs: LossInputs) -> LossTerms:
    """CE + β·Σ mean (Q_s − Q_t)²; CE is a batch mean in nats, the attention term has no unit."""
    labels = inputs.label_loss()
    pairs = zip(inputs.student_features.values(), inputs.teacher_features.values(), strict=True)
    distances = [
        _attention_distance(student_BCHW, teacher_BCHW) for student_BCHW, teacher_BCHW in pairs
    ]
    attention = sum(distances[1:], start=distances[0])
    total = labels + inputs.number("beta") * attention
    return LossTerms(total, {"labels": labels, "attention": attention})


def _attention_distance(student_BCHW: Tensor, teacher_BCHW: Tensor) -> Tensor:
    """Mean (Q_s − Q_t)² of two layers B×C×H×W, at the size of the smaller one."""
    from torch.nn.functional import adaptive_avg_pool2d, normalize

    a_s_BHW, a_t_BHW = (
        features_BCHW.pow(2).mean(1) for features_BCHW in (student_BCHW, teacher_BCHW)
    )
    size = min(a_s_BHW.shape[-1], a_t_BHW.shape[-1])
    q_s, q_t = (
        normalize(
            (adaptive_avg_pool2d(a_BHW, size) if a_BHW.shape[-1] > size else a_BHW).flatten(1),
            dim=1,
        )
        for a_BHW in (a_s_BHW, a_t_BHW)
    )
    return (q_s - q_t).pow(2).mean()


def _select_layers(pair: ModelPair) -> LayerNames:
    """The last activation at each image size, from the output side, as many in both nets.

    Raises:
        UserError: a net has no layer with feature maps.
    """
    assert pair.teacher is not None
    student = _last_activations(pair.student, pair.task, "student")
    teacher = _last_activations(pair.teacher, pair.task, "teacher")
    count = min(len(student), len(teacher))
    return LayerNames(student[-count:], teacher[-count:])


def _last_activations(model: ModelSpec, task: ImageTask, role: PairRole) -> tuple[str, ...]:
    """Names of the last activation at each image size above one pixel, in order."""
    name_by_size: dict[int, str] = {}
    for layer in hidden_layers(model, task):
        if layer.is_activation and layer.has_maps and layer.shape[-1] > 1:
            name_by_size[layer.shape[-1]] = layer.name
    if not name_by_size:
        raise UserError(
            f"Attention transfer compares feature maps, and the {role} has none larger than one "
            "pixel; choose a net with convolutions, or another objective."
        )
    return tuple(name_by_size.values())


OBJECTIVE = Objective(
    name="attention",
    title="Attention transfer (Zagoruyko 2017)",
    summary="Labels, and attention maps: the student's hidden layers become active in the same "
    "regions of the image as the teacher's. Both nets need convolutions.",
    source="Zagoruyko, Komodakis 2017, arXiv 1612.03928",
    convention="attention: CE + β·Σ mean (Q_s − Q_t)², CE in nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=lambda _t, _lam, _soft: (
        r"\begin{aligned}L ={}& \mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)\\"
        r" &+ \beta\,\sum_j \mathrm{mean}\,\big(Q_{s,j} - Q_{t,j}\big)^2\end{aligned}"
    ),
    options=(BETA,),
    select_layers=_select_layers,
    unitless_terms=("attention",),
    supports_ensemble=False,
)
