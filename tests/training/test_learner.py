"""Learner: which weights are kept, when the rate falls, when training ends, save and load."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.training_examples import (
    CONV,
    CPU,
    assert_equal_weights,
    make_stage,
    make_task,
)
from tsexplorer.specs import TrainSpec
from tsexplorer.training.evaluation import SplitMetrics
from tsexplorer.training.learner import Learner


def make_learner(**settings: Any) -> Learner:
    torch.manual_seed(1)
    defaults = {"epochs": 100, "learning_rate": 0.1, "optimiser": "sgd"}
    return Learner(nn.Linear(3, 2), TrainSpec(**(defaults | settings)), total_steps=1000)


def record_epochs(learner: Learner, *metrics: tuple[float, float]) -> Learner:
    """Record epochs with these validation (accuracy, loss); weights change before each."""
    for accuracy, loss in metrics:
        with torch.no_grad():
            learner.net.weight.add_(1.0)
        learner.record_validation(SplitMetrics(accuracy, loss, 0, 10))
    return learner


def record_losses(learner: Learner, *losses: float) -> Learner:
    """Record epochs of equal accuracy with these validation losses."""
    return record_epochs(learner, *[(0.5, loss) for loss in losses])


def take_steps(learner: Learner, count: int = 1) -> None:
    for number in range(count):
        inputs = torch.full((4, 3), 0.1 * (number + 1))
        learner.step(learner.net(inputs).square().mean())


class TestPlateau:
    def test_rate_falls_tenfold_after_patience_epochs(self):
        learner = make_learner(schedule="plateau", plateau_patience=2)
        factors = []
        for loss in (1.0, 0.9, 0.9, 0.95, 0.91, 0.92, 0.93):
            record_losses(learner, loss)
            factors.append(learner.record.plateau)
        assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])
        take_steps(learner)
        assert learner.last_rate == pytest.approx(0.1 * 0.01)

    def test_a_lower_loss_resets_the_count(self):
        learner = make_learner(schedule="plateau", plateau_patience=2)
        assert record_losses(learner, 1, 1, 0.9, 1).record.plateau == 1
        assert record_losses(learner, 1).record.plateau == pytest.approx(0.1)

    @pytest.mark.parametrize("patience", [0, 1])
    def test_patience_is_at_least_one_epoch(self, patience):
        learner = make_learner(schedule="plateau", plateau_patience=patience)
        assert record_losses(learner, 1, 0.9).record.plateau == 1
        assert record_losses(learner, 0.95).record.plateau == pytest.approx(0.1)

    def test_plateau_compares_losses_and_not_accuracies(self):
        learner = make_learner(schedule="plateau", plateau_patience=1)
        assert record_epochs(learner, (0.5, 1.0), (0.4, 0.9)).record.plateau == 1
        assert record_epochs(learner, (0.9, 0.95)).record.plateau == pytest.approx(0.1)


class TestEarlyStopping:
    def test_training_stops_after_patience_epochs(self):
        learner = record_losses(make_learner(early_stopping=3), 1, 0.9, 0.95, 0.93)
        assert not learner.is_finished
        assert record_losses(learner, 0.9).is_finished

    def test_a_lower_loss_resets_the_count(self):
        learner = make_learner(early_stopping=2)
        assert not record_losses(learner, 1, 1.1, 0.9, 1).is_finished

    def test_a_plateau_does_not_reset_the_count(self):
        settings = {"schedule": "plateau", "plateau_patience": 1, "early_stopping": 3}
        assert record_losses(make_learner(**settings), 1, 1.1, 1.1, 1.1).is_finished

    def test_nan_is_not_a_lower_loss(self):
        nan = float("nan")
        assert record_losses(make_learner(early_stopping=2), 1, nan, nan).is_finished

    def test_without_early_stopping_all_epochs_are_trained(self):
        learner = record_losses(make_learner(epochs=4), 1, 2, 3)
        assert not learner.is_finished
        assert record_losses(learner, 4).is_finished


class TestKeep:
    def test_last_keeps_the_last_epoch(self):
        learner = record_epochs(make_learner(keep="last"), (0.9, 0.1), (0.5, 0.5))
        weights = copy.deepcopy(learner.net.state_dict())
        assert learner.load_kept_weights() == 2
        assert_equal_weights(learner.net.state_dict(), weights)

    def test_best_keeps_the_most_accurate_epoch(self):
        learner = record_epochs(make_learner(keep="best"), (0.7, 0.5), (0.9, 0.6))
        weights = copy.deepcopy(learner.net.state_dict())
        record_epochs(learner, (0.8, 0.1), (0.9, 0.7))
        assert learner.load_kept_weights() == 2
        assert_equal_weights(learner.net.state_dict(), weights)

    def test_best_compares_losses_between_equal_accuracies(self):
        learner = record_epochs(make_learner(keep="best"), (0.9, 0.6), (0.9, 0.5), (0.9, 0.5))
        assert learner.load_kept_weights() == 2

    def test_best_copies_only_the_net_out_of_a_stack(self):
        """Weights of a stacked net are views into the memory of all nets."""
        learner = make_learner(keep="best")
        for parameter in learner.net.parameters():
            parameter.data = torch.zeros(50, *parameter.shape)[0]
        record_epochs(learner, (0.9, 0.6))
        sizes = [(w.untyped_storage().nbytes(), w.nbytes) for w in learner.best.values()]
        assert sizes
        assert all(allocated == needed for allocated, needed in sizes), sizes

    def test_best_of_an_average_is_the_averaged_net(self):
        learner = make_learner(keep="best", averaging=0.9)
        take_steps(learner, 3)
        learner.record_validation(SplitMetrics(0.9, 0.1, 0, 10))
        weights = copy.deepcopy(learner.average.state_dict())
        take_steps(learner, 3)
        learner.record_validation(SplitMetrics(0.8, 0.1, 0, 10))
        learner.load_kept_weights()
        assert_equal_weights(learner.evaluated_net.state_dict(), weights)


class TestAveraging:
    def test_average_follows_its_formula(self):
        learner = make_learner(averaging=0.6)
        expected = learner.net.weight.detach().clone()
        for number in range(1, 9):
            take_steps(learner)
            decay = min(0.6, (1 + number) / (10 + number))
            expected = decay * expected + (1 - decay) * learner.net.weight.detach()
            torch.testing.assert_close(learner.average.weight, expected)
        assert not torch.allclose(learner.average.weight, learner.net.weight)

    def test_average_does_not_change_the_trained_net(self):
        plain, averaged = make_learner(), make_learner(averaging=0.9)
        take_steps(plain, 5)
        take_steps(averaged, 5)
        assert_equal_weights(plain.net.state_dict(), averaged.net.state_dict())

    def test_the_average_is_evaluated(self):
        learner = make_learner(averaging=0.9)
        assert learner.evaluated_net is learner.average
        assert not learner.average.training
        plain = make_learner()
        assert plain.evaluated_net is plain.net

    def test_batch_norm_statistics_are_copied(self):
        task = make_task(make_stage(CONV, averaging=0.99))
        learner = Learner(task.net, task.spec.train, task.total_steps)
        batch = next(task.batches.epoch(1))
        learner.step(learner.net(batch.images).square().mean())
        buffers = dict(learner.net.named_buffers())
        means = {name: mean for name, mean in buffers.items() if name.endswith("running_mean")}
        assert means
        average = dict(learner.average.named_buffers())
        for name, mean in means.items():
            assert mean.abs().sum() > 0
            assert torch.equal(average[name], mean)


def test_norms_are_bounded_after_each_step():
    bounded, free = make_learner(max_norm=0.2), make_learner()
    take_steps(bounded)
    take_steps(free)
    assert bounded.net.weight.detach().norm(dim=1).max() <= 0.2 + 1e-6
    assert free.net.weight.detach().norm(dim=1).max() > 0.2


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "adadelta"])
def test_a_loaded_learner_takes_bit_identical_steps(optimiser):
    """Weights are channels_last, so the optimiser's state must get their strides."""
    spec = make_stage(CONV, optimiser=optimiser, averaging=0.5, keep="best")

    def start_learner() -> Learner:
        task = make_task(spec)
        assert any(
            p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
            for p in task.net.parameters()
            if p.dim() == 4
        )
        return Learner(task.net, spec.train, task.total_steps)

    def train_epoch(learner: Learner, epoch: int) -> None:
        learner.net.train()
        for batch in make_task(spec).batches.epoch(epoch):
            z_BC = learner.net(batch.images)
            learner.step(nn.functional.cross_entropy(z_BC, batch.labels))
        learner.record_validation(SplitMetrics(0.1 * epoch, 1.0, 0, 10))

    saved, loaded = start_learner(), start_learner()
    train_epoch(saved, 1)
    tensors, metadata = saved.state()
    # As read from a file: copies without strides.
    copies = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    loaded.load(copies, metadata)
    assert loaded.record == saved.record
    train_epoch(saved, 2)
    train_epoch(loaded, 2)
    assert_equal_weights(saved.net.state_dict(), loaded.net.state_dict())
    assert_equal_weights(saved.average.state_dict(), loaded.average.state_dict())
    assert_equal_weights(saved.best, loaded.best)
    assert next(loaded.net.parameters()).device == CPU
