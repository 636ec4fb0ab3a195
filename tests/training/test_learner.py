"""What validation decides: which weights are kept, when the rate falls, when it is over."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.training_examples import CONV, CPU, assert_same, made, stage
from tsexplorer.specs import TrainSpec
from tsexplorer.training.evaluation import SplitMetrics
from tsexplorer.training.learner import Learner


def learner(**settings: Any) -> Learner:
    torch.manual_seed(1)
    usual = {"epochs": 100, "learning_rate": 0.1, "optimiser": "sgd"}
    return Learner(nn.Linear(3, 2), TrainSpec(**(usual | settings)), total_steps=1000)


def judged(one: Learner, *figures: tuple[float, float]) -> Learner:
    """Epochs with these (accuracy, loss) on validation; the weights move in between."""
    for accuracy, loss in figures:
        with torch.no_grad():
            one.net.weight.add_(1.0)
        one.record_validation(SplitMetrics(accuracy, loss, 0, 10))
    return one


def losses(*values: float) -> list[tuple[float, float]]:
    return [(0.5, value) for value in values]


def step(one: Learner, count: int = 1) -> None:
    for number in range(count):
        x = torch.full((4, 3), 0.1 * (number + 1))
        one.step(one.net(x).square().mean())


class TestPlateau:
    def test_rate_falls_tenfold_after_so_many_epochs_without_gain(self):
        one = learner(schedule="plateau", plateau_patience=2)
        factors = []
        for loss in (1.0, 0.9, 0.9, 0.95, 0.91, 0.92, 0.93):
            judged(one, (0.5, loss))
            factors.append(one.record.plateau)
        assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])
        step(one)
        assert one.last_rate == pytest.approx(0.1 * 0.01)

    def test_gain_starts_the_count_again(self):
        one = judged(learner(schedule="plateau", plateau_patience=2), *losses(1, 1, 0.9, 1))
        assert one.record.plateau == 1
        assert judged(one, *losses(1)).record.plateau == pytest.approx(0.1)

    @pytest.mark.parametrize("patience", [0, 1])
    def test_least_patience_is_one_epoch(self, patience):
        one = learner(schedule="plateau", plateau_patience=patience)
        assert judged(one, *losses(1, 0.9)).record.plateau == 1
        assert judged(one, *losses(0.95)).record.plateau == pytest.approx(0.1)

    def test_loss_counts_and_not_accuracy(self):
        one = learner(schedule="plateau", plateau_patience=1)
        assert judged(one, (0.5, 1.0), (0.4, 0.9)).record.plateau == 1
        assert judged(one, (0.9, 0.95)).record.plateau == pytest.approx(0.1)


class TestEarlyStopping:
    def test_stops_after_so_many_epochs_without_gain(self):
        one = judged(learner(early_stopping=3), *losses(1, 0.9, 0.95, 0.93))
        assert not one.is_finished
        assert judged(one, *losses(0.9)).is_finished

    def test_gain_starts_the_count_again(self):
        one = judged(learner(early_stopping=2), *losses(1, 1.1, 0.9, 1))
        assert not one.is_finished

    def test_plateau_does_not_start_the_count_again(self):
        settings = {"schedule": "plateau", "plateau_patience": 1, "early_stopping": 3}
        one = judged(learner(**settings), *losses(1, 1.1, 1.1, 1.1))
        assert one.is_finished

    def test_diverged_loss_is_no_gain(self):
        one = judged(learner(early_stopping=2), *losses(1, float("nan"), float("nan")))
        assert one.is_finished

    def test_without_it_the_epochs_decide(self):
        one = judged(learner(epochs=4), *losses(1, 2, 3))
        assert not one.is_finished
        assert judged(one, *losses(4)).is_finished


class TestKeep:
    def test_last_keeps_the_last(self):
        one = judged(learner(keep="last"), (0.9, 0.1), (0.5, 0.5))
        weights = copy.deepcopy(one.net.state_dict())
        assert one.load_kept_weights() == 2
        assert_same(one.net.state_dict(), weights)

    def test_best_keeps_the_most_accurate(self):
        one = judged(learner(keep="best"), (0.7, 0.5), (0.9, 0.6))
        weights = copy.deepcopy(one.net.state_dict())
        judged(one, (0.8, 0.1), (0.9, 0.7))
        assert one.load_kept_weights() == 2
        assert_same(one.net.state_dict(), weights)

    def test_loss_decides_between_equals(self):
        assert (
            judged(learner(keep="best"), (0.9, 0.6), (0.9, 0.5), (0.9, 0.5)).load_kept_weights()
            == 2
        )

    def test_best_of_a_stacked_net_takes_none_of_the_others_along(self):
        """A stacked net's weights are a part of all nets' memory."""
        one = learner(keep="best")
        for parameter in one.net.parameters():
            parameter.data = torch.zeros(50, *parameter.shape)[0]
        judged(one, (0.9, 0.6))
        sizes = [(v.untyped_storage().nbytes(), v.nbytes) for v in one.best.values()]
        assert sizes
        assert all(held == own for held, own in sizes), sizes

    def test_best_of_an_average_is_the_averages(self):
        one = learner(keep="best", averaging=0.9)
        step(one, 3)
        one.record_validation(SplitMetrics(0.9, 0.1, 0, 10))
        weights = copy.deepcopy(one.average.state_dict())
        step(one, 3)
        one.record_validation(SplitMetrics(0.8, 0.1, 0, 10))
        one.load_kept_weights()
        assert_same(one.evaluated_net.state_dict(), weights)


class TestAveraging:
    def test_average_follows_its_formula(self):
        one = learner(averaging=0.6)
        expected = one.net.weight.detach().clone()
        for number in range(1, 9):
            step(one)
            decay = min(0.6, (1 + number) / (10 + number))
            expected = decay * expected + (1 - decay) * one.net.weight.detach()
            torch.testing.assert_close(one.average.weight, expected)
        assert not torch.allclose(one.average.weight, one.net.weight)

    def test_average_does_not_change_how_the_net_learns(self):
        plain, averaged = learner(), learner(averaging=0.9)
        step(plain, 5)
        step(averaged, 5)
        assert_same(plain.net.state_dict(), averaged.net.state_dict())

    def test_what_is_judged_is_the_average(self):
        one = learner(averaging=0.9)
        assert one.evaluated_net is one.average
        assert learner().evaluated_net is not None
        assert not one.average.training

    def test_batch_norms_figures_are_the_nets(self):
        task = made(stage(CONV, averaging=0.99))
        one = Learner(task.net, task.spec.train, task.total_steps)
        batch = next(task.batches.epoch(1))
        one.step(one.net(batch.images).square().mean())
        means = {n: b for n, b in one.net.named_buffers() if n.endswith("running_mean")}
        assert means
        average = dict(one.average.named_buffers())
        for name, mean in means.items():
            assert mean.abs().sum() > 0
            assert torch.equal(average[name], mean)


def test_norms_are_bounded_after_each_step():
    one = learner(max_norm=0.2)
    step(one)
    assert one.net.weight.detach().norm(dim=1).max() <= 0.2 + 1e-6
    free = learner()
    step(free)
    assert free.net.weight.detach().norm(dim=1).max() > 0.2


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "adadelta"])
def test_a_loaded_learner_takes_the_very_same_steps(optimiser):
    """With weights channels last: the optimiser's memory must be laid out as they are."""
    spec = stage(CONV, optimiser=optimiser, averaging=0.5, keep="best")

    def begun() -> Learner:
        task = made(spec)
        assert any(
            p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
            for p in task.net.parameters()
            if p.dim() == 4
        )
        return Learner(task.net, spec.train, task.total_steps)

    def learn(one: Learner, epoch: int) -> None:
        one.net.train()
        for batch in made(spec).batches.epoch(epoch):
            one.step(nn.functional.cross_entropy(one.net(batch.images), batch.labels))
        one.record_validation(SplitMetrics(0.1 * epoch, 1.0, 0, 10))

    first = begun()
    learn(first, 1)
    tensors, numbers = first.state()
    second = begun()
    # As a file gives them: copies, without strides.
    copies = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    second.load(copies, numbers)
    assert second.record == first.record
    learn(first, 2)
    learn(second, 2)
    assert_same(first.net.state_dict(), second.net.state_dict())
    assert_same(first.average.state_dict(), second.average.state_dict())
    assert_same(first.best, second.best)
    assert next(second.net.parameters()).device == CPU
