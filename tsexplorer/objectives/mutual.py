"""Deep mutual learning: a cohort of nets that learn from labels and from each other, no teacher.

Source: Zhang, Xiang, Hospedales and Lu 2018, "Deep Mutual Learning", arXiv 1706.00384: member k of
K minimises CE_k + 1/(K - 1) · Σ over the others l of KL(p_l || p_k), at T = 1, what the others
say taken as given. The student is the first member; its peers are trained along, in the same
steps, and are not kept. In the paper the members take turns within a batch; here all step at once,
from what they said before the step, as in the authors' simultaneous variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tsexplorer.errors import UserError
from tsexplorer.models import count
from tsexplorer.objectives.base import (
    Looks,
    Loss,
    Objective,
    Pair,
    Terms,
    cross_entropy,
    soft_divergence,
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
    if batch.extra is None or batch.images is None:
        raise ValueError("this objective has peers that look at the images, and there are none")
    z_KBC = [batch.z_s_BC, *(z_BC.float() for z_BC in batch.extra(batch.images))]
    labels, peers = _member(0, z_KBC, batch.y_B)
    total = labels + peers
    parts = {"labels": labels, "peers": peers}
    for place in range(1, len(z_KBC)):
        hard, soft = _member(place, z_KBC, batch.y_B)
        own = hard + soft
        total = total + own - own.detach()  # their gradients count, their losses are not ours
        right_B = z_KBC[place].detach().argmax(-1) == batch.y_B
        parts[_name(place)] = right_B.float().mean()
    return Terms(total, parts)


def module(pair: Pair) -> nn.Module:
    """The peers, each with first weights of its own."""
    import torch

    from tsexplorer.models import build

    model, number = _peers(pair)
    seeds = torch.randint(2**31, (number,)).tolist()
    return _cohort([build(model, pair.classes, seed) for seed in seeds])


def looks(pair: Pair) -> Looks:
    """No layers.

    Raises:
        UserError: there is no such net, or it is impossible.
    """
    count(_peers(pair)[0], pair.classes)
    return Looks()


def latex(_temperature: str, _lam: str, _rest: str) -> str:
    """The student's part of the formula; the peers' are alike."""
    return two_lines(
        r"\mathrm{CE}\big(y,\ p_s\big)",
        r"\tfrac{1}{K-1}\textstyle\sum_{l \neq s}\mathrm{KL}\big(p_l\,\big\|\,p_s\big)",
    )


def _member(place: int, z_KBC: Sequence[Tensor], y_B: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of a member, and its mean divergence from the others, who are not moved."""
    own_BC = z_KBC[place]
    others = [z_BC.detach() for other, z_BC in enumerate(z_KBC) if other != place]
    apart = [soft_divergence(z_BC, own_BC, 1.0) for z_BC in others]
    mean = apart[0]
    for one in apart[1:]:
        mean = mean + one
    return cross_entropy(own_BC, y_B), mean / len(apart)


def _peers(pair: Pair) -> tuple[ModelSpec, int]:
    name, number = str(pair.options["peer"]), int(pair.options["peers"])
    if name == SAME:
        return pair.student, number
    if name == "custom":
        raise UserError("The option peer must be the name of a preset, or same.")
    return ModelSpec(name=name), number


def _cohort(nets: Sequence[nn.Module]) -> nn.Module:
    from torch import nn

    class Cohort(nn.ModuleList):
        """Nets that look at the same images."""

        def forward(self, images: Tensor) -> list[Tensor]:
            """Logits B×C of each."""
            return [net(images) for net in self]

    return Cohort(nets)


def _name(place: int) -> str:
    return f"peer {place} right"


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
    shares=tuple(_name(place) for place in range(1, MOST_PEERS + 1)),
)
