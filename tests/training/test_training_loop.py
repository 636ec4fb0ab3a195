"""A stage from its first batch to its test figure."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.training.training_examples import (
    CLOSE,
    CONV,
    CPU,
    DENSE,
    DROPPING,
    SOFT,
    Heard,
    Library,
    assert_same,
    differ,
    few,
    made,
    run,
    run_until,
    stage,
    taught,
)
from tsexplorer.data.base import Split
from tsexplorer.data.batches import Batches
from tsexplorer.errors import Cancelled, UserError
from tsexplorer.models.modules import Dropout
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.device import autocast
from tsexplorer.training.evaluation import Figures, figures, logits_over
from tsexplorer.training.loop import train
from tsexplorer.training.paths import CHECKPOINT


def test_a_net_learns(tmp_path):
    heard = Heard()
    run(stage(epochs=12), tmp_path, listener=heard)
    rows = heard.of(events.EpochEnded)
    assert rows[-1].train_loss < rows[0].train_loss / 3
    assert rows[-1].train_accuracy > 0.9
    assert heard.of(events.StageEnded)[0].test_accuracy > 0.5


def test_a_student_learns_what_its_teacher_says_and_not_the_labels(tmp_path):
    """λ = 0 under a teacher that calls each digit by the next one's name."""
    teacher = stage(DENSE, epochs=25)
    weights = run(teacher, tmp_path / "teacher")
    last = [name for name in weights if name.startswith("logits")]
    for name in last:
        weights[name] = weights[name].roll(1, 0)
    library = Library()
    key = library.add(teacher, weights)
    heard = Heard()
    spec = stage(teachers=(key,), objective=SOFT.model_copy(update={"lam": 0.0}), epochs=25)
    student = run(spec, tmp_path / "student", library=library, listener=heard)
    assert heard.of(events.StageEnded)[0].test_accuracy < 0.2
    task = made(spec, library)
    task.net.load_state_dict(student)
    z_NC = logits_over(task.net, task.test_batches())
    assert figures(z_NC, (few().test.labels + 1) % 10).accuracy > 0.5


def test_warm_start_goes_on_from_the_other_stages_weights(tmp_path):
    library = Library()
    baseline = stage(epochs=12)
    key = library.add(baseline, run(baseline, tmp_path / "baseline"))
    cold, warm = Heard(), Heard()
    run(stage(epochs=1, seed=9), tmp_path / "cold", listener=cold)
    spec = stage(epochs=1, seed=9, start_from=key)
    run(spec, tmp_path / "warm", library=library, listener=warm)
    first, second = (heard.of(events.EpochEnded)[0].train_loss for heard in (cold, warm))
    assert second < first / 3


def test_weights_are_a_function_of_the_spec(tmp_path):
    spec = stage(DROPPING, jitter=1)
    torch.manual_seed(1)
    first = run(spec, tmp_path / "first")
    torch.manual_seed(2)
    assert_same(run(spec, tmp_path / "second"), first)
    assert differ(run(stage(DROPPING, jitter=1, seed=4), tmp_path / "other"), first)


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
def test_each_setting_is_heard(tmp_path, change):
    plain = run(stage(), tmp_path / "plain")
    assert differ(run(stage(**change), tmp_path / "changed"), plain)


def test_torchs_own_generator_is_neither_read_nor_moved(tmp_path):
    before = torch.get_rng_state()
    run(stage(DROPPING, jitter=1), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_on_in_each_epoch_and_off_for_each_look(tmp_path, monkeypatch):
    modes: list[bool] = []
    real = Dropout.forward

    def forward(self: Dropout, x: torch.Tensor) -> torch.Tensor:
        modes.append(self.training)
        return real(self, x)

    monkeypatch.setattr(Dropout, "forward", forward)
    run(stage(DROPPING, epochs=3, batch_size=45), tmp_path)
    layers = 3  # of input and both hidden layers
    epoch = [True] * 2 * layers + [False] * layers
    assert modes == epoch * 3 + [False] * 2 * layers


def test_dropout_draws_anew_each_epoch(tmp_path, monkeypatch):
    task = made(stage(DROPPING))
    images = next(task.batches.epoch(1)).images
    answers = []
    for epoch in (1, 2, 1):
        task.reseed_dropout(epoch)
        answers.append((task.net(images), task.net(images)))
    assert torch.equal(answers[0][0], answers[2][0])
    assert torch.equal(answers[0][1], answers[2][1])
    assert not torch.equal(answers[0][0], answers[1][0])
    assert not torch.equal(answers[0][0], answers[0][1])


def test_each_epoch_has_an_order_of_its_own_also_when_it_is_resumed(tmp_path, monkeypatch):
    asked: list[int] = []
    real = Batches.epoch

    def epoch(self: Batches, number: int):
        asked.append(number)
        return real(self, number)

    monkeypatch.setattr(Batches, "epoch", epoch)
    run_until(2, stage(epochs=4), tmp_path)
    run(stage(epochs=4), tmp_path)
    assert asked == [1, 2, 3, 3, 4]  # the third was cancelled at its first batch


def test_jitter_moves_what_is_learnt_from_and_not_what_is_judged(tmp_path):
    task = made(stage(jitter=2))
    jittered = torch.cat([batch.images for batch in task.batches.epoch(1)])
    order = torch.cat([batch.index for batch in task.batches.epoch(1)])
    plain = few().train.images[order].float().unsqueeze(1) / 255
    assert not torch.equal(jittered, plain)
    torch.testing.assert_close(jittered.sum((1, 2, 3)), plain.sum((1, 2, 3)), rtol=0.1, atol=1)
    validation = torch.cat(list(task.validation_batches()))
    assert torch.equal(validation, few().validation.images.float().unsqueeze(1) / 255)


def test_early_stopping_ends_a_stage_before_its_epochs(tmp_path):
    """The rate is so high that validation gets worse at once."""
    heard = Heard()
    settings = {"epochs": 50, "early_stopping": 2, "learning_rate": 0.5}
    run(stage(**settings), tmp_path, listener=heard)
    rows = heard.of(events.EpochEnded)
    losses = [row.validation_loss for row in rows]
    best = losses.index(min(losses))
    assert len(rows) == best + 1 + 2 < 50
    assert heard.of(events.StageEnded)[0].kept_epoch == len(rows)


def test_keep_best_keeps_the_epoch_that_validation_liked_most(tmp_path, monkeypatch):
    said = iter([(0.2, 1.0), (0.9, 0.5), (0.3, 0.2)])

    def script(z_NC: torch.Tensor, y_N: torch.Tensor) -> Figures:
        real = figures(z_NC, y_N)
        scripted = next(said, None)
        return real if scripted is None else Figures(*scripted, real.errors, real.size)

    heard = Heard()
    with monkeypatch.context() as patch:
        patch.setattr("tsexplorer.training.loop.figures", script)
        weights = run(stage(epochs=3, keep="best"), tmp_path / "best", listener=heard)
    assert heard.of(events.StageEnded)[0].kept_epoch == 2
    # The same run ended there by its epochs: the schedule is constant.
    assert_same(run(stage(epochs=2), tmp_path / "short"), weights)


def test_average_is_what_is_validated_and_kept(tmp_path):
    heard = Heard()
    spec = stage(epochs=2, averaging=0.9, learning_rate=0.05)
    average = run(spec, tmp_path, listener=heard)
    tensors, _ = checkpoints.read(tmp_path / checkpoints.CHECKPOINT)
    assert_same(checkpoints.under("average.", tensors), average)
    assert differ(checkpoints.under("net.", tensors), average)
    task = made(spec)
    task.net.load_state_dict(average)
    validation = figures(logits_over(task.net, task.validation_batches()), few().validation.labels)
    assert heard.of(events.EpochEnded)[-1].validation_loss == pytest.approx(validation.loss)


def test_plateau_lowers_the_rate_that_is_reported(tmp_path):
    heard = Heard()
    settings = {"schedule": "plateau", "plateau_patience": 1, "learning_rate": 0.5}
    run(stage(epochs=12, **settings), tmp_path, listener=heard)
    rows = heard.of(events.EpochEnded)
    lowest, rate = float("inf"), 0.5
    for row in rows:
        assert row.learning_rate == pytest.approx(rate)
        rate = rate if row.validation_loss < lowest else rate / 10
        lowest = min(lowest, row.validation_loss)
    assert rows[-1].learning_rate < 0.5


def test_test_images_are_looked_at_once_at_the_end(tmp_path, monkeypatch):
    looks: list[int] = []
    task = made(stage(epochs=3))
    real = task.test_batches
    heard = Heard()

    def test_batches():
        looks.append(len(heard.of(events.EpochEnded)))
        return real()

    monkeypatch.setattr(task, "test_batches", test_batches)
    train(task, tmp_path, heard, Control())
    assert looks == [3]


def test_test_images_decide_nothing(tmp_path):
    splits = few()
    wrong = Split(splits.test.images, (splits.test.labels + 1) % 10)
    settings = {"epochs": 4, "keep": "best", "early_stopping": 2, "schedule": "plateau"}
    spec = stage(learning_rate=0.1, **settings)
    right = run(spec, tmp_path / "right")
    assert_same(run(spec, tmp_path / "wrong", splits=replace(splits, test=wrong)), right)


def test_cancelled_stage_keeps_its_last_checkpoint_and_has_no_weights(tmp_path):
    run_until(1, stage(), tmp_path)
    assert checkpoints.read(tmp_path / checkpoints.CHECKPOINT)[1]["record"]["epoch"] == 1
    assert not (tmp_path / checkpoints.WEIGHTS).exists()


def test_cancelled_before_its_first_batch(tmp_path):
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        train(made(stage()), tmp_path, Heard(), control)
    assert not list(tmp_path.iterdir())


def test_weights_carry_their_spec(tmp_path):
    spec = stage(CONV)
    run(spec, tmp_path)
    _, header = checkpoints.read(tmp_path / checkpoints.WEIGHTS)
    assert type(spec).model_validate(header["spec"]) == spec


def test_evaluation_leaves_the_mode_as_it_was_also_when_it_is_stopped():
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    images = [torch.zeros(2, 1, 28, 28)]
    for mode in (True, False):
        net.train(mode)
        assert logits_over(net, images).shape == (2, 3)
        assert net.training is mode

    def stop() -> None:
        raise Cancelled

    net.train()
    with pytest.raises(Cancelled):
        logits_over(net, images, stop)
    assert net.training


def test_figures_of_a_hand_worked_case():
    z_NC = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.0]])
    found = figures(z_NC, torch.tensor([0, 0, 0, 0]))
    expected = [0.126928, 1.313262, 0.048587, 0.693147]
    assert (found.accuracy, found.errors, found.size) == (0.75, 1, 4)
    assert found.loss == pytest.approx(sum(expected) / 4, abs=1e-5)


# -- making it ready ----------------------------------------------------------------------------


def test_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match=r"^The batch size 91 is larger than the 90 training"):
        made(stage(batch_size=91))
    assert made(stage(batch_size=90)).steps_per_epoch == 1


def test_steps_count_the_short_batch():
    task = made(stage(epochs=3, batch_size=20))
    assert (task.steps_per_epoch, task.total_steps) == (5, 15)


def test_weights_of_another_net_are_refused(tmp_path):
    library = Library()
    key = library.add(stage(CONV), run(stage(CONV), tmp_path))
    with pytest.raises(UserError, match=r"^The weights to start from belong to another net"):
        made(stage(DENSE, start_from=key), library)
    library.known[key] = (stage(DENSE), library.known[key][1])
    with pytest.raises(UserError, match=r"^The teacher's weights belong to another net"):
        made(stage(DENSE, teachers=(key,), objective=SOFT), library)


def test_a_task_knows_what_it_costs(tmp_path):
    library, spec = taught(tmp_path, CONV)
    task = made(spec, library)
    teacher = made(stage(CONV))
    assert task.parameters == sum(p.numel() for p in task.net.parameters())
    assert task.macs == 784 * 12 + 12 * 10
    assert task.teacher_macs == teacher.macs > 0
    assert teacher.teacher_macs == 0
    assert task.device == CPU
    assert task.key == spec.hash


def test_scaling_is_the_same_for_learning_judging_and_the_teachers_cache(tmp_path, precision):
    data = DataSpec(scaling="standard")
    teacher = stage(CONV, data=data, precision=precision)
    library = Library()
    key = library.add(teacher, run(teacher, tmp_path))
    task = made(stage(teachers=(key,), objective=SOFT, data=data, jitter=1, epochs=5), library)
    task.attend_teachers(0, lambda _: None)
    batch = next(task.batches.epoch(1))
    assert batch.images.min() < 0
    assert next(task.validation_batches()).min() < 0
    with torch.no_grad(), autocast(precision == "bf16", CPU):
        expected = task.teacher_net(batch.images).to(torch.get_default_dtype())
    torch.testing.assert_close(task.teacher.logits(batch), expected, **CLOSE[precision])


def test_a_loss_that_is_no_number_ends_a_training_that_must_converge(tmp_path):
    """And keeps no checkpoint of it; one of many settings may diverge, and goes on."""
    wild = ModelSpec(name="custom", net=NetConfig(conv=(4, 6), dense=(12, 12)))
    raw = DataSpec(scaling="raw")
    spec = stage(wild, optimiser="sgd", learning_rate=1000.0, data=raw)
    sentence = (
        r"^The loss of conv 4-6, FC 12-12-10 \(seed 3\) is no number any more in epoch 1; train it "
        r"with a lower learning rate than 1000, or scale its pixels if they are raw\.$"
    )
    heard = Heard()
    with pytest.raises(UserError, match=sentence):
        train(made(spec), tmp_path / "ends", heard, Control(), must_converge=True)
    assert not (tmp_path / "ends" / CHECKPOINT).exists()
    (row,) = heard.of(events.EpochEnded)
    assert not math.isfinite(row.train_loss)
    ended = train(made(spec), tmp_path / "goes on", Heard(), Control())
    assert not math.isfinite(ended.validation_loss)
