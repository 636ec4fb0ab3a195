"""MEAL V2: the mean softmax of an ensemble as the only target, and a discriminator on the logits.

Source: Shen and Savvides 2020, arXiv 2009.08453, and the authors' code. The loss uses no labels,
and T = 1:

    L = CE(p_e, softmax(z_s)) + L_D        p_e: the mean of the teachers' softmax outputs

A discriminator D classifies logits as those of the student or those of the ensemble; L_D is its
mean binary cross-entropy. Each step updates the student and the discriminator. The option
``discriminator`` selects a variant:

* ``cooperative``, as in the authors' code: the gradient of L_D reaches the student unchanged, so
  that the student makes its logits easier to distinguish from those of the ensemble. The authors
  call this a regulariser.
* ``adversarial``, a variant of this project: the gradient of L_D is reversed before it reaches the
  student, so that the student makes its logits harder to distinguish.
* ``off``: no discriminator.

Differences from the authors' code: their widths of C/8 and C/64 are too small for 10 classes, so
that the widths are options here. Their discriminator ends with two units behind a ReLU, which keeps
L_D above ½ ln 2 and can stop learning at ln 2; here it ends with one linear unit. Their
discriminator classifies the mean of the teachers' logits; here it classifies logits whose softmax
is p_e and whose logsumexp is the mean of the teachers' logsumexp (for one teacher, its logits). The
student starts from the trained baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
    soft_cross_entropy,
)
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor, nn

COOPERATIVE, ADVERSARIAL, OFF = "cooperative", "adversarial", "off"
MODE = Option(
    name="discriminator",
    title="Discriminator",
    default=COOPERATIVE,
    help="cooperative: the student's logits become easier to distinguish from the teachers', as in "
    "the authors' code. adversarial: harder (variant of this project). off: no discriminator.",
    choices=(COOPERATIVE, ADVERSARIAL, OFF),
)
WIDTHS = (
    Option(
        name="width1",
        title="Discriminator, first layer",
        default=32,
        help="Units of its first hidden layer, whose input is the logits.",
        low=1,
        high=4096,
    ),
    Option(
        name="width2",
        title="Discriminator, second layer",
        default=16,
        help="Units of its second hidden layer, before the single output unit.",
        low=1,
        high=4096,
    ),
)


def loss(inputs: LossInputs) -> LossTerms:
    """CE(p_e, softmax(z_s)) + L_D, batch mean, in nats; also the discriminator's accuracy."""
    soft = soft_cross_entropy(inputs.teacher_logits_BC, inputs.z_s_BC, 1.0)
    mode = inputs.options[MODE.name]
    if mode == OFF:
        return LossTerms(soft, {"soft": soft})
    assert inputs.auxiliary_module is not None
    z_s_BC = inputs.z_s_BC if mode == COOPERATIVE else _reverse_gradient(inputs.z_s_BC)
    d_s_B = inputs.auxiliary_module(z_s_BC).squeeze(1)
    d_t_B = inputs.auxiliary_module(inputs.teacher_logits_BC).squeeze(1)
    entropy, accuracy = _discriminator_loss(d_s_B, d_t_B)
    parts = {"soft": soft, "discriminator": entropy, "discriminator accuracy": accuracy}
    return LossTerms(soft + entropy, parts)


def _discriminator_loss(d_s_B: Tensor, d_t_B: Tensor) -> tuple[Tensor, Tensor]:
    """Mean binary cross-entropy in nats, and the accuracy from 0 to 1.

    Args:
        d_s_B: outputs for the student's logits; above 0 means "student".
        d_t_B: outputs for the teachers' logits.
    """
    from torch.nn.functional import softplus

    entropy = (softplus(-d_s_B).mean() + softplus(d_t_B).mean()) / 2
    accuracy = ((d_s_B > 0).float().mean() + (d_t_B <= 0).float().mean()) / 2
    return entropy, accuracy.detach()


def _reverse_gradient(x: Tensor) -> Tensor:
    """The same values, with a gradient of the opposite sign."""
    return 2 * x.detach() - x


def _build_discriminator(pair: ModelPair) -> nn.Module:
    """C → width1 → width2 → 1 with ReLU between; an identity if the discriminator is off."""
    from torch import nn

    if pair.options[MODE.name] == OFF:
        return nn.Identity()
    width1, width2 = (int(pair.options[option.name]) for option in WIDTHS)
    return nn.Sequential(
        *(nn.Linear(pair.task.classes, width1), nn.ReLU()),
        *(nn.Linear(width1, width2), nn.ReLU()),
        nn.Linear(width2, 1),
    )


OBJECTIVE = Objective(
    name="meal-v2",
    title="MEAL V2 (Shen 2020)",
    summary="The mean of the teachers' softmax outputs is the only target, for a student that was "
    "trained on labels before; optionally with a discriminator on the logits.",
    source="Shen, Savvides 2020, arXiv 2009.08453, and its authors' code",
    convention="meal-v2: CE with the mean of the teachers' softmaxes at T = 1, and the "
    "discriminator's cross-entropy, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    uses_unlabelled=True,
    loss=loss,
    latex=lambda _t, _lam, _soft: (
        r"\begin{aligned}L ={}& \mathrm{CE}\big(\overline{\mathrm{softmax}(z_t)},\ "
        r"\mathrm{softmax}(z_s)\big)\\ &+ \tfrac{1}{2}\,\mathrm{BCE}\big(D(z_s),\ 1\big) + "
        r"\tfrac{1}{2}\,\mathrm{BCE}\big(D(z_t),\ 0\big)\end{aligned}"
    ),
    options=(MODE, *WIDTHS),
    build_auxiliary_module=_build_discriminator,
    fraction_terms=("discriminator accuracy",),
    required_combine="probabilities",
    expects_pretrained_student=True,
)
