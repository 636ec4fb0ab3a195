"""Tasks: what is built from the spec of a stage, and specs that are refused."""

from __future__ import annotations

import pytest
import torch

from tests.training.training_examples import (
    CONV,
    CPU,
    DENSE,
    DROPOUT,
    SOFT_TARGETS,
    TOLERANCE,
    TrainedStages,
    make_stage,
    make_task,
    small_splits,
    stage_with_teacher,
    train_stage,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.specs import DataSpec
from tsexplorer.training.device import autocast


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match=r"^The batch size 91 is larger than the 90 training"):
        make_task(make_stage(batch_size=91))
    assert make_task(make_stage(batch_size=90)).steps_per_epoch == 1


def test_steps_include_the_short_last_batch():
    task = make_task(make_stage(epochs=3, batch_size=20))
    assert (task.steps_per_epoch, task.total_steps) == (5, 15)


def test_weights_of_another_net_are_refused():
    stages = TrainedStages()
    weights = build(CONV, ImageTask(10), 0).state_dict()
    key = stages.add(make_stage(CONV), weights)
    with pytest.raises(UserError, match=r"^The weights to start from belong to another net"):
        make_task(make_stage(DENSE, start_from=key), stages)
    stages.stages[key] = (make_stage(DENSE), weights)
    with pytest.raises(UserError, match=r"^The teacher's weights belong to another net"):
        make_task(make_stage(DENSE, teachers=(key,), objective=SOFT_TARGETS), stages)


def test_parameters_and_macs_of_student_and_teacher(tmp_path):
    stages, spec = stage_with_teacher(tmp_path, CONV)
    task = make_task(spec, stages)
    teacher = make_task(make_stage(CONV))
    assert task.parameters == sum(p.numel() for p in task.net.parameters())
    assert task.macs == 784 * 12 + 12 * 10
    assert task.teacher_macs == teacher.macs > 0
    assert teacher.teacher_macs == 0
    assert task.device == CPU
    assert task.key == spec.hash


def test_training_evaluation_and_teacher_scale_alike(tmp_path, precision):
    data = DataSpec(scaling="standard")
    teacher = make_stage(CONV, data=data, precision=precision)
    stages = TrainedStages()
    key = stages.add(teacher, train_stage(teacher, tmp_path))
    spec = make_stage(teachers=(key,), objective=SOFT_TARGETS, data=data, jitter=1, epochs=5)
    task = make_task(spec, stages)
    task.prepare_teacher(0, lambda _: None)
    batch = next(task.batches.epoch(1))
    assert batch.images.min() < 0
    assert next(task.validation_batches()).min() < 0
    with torch.no_grad(), autocast(precision == "bf16", CPU):
        expected = task.teacher_net(batch.images).to(torch.get_default_dtype())
    torch.testing.assert_close(task.teacher.logits(batch), expected, **TOLERANCE[precision])


def test_dropout_is_a_function_of_seed_and_epoch():
    task = make_task(make_stage(DROPOUT))
    images = next(task.batches.epoch(1)).images
    logits = []
    for epoch in (1, 2, 1):
        task.reseed_dropout(epoch)
        logits.append((task.net(images), task.net(images)))
    assert torch.equal(logits[0][0], logits[2][0])
    assert torch.equal(logits[0][1], logits[2][1])
    assert not torch.equal(logits[0][0], logits[1][0])
    assert not torch.equal(logits[0][0], logits[0][1])


def test_jitter_shifts_training_images_only():
    task = make_task(make_stage(jitter=2))
    batches = list(task.batches.epoch(1))
    jittered = torch.cat([batch.images for batch in batches])
    order = torch.cat([batch.indices for batch in batches])
    plain = small_splits().train.images[order].float().unsqueeze(1) / 255
    assert not torch.equal(jittered, plain)
    torch.testing.assert_close(jittered.sum((1, 2, 3)), plain.sum((1, 2, 3)), rtol=0.1, atol=1)
    validation = torch.cat(list(task.validation_batches()))
    assert torch.equal(validation, small_splits().validation.images.float().unsqueeze(1) / 255)
