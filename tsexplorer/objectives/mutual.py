"""Deep mutual learning: a cohort of nets that learn from labels and from each other.

Source: Zhang, Xiang, Hospedales and Lu 2018, "Deep Mutual Learning", arXiv 1706.00384. There is no
teacher. Net k of K minimises CE_k + 1/(K - 1) · Σ_{l ≠ k} KL(p_l || p_k) at T = 1, without gradient
with respect to p_l. The student is the first net. The others, its peers, are trained in the same
steps and then discarded. In the paper the nets are updated one after the other for each batch; here
all are updated at once, with the outputs before the step, as in the authors' simultaneous variant.

Peers that consist of dense layers and activations are computed as one stack
(:mod:`tsexplorer.models.stacked`), others one after the other. After each epoch the peers are
validated as the student is, always with their current weights: if weights are averaged, only the
student is validated with the average.

Shape suffixes: K nets, B batch, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_PEERS = 7
SAME_AS_STUDENT = "same"


def loss(inputs: LossInputs) -> LossTerms:
    """CE + mean KL(peer ‖ student), batch mean, in nats; its gradient includes the peers' losses.

    Raises:
        ValueError: there are no peers, or no images for them.
    """
    import torch

    if inputs.auxiliary_module is None or inputs.images is None:
        raise ValueError("this objective requires peers and images, and one of them is missing")
    peers_KBC = inputs.auxiliary_module(inputs.images).float()
    z_KBC = torch.cat((inputs.z_s_BC.unsqueeze(0), peers_KBC))
    labels_K, divergence_K = _cohort_losses(z_KBC, inputs.y_B)
    loss_K = labels_K + divergence_K
    peers_loss = loss_K[1:].sum()
    # Adds the gradient of the peers' losses, but not their values.
    total = loss_K[0] + peers_loss - peers_loss.detach()
    return LossTerms(total, {"labels": labels_K[0], "peers": divergence_K[0]})


def _cohort_losses(z_KBC: Tensor, y_B: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy K of each net, and its mean KL divergence K from the others, in nats.

    The divergences have no gradient with respect to the other nets. Their sum includes the
    divergence of each net from itself, which is zero and has a zero gradient.
    """
    log_p_KBC = z_KBC.log_softmax(-1)
    labels_KB = -log_p_KBC.gather(-1, y_B.expand(len(z_KBC), -1).unsqueeze(-1)).squeeze(-1)
    target_log_p_KBC = log_p_KBC.detach()
    target_p_KBC = target_log_p_KBC.exp()
    negative_entropy_B = (target_p_KBC * target_log_p_KBC).sum((0, -1))
    divergence_KB = negative_entropy_B - (target_p_KBC.sum(0) * log_p_KBC).sum(-1)
    return labels_KB.mean(-1), divergence_KB.mean(-1) / (len(z_KBC) - 1)


def _check_peers(pair: ModelPair) -> LayerNames:
    """Check the peers' net; the loss uses no hidden layers.

    Raises:
        UserError: the net does not exist or is invalid.
    """
    count(_peer_model(pair), pair.task)
    return LayerNames()


def _build_peers(pair: ModelPair) -> nn.Module:
    """The peers, each with different initial weights."""
    import torch

    from tsexplorer.models.stacked import build_cohort

    seeds = torch.randint(2**31, (int(pair.options["peers"]),)).tolist()
    return build_cohort(_peer_model(pair), pair.task, seeds)


def _peer_model(pair: ModelPair) -> ModelSpec:
    name = str(pair.options["peer"])
    if name == SAME_AS_STUDENT:
        return pair.student
    if name == "custom":
        raise UserError("The option peer must be the name of a preset, or same.")
    return ModelSpec(name=name)


def latex(_temperature: str, _lam: str, _soft_weight: str) -> str:
    """The student's loss; those of the peers are analogous."""
    return latex_sum(
        r"\mathrm{CE}\big(y,\ p_s\big)",
        r"\tfrac{1}{K-1}\textstyle\sum_{l \neq s}\mathrm{KL}\big(p_l\,\big\|\,p_s\big)",
    )


OBJECTIVE = Objective(
    name="mutual",
    title="Deep mutual learning",
    summary="No teacher: nets with different initial weights learn from labels and from each "
    "other at the same time. The first net is the student.",
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
            "Nets that are trained together with the student; the paper's cohort of two has one.",
            low=1,
            high=MAX_PEERS,
        ),
        Option(
            "peer",
            "Peers' net",
            SAME_AS_STUDENT,
            "The name of a preset; or same: the student's net.",
        ),
    ),
    select_layers=_check_peers,
    build_auxiliary_module=_build_peers,
    member_names=tuple(f"peer {number}" for number in range(1, MAX_PEERS + 1)),
)
