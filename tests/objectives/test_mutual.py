"""Mutual learning: the loss by hand, gradients of each net, training of the peers.

Shape suffixes: K nets, B batch, C classes.
"""

from __future__ import annotations

import copy
import dataclasses
from math import log
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.training_examples import (
    CONV,
    DENSE,
    DROPPING,
    Heard,
    assert_same,
    few,
    made,
    run,
    run_until,
    stage,
)
from tsexplorer import objectives
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models.stacked import Cohort, LoopedCohort, StackedCohort
from tsexplorer.objectives import LossInputs, ModelPair, get_objective
from tsexplorer.objectives.base import cross_entropy, soft_divergence
from tsexplorer.specs import ModelSpec, ObjectiveSpec, Scalar
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.paths import CHECKPOINT, WEIGHTS
from tsexplorer.training.task import Task

OBJECTIVE = get_objective("mutual")


def mutual(**options: Scalar) -> ObjectiveSpec:
    return ObjectiveSpec(name="mutual", options=options)


class FixedPeers(nn.Module):
    """Peers whose logits K×B×C are parameters and do not depend on the images."""

    def __init__(self, z_KBC: Tensor) -> None:
        super().__init__()
        self.z_KBC = nn.Parameter(z_KBC.clone())

    def forward(self, _images: Tensor) -> Tensor:
        return self.z_KBC


def example(*peer_rows: list[int]) -> tuple[LossInputs, FixedPeers]:
    """One image of two classes with label 0; the student's softmax is (1, 1)/2.

    Args:
        *peer_rows: the softmax of a peer is proportional to its row.
    """
    peers = FixedPeers(torch.tensor([[row] for row in peer_rows], dtype=torch.float32).log())
    z_s_BC = torch.zeros(1, 2, requires_grad=True)
    images = torch.zeros(1, 1, 28, 28)
    inputs = LossInputs(z_s_BC, None, torch.tensor([0]), auxiliary_module=peers, images=images)
    return inputs, peers


def test_value_of_a_cohort_of_three_by_hand() -> None:
    inputs, _ = example([3, 1], [1, 3])
    total, parts = OBJECTIVE.loss(inputs)
    # KL((3, 1)/4 || (1, 1)/2) = 3/4 ln 3/2 + 1/4 ln 1/2, the same for (1, 3)/4.
    divergence = 0.75 * log(1.5) + 0.25 * log(0.5)
    assert parts["labels"].item() == pytest.approx(log(2), abs=1e-6)
    assert parts["peers"].item() == pytest.approx(divergence, abs=1e-6)
    assert total.item() == pytest.approx(log(2) + divergence, abs=1e-6)
    assert parts.keys() == {"labels", "peers"}


def test_gradients_of_a_cohort_of_two_by_hand() -> None:
    inputs, peers = example([3, 1])
    OBJECTIVE.loss(inputs).total.backward()
    # Cross-entropy has the gradient softmax - one-hot, the divergence the difference of the softmax
    # outputs. Student: (-1/2, 1/2) + (1/2 - 3/4, 1/2 - 1/4).
    torch.testing.assert_close(inputs.z_s_BC.grad, torch.tensor([[-0.75, 0.75]]))
    # Peer: (-1/4, 1/4) of the labels and (3/4 - 1/2, 1/4 - 1/2) of the divergence add up to 0.
    torch.testing.assert_close(peers.z_KBC.grad[0], torch.zeros(1, 2), rtol=0, atol=1e-6)


def test_each_net_has_the_gradient_of_the_papers_loss() -> None:
    """Comparison with a loop over all pairs of nets."""
    generator = torch.Generator().manual_seed(0)
    z_KBC = 3 * torch.randn(4, 6, 5, generator=generator)
    y_B = torch.randint(5, (6,), generator=generator)
    peers, z_s_BC = FixedPeers(z_KBC[1:]), z_KBC[0].clone().requires_grad_()
    images = torch.zeros(6, 1, 28, 28)
    inputs = LossInputs(z_s_BC, None, y_B, auxiliary_module=peers, images=images)
    total, parts = OBJECTIVE.loss(inputs)
    total.backward()
    expected_KBC = z_KBC.clone().requires_grad_()
    for index, z_BC in enumerate(expected_KBC):
        labels = cross_entropy(z_BC, y_B)
        others = [expected_KBC[other].detach() for other in range(4) if other != index]
        divergence = sum(soft_divergence(other_BC, z_BC, 1.0) for other_BC in others) / 3
        (labels + divergence).backward(retain_graph=True)
        if index == 0:
            assert parts["labels"].item() == pytest.approx(labels.item(), abs=1e-5)
            assert parts["peers"].item() == pytest.approx(divergence.item(), abs=1e-5)
            assert total.item() == pytest.approx((labels + divergence).item(), abs=1e-5)
    assert expected_KBC.grad is not None
    torch.testing.assert_close(z_s_BC.grad, expected_KBC.grad[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(peers.z_KBC.grad, expected_KBC.grad[1:], rtol=0, atol=1e-6)


def test_missing_peers_or_images_are_an_error() -> None:
    inputs, _ = example([3, 1])
    for incomplete in (inputs._replace(auxiliary_module=None), inputs._replace(images=None)):
        with pytest.raises(ValueError, match="requires peers and images"):
            OBJECTIVE.loss(incomplete)


@pytest.mark.parametrize(("peer", "error"), [("no-such-net", NotFoundError), ("custom", UserError)])
def test_an_unknown_net_is_rejected(peer: str, error: type[Exception]) -> None:
    pair = ModelPair(ModelSpec(), None, 10, {"peers": 1, "peer": peer})
    with pytest.raises(error):
        OBJECTIVE.select_layers(pair)


def test_peers_have_different_weights_and_are_trained(tmp_path: Path) -> None:
    spec = stage(objective=mutual(peers=2), epochs=3)
    peers = made(spec).extra
    assert isinstance(peers, StackedCohort)
    before = {name: weight_K.clone() for name, weight_K in peers.state_dict().items()}
    assert all(not torch.equal(*weight_K) for weight_K in before.values())
    run(spec, tmp_path)
    after = checkpoints.under("extra.", checkpoints.read(tmp_path / CHECKPOINT)[0])
    assert after.keys() == before.keys()
    assert not any(torch.equal(after[name], weight_K) for name, weight_K in before.items())


def use_looped_cohort(task: Task) -> None:
    """Replace the stacked cohort of a task by a looped one with the same weights."""
    assert isinstance(task.extra, StackedCohort)
    nets = []
    for index in range(len(task.extra.weights[0])):
        net = copy.deepcopy(task.net)
        for weight, weight_K in zip(net.parameters(), task.extra.weights, strict=True):
            weight.data = weight_K[index].detach().clone()
        nets.append(net)
    task.extra = LoopedCohort(nets)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_stacked_and_looped_cohorts_train_alike(optimiser: str, tmp_path: Path) -> None:
    # With a smaller epsilon Adam amplifies rounding differences of edge pixels (gradient 0).
    spec = stage(objective=mutual(peers=3), epochs=4, optimiser=optimiser, epsilon=1e-6)
    epochs, weights, logits = [], [], []
    for kind in (StackedCohort, LoopedCohort):
        task = made(spec)
        if kind is LoopedCohort:
            use_looped_cohort(task)
        listener = Heard()
        train(task, tmp_path / kind.__name__, listener, Control())
        assert isinstance(task.extra, kind)
        epochs.append(listener.of(events.EpochEnded))
        weights.append(checkpoints.read(tmp_path / kind.__name__ / WEIGHTS)[0])
        logits.append(task.extra(few().validation.images.unsqueeze(1) / 255))
    for name, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][name], rtol=0, atol=1e-5)
    torch.testing.assert_close(*logits, rtol=0, atol=1e-4)  # their size is about 10
    for stacked, looped in zip(*epochs, strict=True):
        assert stacked.terms == pytest.approx(looped.terms, abs=1e-4)


@pytest.mark.parametrize("kind", [StackedCohort, LoopedCohort])
def test_the_norm_bound_applies_to_peers(kind: type[Cohort], tmp_path: Path) -> None:
    task = made(stage(objective=mutual(peers=2), max_norm=0.3))
    if kind is LoopedCohort:
        use_looped_cohort(task)
    train(task, tmp_path, Heard(), Control())
    if isinstance(task.extra, StackedCohort):
        weights = list(task.extra.dense_weights)
    else:
        assert isinstance(task.extra, LoopedCohort)
        weights = [weight for weight in task.extra.parameters() if weight.dim() == 2]
    weights += [weight for weight in task.net.parameters() if weight.dim() == 2]
    assert len(weights) == (4 if kind is StackedCohort else 6)
    assert max(weight.norm(dim=-1).max().item() for weight in weights) <= 0.3 + 1e-5


@pytest.mark.parametrize(
    ("precision", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_peers_are_trained_in_the_students_precision(
    precision: str, expected: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtypes = set()
    original_forward = StackedCohort.forward

    def forward(self: StackedCohort, images: Tensor) -> Tensor:
        z_KBC = original_forward(self, images)
        if torch.is_grad_enabled():
            dtypes.add(z_KBC.dtype)
        return z_KBC

    monkeypatch.setattr(StackedCohort, "forward", forward)
    run(stage(objective=mutual(), precision=precision, epochs=1), tmp_path)
    assert dtypes == {expected}


@pytest.mark.parametrize("peer", ["same", "hinton-teacher"])
def test_each_peer_is_validated_after_each_epoch(peer: str, tmp_path: Path) -> None:
    """For nets with batch normalisation (same) and with dropout (hinton-teacher)."""
    student = CONV if peer == "same" else DENSE
    task = made(stage(student, objective=mutual(peers=2, peer=peer)))
    listener = Heard()
    train(task, tmp_path, listener, Control())
    epochs = listener.of(events.EpochEnded)
    names = ["peer 1, validation accuracy", "peer 2, validation accuracy"]
    assert [list(epoch.terms) for epoch in epochs] == [["labels", "peers", *names]] * 2
    assert isinstance(task.extra, LoopedCohort)
    (images,) = task.validation_batches()
    for name, net in zip(names, task.extra.nets, strict=True):
        is_correct_B = net.eval()(images).argmax(-1) == task.splits.validation.labels
        assert epochs[-1].terms[name] == pytest.approx(is_correct_B.float().mean().item())


@pytest.mark.parametrize("model", [CONV, DROPPING, DENSE], ids=["norm", "dropout", "stacked"])
def test_validation_of_peers_does_not_change_training(
    model: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = stage(model, objective=mutual(peers=2), epochs=3)
    random_state = torch.random.get_rng_state()
    run(spec, tmp_path / "with")
    assert torch.equal(torch.random.get_rng_state(), random_state)
    without_validation = dataclasses.replace(OBJECTIVE, member_names=())
    monkeypatch.setitem(objectives.load_objectives(), "mutual", without_validation)
    run(spec, tmp_path / "without")
    assert_same(
        checkpoints.read(tmp_path / "with" / CHECKPOINT)[0],
        checkpoints.read(tmp_path / "without" / CHECKPOINT)[0],
    )


def test_a_resumed_cohort_with_dropout_has_equal_weights(tmp_path: Path) -> None:
    spec = stage(objective=mutual(peer="hinton-teacher"), epochs=2)
    expected = run(spec, tmp_path / "uninterrupted")
    run_until(1, spec, tmp_path / "resumed")
    resumed = run(spec, tmp_path / "resumed")
    for name, weight in expected.items():
        assert torch.equal(weight, resumed[name])
