"""Training of a stage from the first batch to the test accuracy."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.training.training_examples import (
    CONV,
    DENSE,
    DROPOUT,
    SOFT_TARGETS,
    EventRecorder,
    TrainedStages,
    assert_equal_weights,
    make_stage,
    make_task,
    small_splits,
    train_stage,
    train_until,
    weights_differ,
)
from tsexplorer.data.base import Split
from tsexplorer.data.batches import Batches
from tsexplorer.errors import Cancelled, TrainingPruned, UserError
from tsexplorer.models.modules import DropoutModule
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.loop import train


def test_a_net_learns(tmp_path):
    recorder = EventRecorder()
    train_stage(make_stage(epochs=12), tmp_path, listener=recorder)
    epochs = recorder.of(events.EpochEnded)
    assert epochs[-1].train_loss < epochs[0].train_loss / 3
    assert epochs[-1].train_accuracy > 0.9
    assert recorder.of(events.StageEnded)[0].test_accuracy > 0.5


def test_with_lambda_0_a_student_learns_from_its_teacher_only(tmp_path):
    """The teacher answers each digit with the next one."""
    teacher = make_stage(DENSE, epochs=25)
    weights = train_stage(teacher, tmp_path / "teacher")
    for name in weights:
        if name.startswith("logits"):
            weights[name] = weights[name].roll(1, 0)
    stages = TrainedStages()
    key = stages.add(teacher, weights)
    recorder = EventRecorder()
    objective = SOFT_TARGETS.model_copy(update={"lam": 0.0})
    spec = make_stage(teachers=(key,), objective=objective, epochs=25)
    student = train_stage(spec, tmp_path / "student", stages=stages, listener=recorder)
    assert recorder.of(events.StageEnded)[0].test_accuracy < 0.2
    task = make_task(spec, stages)
    task.net.load_state_dict(student)
    z_NC = compute_logits(task.net, task.test_batches())
    assert compute_metrics(z_NC, (small_splits().test.labels + 1) % 10).accuracy > 0.5


def test_warm_start_continues_from_the_weights_of_a_stage(tmp_path):
    stages = TrainedStages()
    baseline = make_stage(epochs=12)
    key = stages.add(baseline, train_stage(baseline, tmp_path / "baseline"))
    losses = []
    for name, start_from in (("cold", None), ("warm", key)):
        recorder = EventRecorder()
        spec = make_stage(epochs=1, seed=9, start_from=start_from)
        train_stage(spec, tmp_path / name, stages=stages, listener=recorder)
        losses += [epoch.train_loss for epoch in recorder.of(events.EpochEnded)]
    cold, warm = losses
    assert warm < cold / 3


def test_weights_are_a_function_of_the_spec(tmp_path):
    spec = make_stage(DROPOUT, jitter=1)
    torch.manual_seed(1)
    first = train_stage(spec, tmp_path / "first")
    torch.manual_seed(2)
    assert_equal_weights(train_stage(spec, tmp_path / "second"), first)
    other_seed = train_stage(make_stage(DROPOUT, jitter=1, seed=4), tmp_path / "other")
    assert weights_differ(other_seed, first)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.011},
        {"jitter": 1},
        {"batch_size": 21},
        {"weight_decay": 0.1},
        {"averaging": 0.5},
        {"max_norm": 0.3},
        {"optimiser": "sgd"},
        {"schedule": "cosine"},
        {"precision": "bf16"},
    ],
)
def test_each_setting_changes_the_weights(tmp_path, change):
    plain = train_stage(make_stage(), tmp_path / "plain")
    assert weights_differ(train_stage(make_stage(**change), tmp_path / "changed"), plain)


def test_the_global_random_state_is_not_used(tmp_path):
    before = torch.get_rng_state()
    train_stage(make_stage(DROPOUT, jitter=1), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_on_in_training_and_off_in_evaluation(tmp_path, monkeypatch):
    modes: list[bool] = []
    real = DropoutModule.forward

    def forward(self: DropoutModule, x: torch.Tensor) -> torch.Tensor:
        modes.append(self.training)
        return real(self, x)

    monkeypatch.setattr(DropoutModule, "forward", forward)
    train_stage(make_stage(DROPOUT, epochs=3, batch_size=45), tmp_path)
    layers = 3  # of the input and of both hidden layers
    epoch = [True] * 2 * layers + [False] * layers
    assert modes == epoch * 3 + [False] * 2 * layers


def test_a_resumed_stage_continues_the_order_of_epochs(tmp_path, monkeypatch):
    epochs: list[int] = []
    real = Batches.epoch

    def epoch(self: Batches, number: int):
        epochs.append(number)
        return real(self, number)

    monkeypatch.setattr(Batches, "epoch", epoch)
    train_until(2, make_stage(epochs=4), tmp_path)
    train_stage(make_stage(epochs=4), tmp_path)
    assert epochs == [1, 2, 3, 3, 4]  # the first 3 was cancelled at its first batch


def test_early_stopping_ends_a_stage_early(tmp_path):
    """The learning rate is so high that the validation loss rises soon."""
    recorder = EventRecorder()
    settings = {"epochs": 50, "early_stopping": 2, "learning_rate": 0.5}
    train_stage(make_stage(**settings), tmp_path, listener=recorder)
    losses = [epoch.validation_loss for epoch in recorder.of(events.EpochEnded)]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 2 < 50
    assert recorder.of(events.StageEnded)[0].kept_epoch == len(losses)


def test_keep_best_keeps_the_most_accurate_epoch(tmp_path, monkeypatch):
    scripted = iter([(0.2, 1.0), (0.9, 0.5), (0.3, 0.2)])

    def compute(z_NC: torch.Tensor, y_N: torch.Tensor) -> SplitMetrics:
        real = compute_metrics(z_NC, y_N)
        accuracy, loss = next(scripted, real[:2])
        return SplitMetrics(accuracy, loss, real.errors, real.size)

    recorder = EventRecorder()
    with monkeypatch.context() as patch:
        patch.setattr("tsexplorer.training.loop.compute_metrics", compute)
        spec = make_stage(epochs=3, keep="best")
        weights = train_stage(spec, tmp_path / "best", listener=recorder)
    assert recorder.of(events.StageEnded)[0].kept_epoch == 2
    # The learning rate is constant, so a stage of two epochs has the same weights.
    assert_equal_weights(train_stage(make_stage(epochs=2), tmp_path / "short"), weights)


def test_the_average_is_validated_and_kept(tmp_path):
    recorder = EventRecorder()
    spec = make_stage(epochs=2, averaging=0.9, learning_rate=0.05)
    weights = train_stage(spec, tmp_path, listener=recorder)
    tensors, _ = checkpoints.read(tmp_path / checkpoints.CHECKPOINT)
    assert_equal_weights(checkpoints.select_prefix("average.", tensors), weights)
    assert weights_differ(checkpoints.select_prefix("net.", tensors), weights)
    task = make_task(spec)
    task.net.load_state_dict(weights)
    z_NC = compute_logits(task.net, task.validation_batches())
    validation = compute_metrics(z_NC, small_splits().validation.labels)
    last = recorder.of(events.EpochEnded)[-1]
    assert last.validation_loss == pytest.approx(validation.loss)


def test_the_reported_rate_follows_the_plateau(tmp_path):
    recorder = EventRecorder()
    settings = {"schedule": "plateau", "plateau_patience": 1, "learning_rate": 0.5}
    train_stage(make_stage(epochs=12, **settings), tmp_path, listener=recorder)
    epochs = recorder.of(events.EpochEnded)
    lowest, rate = math.inf, 0.5
    for epoch in epochs:
        assert epoch.learning_rate == pytest.approx(rate)
        rate = rate if epoch.validation_loss < lowest else rate / 10
        lowest = min(lowest, epoch.validation_loss)
    assert epochs[-1].learning_rate < 0.5


def test_test_images_are_used_once_after_the_last_epoch(tmp_path, monkeypatch):
    epochs_before: list[int] = []
    task = make_task(make_stage(epochs=3))
    real = task.test_batches
    recorder = EventRecorder()

    def test_batches():
        epochs_before.append(len(recorder.of(events.EpochEnded)))
        return real()

    monkeypatch.setattr(task, "test_batches", test_batches)
    train(task, tmp_path, recorder, Control())
    assert epochs_before == [3]


def test_test_images_have_no_influence_on_the_weights(tmp_path):
    splits = small_splits()
    wrong = Split(splits.test.images, (splits.test.labels + 1) % 10)
    settings = {"epochs": 4, "keep": "best", "early_stopping": 2, "schedule": "plateau"}
    spec = make_stage(learning_rate=0.1, **settings)
    right = train_stage(spec, tmp_path / "right")
    wrong_splits = replace(splits, test=wrong)
    assert_equal_weights(train_stage(spec, tmp_path / "wrong", splits=wrong_splits), right)


def test_a_cancelled_stage_keeps_its_checkpoint_only(tmp_path):
    train_until(1, make_stage(), tmp_path)
    assert checkpoints.read(tmp_path / checkpoints.CHECKPOINT)[1]["record"]["epoch"] == 1
    assert not (tmp_path / checkpoints.WEIGHTS).exists()


def test_a_stage_cancelled_before_its_first_batch_writes_nothing(tmp_path):
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        train(make_task(make_stage()), tmp_path, EventRecorder(), control)
    assert not list(tmp_path.iterdir())


def test_should_give_up_is_called_before_the_checkpoint(tmp_path):
    epochs: list[int] = []

    def should_give_up(epoch: events.EpochEnded) -> bool:
        epochs.append(epoch.epoch)
        return epoch.epoch == 2

    task = make_task(make_stage(epochs=3))
    with pytest.raises(TrainingPruned):
        train(task, tmp_path, EventRecorder(), Control(), should_give_up)
    assert epochs == [1, 2]
    assert checkpoints.read(tmp_path / checkpoints.CHECKPOINT)[1]["record"]["epoch"] == 1
    assert not (tmp_path / checkpoints.WEIGHTS).exists()


def test_the_last_epoch_cannot_be_given_up(tmp_path):
    task = make_task(make_stage(epochs=1))
    ended = train(task, tmp_path, EventRecorder(), Control(), lambda _epoch: True)
    assert ended.kept_epoch == 1


def test_the_weights_file_has_the_spec(tmp_path):
    spec = make_stage(CONV)
    train_stage(spec, tmp_path)
    _, metadata = checkpoints.read(tmp_path / checkpoints.WEIGHTS)
    assert type(spec).model_validate(metadata["spec"]) == spec


def test_divergence_is_an_error_only_if_training_must_converge(tmp_path):
    net = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dense=(12, 12)))
    raw = DataSpec(scaling="raw")
    spec = make_stage(net, optimiser="sgd", learning_rate=1000.0, data=raw)
    sentence = (
        r"^The loss of conv 4-6, FC 12-12-10 \(seed 3\) became infinite or NaN in epoch 1; train "
        r"it with a lower learning rate than 1000, or scale the pixels if they are raw\.$"
    )
    recorder = EventRecorder()
    with pytest.raises(UserError, match=sentence):
        train(make_task(spec), tmp_path / "error", recorder, Control(), must_converge=True)
    assert not (tmp_path / "error" / checkpoints.CHECKPOINT).exists()
    (epoch,) = recorder.of(events.EpochEnded)
    assert not math.isfinite(epoch.train_loss)
    ended = train(make_task(spec), tmp_path / "allowed", EventRecorder(), Control())
    assert not math.isfinite(ended.validation_loss)
