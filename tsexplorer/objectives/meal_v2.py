"""MEAL V2: an ensemble's mean softmax as the only target, and a discriminator on the logits.

Source: Shen and Savvides 2020, arXiv 2009.08453, and its authors' code. No labels and T = 1:

    L = CE(p_e, softmax(z_s)) + L_D        p_e: the mean of the teachers' softmaxes

A discriminator D reads logits, the student's and the ensemble's, and says which are the student's;
L_D is the mean binary cross-entropy of its answers. One step moves student and discriminator.

* ``cooperative``, as in the authors' code: nothing is detached or reversed, so that the student
  helps to be told apart; the authors call it a regulariser.
* ``adversarial``, ours: the gradient of L_D is reversed on its way into the student, who thereby
  tries to pass for the ensemble.
* ``off``: L_D has no part in the loss, and no discriminator is trained.

What differs from the authors' code: theirs has widths of C/8 and C/64, which collapse at 10
classes, so that widths are explicit here; it ends in two units behind a ReLU, which keeps L_D above
½ ln 2 and can die at ln 2, where D here ends in one unit without; and it reads the mean of the
teachers' logits, where D here reads logits whose softmax is p_e, at the teachers' mean level (of
one teacher, its own logits). The student starts from the trained baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import Loss, Objective, Pair, Terms, soft_cross_entropy
from tsexplorer.objectives.options import Option

if TYPE_CHECKING:
    from torch import Tensor, nn

COOPERATIVE, ADVERSARIAL, OFF = "cooperative", "adversarial", "off"
MODE = Option(
    name="discriminator",
    title="Discriminator",
    default=COOPERATIVE,
    help="cooperative: the student helps to be told apart from its teachers, as in the authors' "
    "code. adversarial: it tries to pass for them (our variant). off: there is none.",
    choices=(COOPERATIVE, ADVERSARIAL, OFF),
)
WIDTHS = (
    Option(
        name="width1",
        title="Discriminator, first layer",
        default=32,
        help="Units of its first hidden layer, which reads the logits.",
        low=1,
        high=4096,
    ),
    Option(
        name="width2",
        title="Discriminator, second layer",
        default=16,
        help="Units of its second hidden layer, which leads to the one answer.",
        low=1,
        high=4096,
    ),
)


def loss(batch: Loss) -> Terms:
    """Give CE(p_e, softmax(z_s)) + L_D, and the discriminator's accuracy beside it."""
    soft = soft_cross_entropy(batch.teacher_logits_BC, batch.z_s_BC, 1.0)
    mode = batch.options[MODE.name]
    if mode == OFF:
        return Terms(soft, {"soft": soft})
    assert batch.extra is not None
    z_s_BC = batch.z_s_BC if mode == COOPERATIVE else _reversed(batch.z_s_BC)
    d_s_B = batch.extra(z_s_BC).squeeze(1)
    d_t_B = batch.extra(batch.teacher_logits_BC).squeeze(1)
    told, accuracy = _told_apart(d_s_B, d_t_B)
    parts = {"soft": soft, "discriminator": told, "discriminator accuracy": accuracy}
    return Terms(soft + told, parts)


def _told_apart(d_s_B: Tensor, d_t_B: Tensor) -> tuple[Tensor, Tensor]:
    """Mean binary cross-entropy in nats, and the share that is told right.

    Args:
        d_s_B: answers to the student's logits; above 0 stands for the student.
        d_t_B: answers to the teachers'.
    """
    from torch.nn.functional import softplus

    told = (softplus(-d_s_B).mean() + softplus(d_t_B).mean()) / 2
    right = ((d_s_B > 0).float().mean() + (d_t_B <= 0).float().mean()) / 2
    return told, right.detach()


def _reversed(x: Tensor) -> Tensor:
    """The same values, with a gradient of the other sign."""
    return 2 * x.detach() - x


def _discriminator(pair: Pair) -> nn.Module:
    """C → width1 → width2 → 1 with ReLU between."""
    from torch import nn

    if pair.options[MODE.name] == OFF:
        return nn.Identity()
    first, second = (int(pair.options[one.name]) for one in WIDTHS)
    return nn.Sequential(
        *(nn.Linear(pair.classes, first), nn.ReLU()),
        *(nn.Linear(first, second), nn.ReLU()),
        nn.Linear(second, 1),
    )


OBJECTIVE = Objective(
    name="meal-v2",
    title="MEAL V2 (Shen 2020)",
    summary="The mean of the teachers' softmaxes is the only target, for a student that has "
    "already learnt from labels; a discriminator on the logits goes along.",
    source="Shen, Savvides 2020, arXiv 2009.08453, and its authors' code",
    convention="meal-v2: CE with the mean of the teachers' softmaxes at T = 1, and the "
    "discriminator's cross-entropy, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    loss=loss,
    latex=lambda _t, _lam, _rest: (
        r"\begin{aligned}L ={}& \mathrm{CE}\big(\overline{\mathrm{softmax}(z_t)},\ "
        r"\mathrm{softmax}(z_s)\big)\\ &+ \tfrac{1}{2}\,\mathrm{BCE}\big(D(z_s),\ 1\big) + "
        r"\tfrac{1}{2}\,\mathrm{BCE}\big(D(z_t),\ 0\big)\end{aligned}"
    ),
    options=(MODE, *WIDTHS),
    module=_discriminator,
    shares=("discriminator accuracy",),
    combine="probabilities",
    pretrained=True,
)
