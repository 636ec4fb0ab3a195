"""Relational knowledge distillation: images lie to each other as they do in the teacher.

Source: Park et al. 2019, "Relational Knowledge Distillation", CVPR 2019, arXiv 1904.05068; the two
losses as in the authors' code. Looked at is what the last hidden layer of each net says, so the
widths may differ. Distances are divided by their mean over the batch; angles are cosines, at each
image between each two others; l is Huber's loss with its bend at 1:

    CE + alpha · mean l(distance_s, distance_t) + beta · mean l(angle_s, angle_t)

Means go over all pairs and triples, those of an image with itself included (they add 0), as in the
authors' code. alpha = 25 and beta = 50 are used for classification by libraries; that they are the
paper's is unchecked. There is no lambda: without labels the last layer would learn nothing.

Where it departs from the code: two images closer than 1e-6 count as one point, of which no gradient
comes (there it is up to 1e12 times too large); and of a batch larger than 64 the first 64 are
looked at, since angles grow with its cube. Batches are shuffled, so these are any 64.

Shape suffixes: F features, I, J and K images among those looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.errors import UserError
from tsexplorer.models import count
from tsexplorer.objectives.base import (
    LayerNames,
    Loss,
    Objective,
    Pair,
    Terms,
    cross_entropy,
    lines,
)
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

AMONG = 64
"""Images of a batch that are looked at."""
SAME_POINT = 1e-12
"""Squared distance up to which two images count as one point."""


def looks(pair: Pair) -> LayerNames:
    """The last hidden layer of each net.

    Raises:
        UserError: a net has none, or there is no teacher.
    """
    if pair.teacher is None:
        raise UserError("The objective relational compares with a teacher; give it one.")
    return LayerNames(
        (_last_hidden(pair.student, pair.classes, "student"),),
        (_last_hidden(pair.teacher, pair.classes, "teacher"),),
    )


def _last_hidden(model: ModelSpec, classes: int, role: str) -> str:
    *hidden, _ = count(model, classes).layers
    if not any(layer.parameters for layer in hidden):
        raise UserError(
            f"The {role} has no hidden layer, and the objective relational compares what the last "
            "ones say; give it one, or choose another objective."
        )
    return hidden[-1].name


def relations(features: Tensor) -> tuple[Tensor, Tensor]:
    """Distances J×I between images, of mean 1, and cosines J×I×K of the angles at image J.

    Args:
        features: of a batch, B×F or B×C×H×W.
    """
    x_IF = features.flatten(1)[:AMONG]
    from_JIF = x_IF.unsqueeze(0) - x_IF.unsqueeze(1)
    square_JI = from_JIF.square().sum(-1)
    apart_JI = square_JI > SAME_POINT
    length_JI = square_JI.where(apart_JI, square_JI.new_ones(())).sqrt()
    direction_JIF = from_JIF / length_JI.unsqueeze(-1) * apart_JI.unsqueeze(-1)
    distance_JI = length_JI * apart_JI
    mean = distance_JI.sum() / apart_JI.sum().clamp_min(1)
    return distance_JI / mean.clamp_min(SAME_POINT), direction_JIF @ direction_JIF.transpose(1, 2)


def huber(x: Tensor, y: Tensor) -> Tensor:
    """Mean of half the squared differences; from 1 on, of the differences less a half."""
    apart = (x - y).abs()
    near = apart.clamp_max(1.0)
    return (near * (apart - near / 2)).mean()


def loss(batch: Loss) -> Terms:
    """Give CE + α·distances + β·angles."""
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    (features_s,), (features_t,) = batch.student_features.values(), batch.teacher_features.values()
    distances_s, angles_s = relations(features_s)
    distances_t, angles_t = relations(features_t)
    distance, angle = huber(distances_s, distances_t), huber(angles_s, angles_t)
    total = labels + batch.number("distance") * distance + batch.number("angle") * angle
    return Terms(total, {"labels": labels, "distance": distance, "angle": angle})


OBJECTIVE = Objective(
    name="relational",
    title="Relational KD (Park 2019)",
    summary="Images that lie near each other, or in line, in the teacher's last hidden layer are "
    "to do so in the student's; the widths may differ.",
    source="Park et al. 2019, arXiv 1904.05068, and the authors' code",
    convention="relational: CE in nats + α·Huber of distances + β·Huber of angles, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    loss=loss,
    latex=lambda _t, _lam, _rest: lines(
        r"\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        r"\alpha\cdot\mathrm{mean}_{ij}\ \ell\big(d^s_{ij}/\bar d^s,\ d^t_{ij}/\bar d^t\big)",
        r"\beta\cdot\mathrm{mean}_{ijk}\ \ell\big(\cos^s_{ijk},\ \cos^t_{ijk}\big)",
    ),
    options=(
        Option(
            "distance",
            "Weight α of distances",
            25.0,
            "How much it counts which images lie near each other.",
            low=0.0,
            high=10_000.0,
            symbol=r"\alpha",
        ),
        Option(
            "angle",
            "Weight β of angles",
            50.0,
            "How much it counts under which angle each image sees two others.",
            low=0.0,
            high=10_000.0,
            symbol=r"\beta",
        ),
    ),
    looks=looks,
    unitless=("distance", "angle"),
    supports_ensemble=False,
)
