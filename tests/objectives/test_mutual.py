"""Mutual learning: a case worked by hand, and each member's gradient is its own loss's."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.training_examples import Heard, made, run, run_until, stage
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.objectives import Loss, Pair, get_objective
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.training import events, files

MUTUAL = get_objective("mutual")
# B = 1, C = 2; a row (a, b) stands for the logits ln a, ln b.
STUDENT, PEER, OTHER = [1, 1], [3, 1], [1, 3]


def logits(row: list[int]) -> Tensor:
    return torch.tensor([row], dtype=torch.float32).log()


class Says(nn.Module):
    """Peers whose logits are their weights, whatever they see."""

    def __init__(self, *rows: list[int]) -> None:
        super().__init__()
        self.z = nn.ParameterList(logits(row) for row in rows)

    def forward(self, _images: Tensor) -> list[Tensor]:
        return list(self.z)


def case(*peers: list[int]) -> tuple[Loss, Says]:
    says = Says(*peers)
    z_s_BC = logits(STUDENT).requires_grad_()
    batch = Loss(z_s_BC, None, torch.tensor([0]), extra=says, images=torch.zeros(1, 1, 28, 28))
    return batch, says


def test_values_of_a_cohort_of_three_worked_by_hand() -> None:
    batch, _ = case(PEER, OTHER)
    total, parts = MUTUAL.loss(batch)
    # KL((3, 1)/4 || (1, 1)/2) = 3/4 ln 3/2 + 1/4 ln 1/2, and that of (1, 3)/4 is the same.
    apart = 0.75 * log(1.5) + 0.25 * log(0.5)
    assert parts["labels"].item() == pytest.approx(log(2), abs=1e-6)
    assert parts["peers"].item() == pytest.approx(apart, abs=1e-6)
    assert total.item() == pytest.approx(log(2) + apart, abs=1e-6)
    assert parts["peer 1 right"].item() == 1
    assert parts["peer 2 right"].item() == 0
    assert set(parts) - set(MUTUAL.shares) == {"labels", "peers"}


def test_each_member_is_moved_by_its_own_loss_alone() -> None:
    batch, says = case(PEER)
    MUTUAL.loss(batch).total.backward()
    # Cross-entropy moves a member by softmax less one-hot, the divergence by softmax less the
    # other's softmax. Student: (-1/2, 1/2) + (1/2 - 3/4, 1/2 - 1/4).
    torch.testing.assert_close(batch.z_s_BC.grad, torch.tensor([[-0.75, 0.75]]))
    # Peer: what the labels give, (-1/4, 1/4), is just what the divergence takes back.
    torch.testing.assert_close(says.z[0].grad, torch.zeros(1, 2), rtol=0, atol=1e-6)


def test_peers_start_apart_and_are_trained_along(tmp_path: Path) -> None:
    spec = stage(objective=ObjectiveSpec(name="mutual", options={"peers": 2}), epochs=3)
    first = made(spec).extra
    assert first is not None
    before = {name: value.clone() for name, value in first.state_dict().items()}
    assert not torch.equal(before["0.logits.weight"], before["1.logits.weight"])
    heard = Heard()
    run(spec, tmp_path / "whole", listener=heard)
    after = files.under("extra.", files.read(tmp_path / "whole" / files.CHECKPOINT)[0])
    assert after.keys() == before.keys()
    assert not any(torch.equal(after[name], value) for name, value in before.items())
    shares = [row.terms["peer 2 right"] for row in heard.of(events.EpochEnded)]
    assert shares[-1] > shares[0]


def test_resuming_a_cohort_with_dropout_ends_in_the_same_bits(tmp_path: Path) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peer": "hinton-teacher"})
    spec = stage(objective=objective, epochs=2)
    whole = run(spec, tmp_path / "whole")
    run_until(1, spec, tmp_path / "parts")
    parts = run(spec, tmp_path / "parts")
    for name, value in whole.items():
        assert torch.equal(value, parts[name])


@pytest.mark.parametrize(("peer", "error"), [("no-such-net", NotFoundError), ("custom", UserError)])
def test_an_unknown_net_is_refused(peer: str, error: type[Exception]) -> None:
    options = {"peers": 1, "peer": peer}
    with pytest.raises(error):
        MUTUAL.looks(Pair(ModelSpec(), None, 10, options))
