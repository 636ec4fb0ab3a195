"""Teacher logits: the cache holds the teacher's logits of exactly the images of each batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.training.training_examples import (
    CONV,
    DENSE,
    SOFT_TARGETS,
    TrainedStages,
    make_stage,
    make_task,
    stage_with_teacher,
    train_stage,
    untrained_teacher,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.data.batches import Batches, TrainingBatch
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec, NetConfig, StageSpec, TrainSpec
from tsexplorer.training.task import Task
from tsexplorer.training.teacher_logits import (
    CachedTeacher,
    MeanOfTeachers,
    OnlineTeacher,
    is_cache_worthwhile,
)

DISTINCT = ModelSpec(name="custom", net=NetConfig(conv=(8,), dense=(64,)))
"""A net whose logits differ from image to image."""
EXACT = {"rtol": 0.0, "atol": 1e-9}


def make_teachers(
    jitter: int, epochs: int = 1, batch_size: int = 32
) -> tuple[CachedTeacher, OnlineTeacher, Batches]:
    """The same teacher cached and online, and the batches of a stage."""
    online = OnlineTeacher(MeanOfTeachers([build(DISTINCT, ImageTask(10), 5)]), bf16=False)
    task = make_task(make_stage(jitter=jitter, epochs=epochs))
    scaling = task.splits.normalisation("unit")
    cached = CachedTeacher(online, task.batches, scaling, lambda _: None, batch_size)
    return cached, online, task.batches


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("jitter", [0, 1, 2])
def test_cached_logits_equal_online_logits(jitter):
    cached, online, batches = make_teachers(jitter)
    for epoch in (1, 2):
        for batch in batches.epoch(epoch):
            torch.testing.assert_close(cached.logits(batch), online.logits(batch), **EXACT)


@pytest.mark.parametrize("jitter", [0, 1])
def test_logits_of_all_images_differ(jitter):
    """So the comparison above would notice a wrong row."""
    cached, _, batches = make_teachers(jitter)
    logits = torch.cat([cached.logits(batch) for batch in batches.epoch(1)])
    distance = (logits.unsqueeze(0) - logits.unsqueeze(1)).abs().amax(-1)
    distance.fill_diagonal_(1)
    assert distance.min() > 1e-3


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "misalign",
    [
        lambda batch: batch._replace(indices=batch.indices.roll(1)),
        lambda batch: batch._replace(indices=torch.arange(len(batch.indices))),
        lambda batch: batch._replace(shift=-batch.shift),
        lambda batch: batch._replace(shift=batch.shift.flip(1)),
        lambda batch: batch._replace(shift=None),
    ],
    ids=["rolled", "unshuffled", "other direction", "axes swapped", "unshifted"],
)
def test_the_comparison_notices_a_misaligned_cache(misalign):
    cached, online, batches = make_teachers(jitter=1)
    for batch in batches.epoch(1):
        with pytest.raises(AssertionError, match="not close"):
            torch.testing.assert_close(
                cached.logits(misalign(batch)), online.logits(batch), **EXACT
            )


def test_the_finished_share_is_reported_before_each_batch():
    online = OnlineTeacher(MeanOfTeachers([build(DENSE, ImageTask(10), 5)]), bf16=False)
    shares: list[float] = []
    task = make_task(make_stage(jitter=1))
    CachedTeacher(
        online, task.batches, task.splits.normalisation("unit"), shares.append, batch_size=50
    )
    assert len(shares) == 9 * 2
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx((8 + 50 / 90) / 9)


# -- several teachers ---------------------------------------------------------------------------


def logits_of(nets: list[torch.nn.Module]) -> tuple[Tensor, list[Tensor]]:
    """A batch of images, and the logits of each net."""
    images = next(make_task(make_stage()).batches.epoch(1)).images
    with torch.no_grad():
        return images, [net(images) for net in nets]


@pytest.mark.usefixtures("float64")
def test_logits_of_teachers_are_averaged():
    nets = [build(DENSE, ImageTask(10), seed).eval() for seed in (1, 2, 3)]
    images, logits = logits_of(nets)
    torch.testing.assert_close(MeanOfTeachers(nets)(images), sum(logits) / 3, **EXACT)
    torch.testing.assert_close(MeanOfTeachers(nets[:1])(images), logits[0], **EXACT)


@pytest.mark.usefixtures("float64")
def test_teachers_are_weighted():
    nets = [build(DENSE, ImageTask(10), seed).eval() for seed in (1, 2)]
    images, (first, second) = logits_of(nets)
    mean = MeanOfTeachers(nets, (1.0, 3.0))(images)
    torch.testing.assert_close(mean, first / 4 + 3 * second / 4, **EXACT)


@pytest.mark.usefixtures("float64")
def test_probabilities_and_levels_are_averaged():
    nets = [build(DENSE, ImageTask(10), seed).eval() for seed in (1, 2)]
    images, (first, second) = logits_of(nets)
    mean = MeanOfTeachers(nets, (1.0, 3.0), "probabilities")(images)
    p_BC = first.softmax(-1) / 4 + 3 * second.softmax(-1) / 4
    torch.testing.assert_close(mean.softmax(-1), p_BC, **EXACT)
    level = (first.logsumexp(-1) + 3 * second.logsumexp(-1)) / 4
    torch.testing.assert_close(mean.logsumexp(-1), level, **EXACT)
    alone = MeanOfTeachers(nets[:1], (), "probabilities")(images)
    assert torch.equal(alone, first)


@pytest.mark.usefixtures("float64")
def test_weights_and_kind_of_mean_are_those_of_the_stage():
    stages = TrainedStages()
    nets = [build(DENSE, ImageTask(10), 1).eval(), build(CONV, ImageTask(10), 8).eval()]
    keys = tuple(
        stages.add(make_stage(model), net.state_dict())
        for model, net in zip((DENSE, CONV), nets, strict=True)
    )
    changes = {"teacher_weights": (1.0, 3.0), "combine": "probabilities"}
    task = make_task(make_stage(teachers=keys, objective=SOFT_TARGETS, **changes), stages)
    task.prepare_teacher(0, lambda _: None)
    batch = next(task.batches.epoch(1))
    expected = MeanOfTeachers(nets, (1.0, 3.0), "probabilities")(batch.images)
    torch.testing.assert_close(task.teacher.logits(batch), expected, **EXACT)


def test_teachers_are_frozen_and_in_evaluation_mode():
    mean = MeanOfTeachers([build(CONV, ImageTask(10), 1)])
    assert not any(parameter.requires_grad for parameter in mean.parameters())
    assert not any(module.training for module in mean.modules())


# -- in a stage ---------------------------------------------------------------------------------


def prepared_task(stages: TrainedStages, spec: StageSpec, epochs_done: int = 0) -> Task:
    task = make_task(spec, stages)
    task.prepare_teacher(epochs_done, lambda _: None)
    return task


@pytest.mark.parametrize(
    ("jitter", "epochs", "worthwhile"),
    [(0, 1, True), (1, 4, False), (1, 5, True), (2, 12, False), (2, 13, True)],
)
def test_cache_needs_an_epoch_per_two_variants(jitter, epochs, worthwhile):
    spec = TrainSpec(jitter=jitter, epochs=epochs)
    assert is_cache_worthwhile(spec, samples=90, classes=10) is worthwhile


def test_cache_is_at_most_a_gibibyte():
    spec = TrainSpec(jitter=4, epochs=1000)
    assert is_cache_worthwhile(spec, samples=331_000, classes=10)
    assert not is_cache_worthwhile(spec, samples=332_000, classes=10)
    flipped = spec.model_copy(update={"flip": True})
    assert not is_cache_worthwhile(flipped, samples=90, classes=10)


@pytest.mark.parametrize(
    ("changes", "teacher"),
    [
        ({"jitter": 0}, CachedTeacher),
        ({"jitter": 2}, OnlineTeacher),
        ({"jitter": 1, "epochs": 5}, CachedTeacher),
    ],
)
def test_caching_depends_on_the_spec_and_not_on_epochs_done(changes, teacher):
    stages, spec = untrained_teacher(DENSE, **changes)
    for epochs_done in range(spec.train.epochs):
        assert isinstance(prepared_task(stages, spec, epochs_done).teacher, teacher)


def test_a_finished_stage_needs_no_teacher():
    stages, spec = untrained_teacher(DENSE)
    assert prepared_task(stages, spec, spec.train.epochs).teacher is None


def are_close(
    weights: dict[str, Tensor], others: dict[str, Tensor], rtol: float = 0, atol: float = 1e-9
) -> bool:
    return all(torch.allclose(weights[name], others[name], rtol, atol) for name in weights)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("jitter", [0, 1])
def test_cache_does_not_change_what_a_student_learns(tmp_path, monkeypatch, jitter):
    stages, spec = stage_with_teacher(tmp_path, CONV, jitter=jitter, epochs=5)
    weights = []
    for cached in (True, False):
        monkeypatch.setattr(
            "tsexplorer.training.task.is_cache_worthwhile", lambda *_, cached=cached: cached
        )
        teacher = prepared_task(stages, spec).teacher
        assert isinstance(teacher, CachedTeacher if cached else OnlineTeacher)
        weights.append(train_stage(spec, tmp_path / str(cached), stages=stages))
    assert are_close(*weights)


@pytest.mark.usefixtures("float64")
def test_a_misaligned_cache_changes_what_a_student_learns(tmp_path, monkeypatch):
    """So the test above would notice a misaligned cache."""
    stages, spec = stage_with_teacher(tmp_path, CONV, epochs=5)
    aligned = train_stage(spec, tmp_path / "aligned", stages=stages)

    class OffByOne(CachedTeacher):
        def logits(self, batch: TrainingBatch) -> Tensor:
            return super().logits(batch._replace(indices=batch.indices.roll(1)))

    monkeypatch.setattr("tsexplorer.training.task.CachedTeacher", OffByOne)
    misaligned = train_stage(spec, tmp_path / "misaligned", stages=stages)
    assert not are_close(misaligned, aligned, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_teacher_runs_in_the_precision_of_its_training(precision):
    stages = TrainedStages()
    key = stages.add(
        make_stage(CONV, precision=precision), build(CONV, ImageTask(10), 0).state_dict()
    )
    task = make_task(make_stage(teachers=(key,), objective=SOFT_TARGETS), stages)
    assert task.teacher_bf16 is (precision == "bf16")


def test_logits_are_fp32_without_gradient():
    task = prepared_task(*untrained_teacher(CONV))
    for teacher in (task.teacher, OnlineTeacher(task.teacher_net, bf16=True)):
        z_BC = teacher.logits(next(task.batches.epoch(1)))
        assert z_BC.dtype == torch.float32
        assert not z_BC.requires_grad
        assert z_BC.shape == (20, 10)
