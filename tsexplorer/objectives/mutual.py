"""Deep mutual learning: a cohort of nets that learn from labels and from each other, no teacher.

Source: Zhang, Xiang, Hospedales and Lu 2018, "Deep Mutual Learning", arXiv 1706.00384: member k of
K minimises CE_k + 1/(K - 1) · Σ over the others l of KL(p_l || p_k), at T = 1, what the others
say taken as given. The student is the first member; its peers are trained along, in the same
steps, and are not kept. In the paper the members take turns within a batch; here all step at once,
from what they said before the step, as in the authors' simultaneous variant.

Peers of dense layers and activations are computed side by side, as the students of a sweep are
(:mod:`tsexplorer.models.stacked`); others one after the other. Each peer's validation accuracy is
known after each epoch, as the student's is, but always of their weights as they are: where weights
are averaged, that is the student's alone.

Shape suffixes: K members, B batch, C classes.
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
    two_lines,
)
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST_PEERS = 7
SAME = "same"


def loss(batch: Loss) -> Terms:
    """Give CE + mean KL(peer ‖ student); the gradient is that of all members' losses.

    Raises:
        ValueError: there are no peers, or no images for them.
    """
    import torch

    if batch.extra is None or batch.images is None:
        raise ValueError("this objective has peers that look at the images, and there are none")
    peers_KBC = batch.extra(batch.images).to(torch.get_default_dtype())
    labels_K, apart_K = _members(torch.cat((batch.z_s_BC.unsqueeze(0), peers_KBC)), batch.y_B)
    own_K = labels_K + apart_K
    others = own_K[1:].sum()
    total = own_K[0] + others - others.detach()  # their gradients count, their losses are not ours
    return Terms(total, {"labels": labels_K[0], "peers": apart_K[0]})


def module(pair: Pair) -> nn.Module:
    """The peers, each with first weights of its own."""
    import torch

    from tsexplorer.models.stacked import cohort

    model, number = _peers(pair)
    return cohort(model, pair.classes, torch.randint(2**31, (number,)).tolist())


def looks(pair: Pair) -> LayerNames:
    """No layers.

    Raises:
        UserError: there is no such net, or it is impossible.
    """
    count(_peers(pair)[0], pair.classes)
    return LayerNames()


def latex(_temperature: str, _lam: str, _rest: str) -> str:
    """The student's part of the formula; the peers' are alike."""
    return two_lines(
        r"\mathrm{CE}\big(y,\ p_s\big)",
        r"\tfrac{1}{K-1}\textstyle\sum_{l \neq s}\mathrm{KL}\big(p_l\,\big\|\,p_s\big)",
    )


def _members(z_KBC: Tensor, y_B: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy K of each member, and its mean divergence K from the others, who do not move.

    The divergences are summed over all members, oneself included: that one is zero, and so is its
    gradient.
    """
    log_p_KBC = z_KBC.log_softmax(-1)
    labels_KB = -log_p_KBC.gather(-1, y_B.expand(len(z_KBC), -1).unsqueeze(-1)).squeeze(-1)
    said_KBC = log_p_KBC.detach()
    p_KBC = said_KBC.exp()
    apart_KB = (p_KBC * said_KBC).sum((0, -1)) - (p_KBC.sum(0) * log_p_KBC).sum(-1)
    return labels_KB.mean(-1), apart_KB.mean(-1) / (len(z_KBC) - 1)


def _peers(pair: Pair) -> tuple[ModelSpec, int]:
    name, number = str(pair.options["peer"]), int(pair.options["peers"])
    if name == SAME:
        return pair.student, number
    if name == "custom":
        raise UserError("The option peer must be the name of a preset, or same.")
    return ModelSpec(name=name), number


OBJECTIVE = Objective(
    name="mutual",
    title="Deep mutual learning",
    summary="No teacher: nets that start apart learn from labels and from each other at once, "
    "and the first of them is the student.",
    source="Zhang, Xiang, Hospedales, Lu 2018, arXiv 1706.00384",
    convention="mutual: CE + mean KL from the peers at T = 1, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=False,
    loss=loss,
    latex=latex,
    options=(
        Option(
            "peers",
            "Peers",
            1,
            "Nets that learn beside the student; the paper's cohort of two has one.",
            low=1,
            high=MOST_PEERS,
        ),
        Option("peer", "Peers' net", SAME, "A preset's name, or same: the student's own net."),
    ),
    looks=looks,
    module=module,
    members=tuple(f"peer {place}" for place in range(1, MOST_PEERS + 1)),
)
