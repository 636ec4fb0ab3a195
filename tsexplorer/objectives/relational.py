"""Relational knowledge distillation: distances and angles between images match the teacher's.

Source: Park et al. 2019, "Relational Knowledge Distillation", CVPR 2019, arXiv 1904.05068; both
terms are those of the authors' code. The features of an image are the outputs of the last hidden
layer, whose widths may differ between student and teacher. Distances are divided by their batch
mean. Angles are represented by their cosines, at each image between each two other images. The
function l is Huber's loss with threshold 1:

    CE + alpha · mean l(distance_s, distance_t) + beta · mean l(angle_s, angle_t)

The means are over all pairs and triples, including those of an image with itself, which add 0, as
in the authors' code. Libraries use alpha = 25 and beta = 50 for classification; whether the paper
does is unverified. There is no lambda because the last layer would learn nothing without the
labels.

Differences from the authors' code: two images with a distance below 1e-6 count as one point and
have no gradient (in their code it is up to 1e12 times too large). For batches of more than 64
images only the first 64 are used because the number of angles increases with the cube of the batch
size; batches are shuffled, so that these images are a random sample.

Shape suffixes: F features; I, J and K images of the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.models import count
from tsexplorer.objectives.base import (
    LayerNames,
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
    latex_sum,
)
from tsexplorer.objectives.feature_layers import PairRole
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

MAX_IMAGES = 64
"""Number of images of a batch that are used."""
SAME_POINT = 1e-12
"""Squared distance up to which two images count as one point."""


def loss(inputs: LossInputs) -> LossTerms:
    """CE + α·distances + β·angles; CE is a batch mean in nats, the other terms have no unit."""
    labels = inputs.label_loss()
    (features_s,), (features_t,) = (
        inputs.student_features.values(),
        inputs.teacher_features.values(),
    )
    distances_s, angles_s = relations(features_s)
    distances_t, angles_t = relations(features_t)
    distance, angle = huber(distances_s, distances_t), huber(angles_s, angles_t)
    total = labels + inputs.number("distance") * distance + inputs.number("angle") * angle
    return LossTerms(total, {"labels": labels, "distance": distance, "angle": angle})


def relations(features: Tensor) -> tuple[Tensor, Tensor]:
    """Distances J×I between images, with mean 1, and cosines J×I×K of the angles at image J.

    Args:
        features: of a batch, B×F or B×C×H×W.
    """
    x_IF = features.flatten(1)[:MAX_IMAGES]
    difference_JIF = x_IF.unsqueeze(0) - x_IF.unsqueeze(1)
    square_JI = difference_JIF.square().sum(-1)
    is_distinct_JI = square_JI > SAME_POINT
    length_JI = square_JI.where(is_distinct_JI, square_JI.new_ones(())).sqrt()
    direction_JIF = difference_JIF / length_JI.unsqueeze(-1) * is_distinct_JI.unsqueeze(-1)
    distance_JI = length_JI * is_distinct_JI
    mean = distance_JI.sum() / is_distinct_JI.sum().clamp_min(1)
    return distance_JI / mean.clamp_min(SAME_POINT), direction_JIF @ direction_JIF.transpose(1, 2)


def huber(x: Tensor, y: Tensor) -> Tensor:
    """Mean Huber loss with threshold 1: d² / 2 up to a difference d of 1, then d - 1/2."""
    difference = (x - y).abs()
    clipped = difference.clamp_max(1.0)
    return (clipped * (difference - clipped / 2)).mean()


def _select_layers(pair: ModelPair) -> LayerNames:
    """The last hidden layer of each net.

    Raises:
        UserError: a net has no hidden layer, or there is no teacher.
    """
    if pair.teacher is None:
        raise UserError("The objective relational requires a teacher; add a teacher.")
    return LayerNames(
        (_last_hidden_layer(pair.student, pair.task, "student"),),
        (_last_hidden_layer(pair.teacher, pair.task, "teacher"),),
    )


def _last_hidden_layer(model: ModelSpec, task: ImageTask, role: PairRole) -> str:
    *hidden, _ = count(model, task).layers
    if not any(layer.parameters for layer in hidden):
        raise UserError(
            f"The {role} has no hidden layer, and the objective relational compares the outputs of "
            "the last hidden layers; choose another net or another objective."
        )
    return hidden[-1].name


OBJECTIVE = Objective(
    name="relational",
    title="Relational KD (Park 2019)",
    summary="Distances and angles between images, measured in the last hidden layer, match the "
    "teacher's; the widths of the layers may differ.",
    source="Park et al. 2019, arXiv 1904.05068, and the authors' code",
    convention="relational: CE in nats + α·Huber of distances + β·Huber of angles, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=lambda _t, _lam, _soft: latex_sum(
        r"\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        r"\alpha\cdot\mathrm{mean}_{ij}\ \ell\big(d^s_{ij}/\bar d^s,\ d^t_{ij}/\bar d^t\big)",
        r"\beta\cdot\mathrm{mean}_{ijk}\ \ell\big(\cos^s_{ijk},\ \cos^t_{ijk}\big)",
    ),
    options=(
        Option(
            "distance",
            "Weight α of distances",
            25.0,
            "Weight of the distances between images.",
            low=0.0,
            high=10_000.0,
            symbol=r"\alpha",
        ),
        Option(
            "angle",
            "Weight β of angles",
            50.0,
            "Weight of the angles at each image between two other images.",
            low=0.0,
            high=10_000.0,
            symbol=r"\beta",
        ),
    ),
    select_layers=_select_layers,
    unitless_terms=("distance", "angle"),
    supports_ensemble=False,
)
