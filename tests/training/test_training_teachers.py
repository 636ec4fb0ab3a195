"""Teacher's answers: the cache gives what the teacher itself says of the very same images."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from tests.training.training_examples import (
    CONV,
    DENSE,
    SOFT,
    Library,
    few,
    made,
    run,
    stage,
    taught,
)
from tsexplorer.data.batches import Batch, Batches, scale
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec, NetConfig, StageSpec
from tsexplorer.training import teacher_logits
from tsexplorer.training.task import Task
from tsexplorer.training.teacher_logits import Cached, MeanOfTeachers, Online, cache_pays

TELLING = ModelSpec(name="custom", net=NetConfig(conv=(8,), dense=(64,)))
"""A net whose answers differ from image to image."""
CLOSE = {"rtol": 0.0, "atol": 1e-9}


def both(jitter: int, epochs: int = 1, batch: int = 32) -> tuple[Cached, Online, Batches]:
    """A cache and the teacher beside it, and the batches of a stage of its own."""
    online = Online(MeanOfTeachers([build(TELLING, 10, 5)]), bf16=False)
    task = made(stage(jitter=jitter, epochs=epochs))
    scaler = partial(scale, scaling="unit", mean=task.splits.mean, deviation=1.0)
    cached = Cached(online, task.batches.padded, scaler, jitter, lambda _: None, batch)
    return cached, online, task.batches


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("jitter", [0, 1, 2])
def test_cache_gives_the_teachers_own_answer_for_each_batch(jitter):
    cached, online, batches = both(jitter)
    for epoch in (1, 2):
        for batch in batches.epoch(epoch):
            torch.testing.assert_close(cached.logits(batch), online.logits(batch), **CLOSE)


@pytest.mark.parametrize("jitter", [0, 1])
def test_no_two_images_share_an_answer_so_that_a_wrong_row_would_be_seen(jitter):
    cached, _, batches = both(jitter)
    answers = torch.cat([cached.logits(batch) for batch in batches.epoch(1)])
    distance = (answers.unsqueeze(0) - answers.unsqueeze(1)).abs().amax(-1)
    distance.fill_diagonal_(1)
    assert distance.min() > 1e-3


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda batch: batch._replace(index=batch.index.roll(1)),
        lambda batch: batch._replace(index=torch.arange(len(batch.index))),
        lambda batch: batch._replace(shift=-batch.shift),
        lambda batch: batch._replace(shift=batch.shift.flip(1)),
        lambda batch: batch._replace(shift=None),
    ],
    ids=["rolled", "unshuffled", "other way", "axes swapped", "unshifted"],
)
def test_a_misaligned_cache_is_noticed(wrong):
    cached, online, batches = both(jitter=1)
    for batch in batches.epoch(1):
        with pytest.raises(AssertionError, match="not close"):
            torch.testing.assert_close(cached.logits(wrong(batch)), online.logits(batch), **CLOSE)


def test_batches_are_shuffled_anew_each_epoch():
    _, _, batches = both(jitter=0)
    orders = [torch.cat([batch.index for batch in batches.epoch(number)]) for number in (1, 2)]
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[0].sort().values)


def test_share_done_grows_from_nothing_and_is_told_before_each_batch():
    online = Online(MeanOfTeachers([build(DENSE, 10, 5)]), bf16=False)
    shares: list[float] = []
    padded = made(stage(jitter=1)).batches.padded
    scaler = partial(scale, scaling="unit", mean=0.0, deviation=1.0)
    Cached(online, padded, scaler, 1, shares.append, batch=50)
    assert len(shares) == 9 * 2
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx((8 + 50 / 90) / 9)


@pytest.mark.usefixtures("float64")
def test_ensemble_answers_with_the_mean_of_its_logits():
    nets = [build(DENSE, 10, seed).eval() for seed in (1, 2, 3)]
    images = next(made(stage()).batches.epoch(1)).images
    with torch.no_grad():
        expected = sum(net(images) for net in nets) / 3
    torch.testing.assert_close(MeanOfTeachers(nets)(images), expected, **CLOSE)
    alone = nets[0](images).detach()
    torch.testing.assert_close(MeanOfTeachers(nets[:1])(images), alone, **CLOSE)


@pytest.mark.usefixtures("float64")
def test_members_count_by_their_weights():
    nets = [build(DENSE, 10, seed).eval() for seed in (1, 2)]
    images = next(made(stage()).batches.epoch(1)).images
    with torch.no_grad():
        first, second = (net(images) for net in nets)
    mean = MeanOfTeachers(nets, (1.0, 3.0))(images)
    torch.testing.assert_close(mean, first / 4 + 3 * second / 4, **CLOSE)


@pytest.mark.usefixtures("float64")
def test_mean_of_softmaxes_and_its_level():
    nets = [build(DENSE, 10, seed).eval() for seed in (1, 2)]
    images = next(made(stage()).batches.epoch(1)).images
    mean = MeanOfTeachers(nets, (1.0, 3.0), "probabilities")(images)
    with torch.no_grad():
        first, second = (net(images) for net in nets)
    p_BC = first.softmax(-1) / 4 + 3 * second.softmax(-1) / 4
    torch.testing.assert_close(mean.softmax(-1), p_BC, **CLOSE)
    level = (first.logsumexp(-1) + 3 * second.logsumexp(-1)) / 4
    torch.testing.assert_close(mean.logsumexp(-1), level, **CLOSE)
    alone = MeanOfTeachers(nets[:1], (), "probabilities")(images)
    assert torch.equal(alone, first)


@pytest.mark.usefixtures("float64")
def test_an_ensembles_weights_and_way_come_with_the_stage(tmp_path):
    library, spec = taught(tmp_path, DENSE)
    other = stage(CONV, seed=8)
    keys = (*spec.teachers, library.add(other, run(other, tmp_path / "other")))
    changes = {"teachers": keys, "teacher_weights": (1.0, 3.0), "combine": "probabilities"}
    task = made(spec.model_copy(update=changes), library)
    task.attend_teachers(0, lambda _: None)
    nets = []
    for teacher, weights in map(library, keys):
        nets.append(build(teacher.model, 10, 0))
        nets[-1].load_state_dict(weights)
    batch = next(task.batches.epoch(1))
    expected = MeanOfTeachers(nets, (1.0, 3.0), "probabilities")(batch.images)
    torch.testing.assert_close(task.teacher.logits(batch), expected, **CLOSE)


def test_teachers_are_frozen_and_in_evaluation_mode():
    mean = MeanOfTeachers([build(CONV, 10, 1)])
    assert not any(parameter.requires_grad for parameter in mean.parameters())
    assert not any(module.training for module in mean.modules())


def alike(
    one: dict[str, Tensor], other: dict[str, Tensor], rtol: float = 0, atol: float = 1e-9
) -> bool:
    return all(torch.allclose(one[name], other[name], rtol, atol) for name in one)


def attended(library: Library, spec: StageSpec, epochs_done: int = 0) -> Task:
    task = made(spec, library)
    task.attend_teachers(epochs_done, lambda _: None)
    return task


@pytest.mark.parametrize(
    ("jitter", "epochs", "pays"),
    [(0, 1, True), (1, 4, False), (1, 5, True), (2, 12, False), (2, 13, True)],
)
def test_cache_pays_where_each_image_is_seen_about_twice_an_epoch_and_shift(jitter, epochs, pays):
    assert cache_pays(jitter, epochs, samples=90, classes=10) is pays


def test_cache_that_would_not_fit_does_not_pay():
    assert cache_pays(4, 1000, samples=331_000, classes=10)
    assert not cache_pays(4, 1000, samples=332_000, classes=10)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"jitter": 0}, Cached), ({"jitter": 2}, Online), ({"jitter": 1, "epochs": 5}, Cached)],
)
def test_stage_decides_by_its_spec_and_not_by_how_far_it_is(tmp_path, changes, kind):
    library, spec = taught(tmp_path, DENSE, **changes)
    for epochs_done in range(spec.train.epochs):
        assert isinstance(attended(library, spec, epochs_done).teacher, kind)


def test_a_stage_that_is_over_asks_no_teacher(tmp_path):
    library, spec = taught(tmp_path, DENSE)
    assert attended(library, spec, spec.train.epochs).teacher is None


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("jitter", [0, 1])
def test_stage_learns_from_a_cache_what_it_would_learn_online(tmp_path, monkeypatch, jitter):
    library, spec = taught(tmp_path, CONV, jitter=jitter, epochs=5)
    weights = {}
    for way in (True, False):
        monkeypatch.setattr("tsexplorer.training.task.cache_pays", lambda *_, way=way: way)
        assert isinstance(attended(library, spec).teacher, Cached if way else Online)
        weights[way] = run(spec, tmp_path / str(way), library=library)
    assert alike(weights[True], weights[False])


@pytest.mark.usefixtures("float64")
def test_stage_learns_something_else_from_a_cache_that_is_off_by_one(tmp_path, monkeypatch):
    """What the test above would see of a misaligned cache."""
    library, spec = taught(tmp_path, CONV, epochs=5)
    right = run(spec, tmp_path / "right", library=library)

    class Off(Cached):
        def logits(self, batch: Batch) -> Tensor:
            return super().logits(batch._replace(index=batch.index.roll(1)))

    monkeypatch.setattr("tsexplorer.training.task.Cached", Off)
    wrong = run(spec, tmp_path / "wrong", library=library)
    assert not alike(wrong, right, rtol=1e-2, atol=1e-3)


def test_teacher_answers_in_the_format_it_was_trained_in(tmp_path):
    for wish in ("bf16", "fp32"):
        teacher = stage(CONV, precision=wish)
        library = Library()
        key = library.add(teacher, run(teacher, tmp_path / wish))
        task = made(stage(teachers=(key,), objective=SOFT), library)
        assert task.teacher_bf16 is (wish == "bf16")


def test_logits_are_fp32_without_gradient(tmp_path):
    library, spec = taught(tmp_path, CONV)
    task = attended(library, spec)
    for teacher in (task.teacher, Online(task.teacher_net, bf16=True)):
        z_BC = teacher.logits(next(task.batches.epoch(1)))
        assert z_BC.dtype == torch.float32
        assert not z_BC.requires_grad
        assert z_BC.shape == (20, 10)


def test_bound_on_the_cache_is_a_gibibyte():
    assert teacher_logits.CACHE_BYTES == 2**30
    assert few().train.images.dtype == torch.uint8
