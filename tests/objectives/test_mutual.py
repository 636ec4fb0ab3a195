"""Mutual learning: losses and gradients, stacked and looped cohorts, validation and resume."""

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
    DROPOUT,
    EventRecorder,
    assert_equal_weights,
    make_stage,
    make_task,
    small_splits,
    train_stage,
    train_until,
)
from tsexplorer import objectives
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.models.stacked import LoopedCohort, StackedCohort
from tsexplorer.objectives import LossInputs, ModelPair, get_objective
from tsexplorer.objectives.base import cross_entropy, soft_divergence
from tsexplorer.specs import ModelSpec, ObjectiveSpec
from tsexplorer.training import checkpoints, events
from tsexplorer.training.checkpoints import CHECKPOINT, WEIGHTS
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.task import Task

MUTUAL = get_objective("mutual")
# B = 1, C = 2; a row (a, b) stands for the logits ln a, ln b.
STUDENT, PEER, OTHER = [1, 1], [3, 1], [1, 3]


def logits(row: list[int]) -> Tensor:
    return torch.tensor([row], dtype=torch.float32).log()


class ConstantPeers(nn.Module):
    """Peers whose logits are their weights, for all images."""

    def __init__(self, *rows: list[int]) -> None:
        super().__init__()
        self.z = nn.ParameterList(logits(row) for row in rows)

    def forward(self, _images: Tensor) -> Tensor:
        return torch.stack(list(self.z))


def case(*peers: list[int]) -> tuple[LossInputs, ConstantPeers]:
    module = ConstantPeers(*peers)
    z_s_BC = logits(STUDENT).requires_grad_()
    batch = LossInputs(
        z_s_BC, None, torch.tensor([0]), auxiliary_module=module, images=torch.zeros(1, 1, 28, 28)
    )
    return batch, module


def test_values_of_a_cohort_of_three_computed_by_hand() -> None:
    batch, _ = case(PEER, OTHER)
    total, parts = MUTUAL.loss(batch)
    # KL((3, 1)/4 || (1, 1)/2) = 3/4 ln 3/2 + 1/4 ln 1/2, and that of (1, 3)/4 is the same.
    divergence = 0.75 * log(1.5) + 0.25 * log(0.5)
    assert parts["labels"].item() == pytest.approx(log(2), abs=1e-6)
    assert parts["peers"].item() == pytest.approx(divergence, abs=1e-6)
    assert total.item() == pytest.approx(log(2) + divergence, abs=1e-6)
    assert parts.keys() == {"labels", "peers"}


def test_gradients_of_a_member_come_from_its_own_loss_only() -> None:
    batch, module = case(PEER)
    MUTUAL.loss(batch).total.backward()
    # Gradients: softmax − one-hot of the cross-entropy, softmax − the other's softmax of the
    # divergence. Student: (-1/2, 1/2) + (1/2 - 3/4, 1/2 - 1/4).
    torch.testing.assert_close(batch.z_s_BC.grad, torch.tensor([[-0.75, 0.75]]))
    # Peer: (-1/4, 1/4) of the labels and (1/4, -1/4) of the divergence add up to 0.
    torch.testing.assert_close(module.z[0].grad, torch.zeros(1, 2), rtol=0, atol=1e-6)


def test_losses_and_gradients_equal_a_loop_over_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    z_KBC = 3 * torch.randn(4, 6, 5, generator=generator)
    y_B = torch.randint(5, (6,), generator=generator)

    class Peers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.z_KBC = nn.Parameter(z_KBC[1:].clone())

        def forward(self, _images: Tensor) -> Tensor:
            return self.z_KBC

    peers, z_s_BC = Peers(), z_KBC[0].clone().requires_grad_()
    batch = LossInputs(z_s_BC, None, y_B, auxiliary_module=peers, images=torch.zeros(6, 1, 28, 28))
    total, parts = MUTUAL.loss(batch)
    total.backward()
    own_KBC = z_KBC.clone().requires_grad_()
    for member, z_BC in enumerate(own_KBC):
        hard = cross_entropy(z_BC, y_B)
        others = [other_BC.detach() for k, other_BC in enumerate(own_KBC) if k != member]
        soft = sum(soft_divergence(other_BC, z_BC, 1.0) for other_BC in others) / 3
        (hard + soft).backward(retain_graph=True)
        if member == 0:
            assert parts["labels"].item() == pytest.approx(hard.item(), abs=1e-5)
            assert parts["peers"].item() == pytest.approx(soft.item(), abs=1e-5)
            assert total.item() == pytest.approx((hard + soft).item(), abs=1e-5)
    assert own_KBC.grad is not None
    torch.testing.assert_close(z_s_BC.grad, own_KBC.grad[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(peers.z_KBC.grad, own_KBC.grad[1:], rtol=0, atol=1e-6)


def test_peers_have_different_initial_weights_and_are_trained(tmp_path: Path) -> None:
    spec = make_stage(objective=ObjectiveSpec(name="mutual", options={"peers": 2}), epochs=3)
    first = make_task(spec).auxiliary_module
    assert isinstance(first, StackedCohort)
    before = {name: value.clone() for name, value in first.state_dict().items()}
    assert all(not torch.equal(*value_K) for value_K in before.values())
    train_stage(spec, tmp_path)
    after = checkpoints.select_prefix("extra.", checkpoints.read(tmp_path / CHECKPOINT)[0])
    assert after.keys() == before.keys()
    assert not any(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_stacked_and_looped_cohorts_train_alike(optimiser: str, tmp_path: Path) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 3})
    # The epsilon is above the rounding by which Adam would divide at an edge pixel.
    spec = make_stage(objective=objective, epochs=4, optimiser=optimiser, epsilon=1e-6)
    rows, weights, peers = [], [], []
    for cohort in (StackedCohort, LoopedCohort):
        task = make_task(spec)
        if cohort is LoopedCohort:
            task.auxiliary_module = as_looped(task)
        recorder = EventRecorder()
        train(task, tmp_path / cohort.__name__, recorder, Control())
        assert isinstance(task.auxiliary_module, cohort)
        rows.append(recorder.of(events.EpochEnded))
        weights.append(checkpoints.read(tmp_path / cohort.__name__ / WEIGHTS)[0])
        peers.append(task.auxiliary_module(small_splits().validation.images.unsqueeze(1) / 255))
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=1e-5)
    torch.testing.assert_close(*peers, rtol=0, atol=1e-4)  # logits up to some tens
    for stacked, looped in zip(*rows, strict=True):
        assert stacked.terms == pytest.approx(looped.terms, abs=1e-4)


@pytest.mark.parametrize("cohort", [StackedCohort, LoopedCohort])
def test_norms_of_peers_are_bounded_like_the_student_s(cohort: type, tmp_path: Path) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 2})
    task = make_task(make_stage(objective=objective, max_norm=0.3))
    if cohort is LoopedCohort:
        task.auxiliary_module = as_looped(task)
    train(task, tmp_path, EventRecorder(), Control())
    if isinstance(task.auxiliary_module, StackedCohort):
        weights = list(task.auxiliary_module.dense_weights)
    else:
        assert isinstance(task.auxiliary_module, LoopedCohort)
        weights = [weight for weight in task.auxiliary_module.parameters() if weight.dim() == 2]
    weights += [weight for weight in task.net.parameters() if weight.dim() == 2]
    assert len(weights) == (4 if cohort is StackedCohort else 6)
    assert max(weight.norm(dim=-1).max().item() for weight in weights) <= 0.3 + 1e-5


@pytest.mark.parametrize(
    ("precision", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_peers_compute_in_the_student_s_precision(
    precision: str, expected: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtypes = set()
    real = StackedCohort.forward

    def forward(self: StackedCohort, images: Tensor) -> Tensor:
        z_KBC = real(self, images)
        if torch.is_grad_enabled():
            dtypes.add(z_KBC.dtype)
        return z_KBC

    monkeypatch.setattr(StackedCohort, "forward", forward)
    spec = make_stage(objective=ObjectiveSpec(name="mutual"), precision=precision, epochs=1)
    train_stage(spec, tmp_path)
    assert dtypes == {expected}


def as_looped(task: Task) -> LoopedCohort:
    """The same peers with the same initial weights, as separate nets."""
    assert isinstance(task.auxiliary_module, StackedCohort)
    nets = []
    for peer in range(len(task.auxiliary_module.weights[0])):
        net = copy.deepcopy(task.net)
        for own, value_K in zip(net.parameters(), task.auxiliary_module.weights, strict=True):
            own.data = value_K[peer].detach().clone()
        nets.append(net)
    return LoopedCohort(nets)


@pytest.mark.parametrize("peer", ["same", "hinton-teacher"])
def test_each_peer_is_validated_after_each_epoch(peer: str, tmp_path: Path) -> None:
    """Peers with batch normalisation, and peers of another net than the student."""
    objective = ObjectiveSpec(name="mutual", options={"peers": 2, "peer": peer})
    recorder = EventRecorder()
    spec = make_stage(CONV if peer == "same" else DENSE, objective=objective)
    task = make_task(spec)
    train(task, tmp_path, recorder, Control())
    rows = recorder.of(events.EpochEnded)
    names = ["peer 1, validation accuracy", "peer 2, validation accuracy"]
    assert [list(row.terms) for row in rows] == [["labels", "peers", *names]] * 2
    assert isinstance(task.auxiliary_module, LoopedCohort)
    (images,) = task.validation_batches()
    for name, net in zip(names, task.auxiliary_module.nets, strict=True):
        correct_N = net.eval()(images).argmax(-1) == task.splits.validation.labels
        assert rows[-1].terms[name] == pytest.approx(correct_N.float().mean().item())


@pytest.mark.parametrize("model", [CONV, DROPOUT, DENSE], ids=["norm", "dropout", "stacked"])
def test_validation_of_peers_does_not_change_the_weights(
    model: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_stage(model, objective=ObjectiveSpec(name="mutual", options={"peers": 2}), epochs=3)
    random_state = torch.random.get_rng_state()
    train_stage(spec, tmp_path / "validated")
    assert torch.equal(torch.random.get_rng_state(), random_state)
    without_names = dataclasses.replace(MUTUAL, member_names=())
    monkeypatch.setitem(objectives.load_objectives(), "mutual", without_names)
    train_stage(spec, tmp_path / "not validated")
    folders = ("validated", "not validated")
    assert_equal_weights(*(checkpoints.read(tmp_path / name / CHECKPOINT)[0] for name in folders))


def test_resume_of_peers_with_dropout_is_bit_identical(tmp_path: Path) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peer": "hinton-teacher"})
    spec = make_stage(objective=objective, epochs=2)
    whole = train_stage(spec, tmp_path / "whole")
    train_until(1, spec, tmp_path / "parts")
    parts = train_stage(spec, tmp_path / "parts")
    assert_equal_weights(parts, whole)


@pytest.mark.parametrize(("peer", "error"), [("no-such-net", NotFoundError), ("custom", UserError)])
def test_an_unknown_or_custom_peer_is_refused(peer: str, error: type[Exception]) -> None:
    options = {"peers": 1, "peer": peer}
    with pytest.raises(error):
        MUTUAL.select_layers(ModelPair(ModelSpec(), None, ImageTask(10), options))
