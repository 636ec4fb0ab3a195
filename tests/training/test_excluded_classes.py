"""A student trained without some classes: its batches, its teacher's logits, its evaluation."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.training.training_examples import (
    TOLERANCE,
    EventRecorder,
    assert_equal_weights,
    make_stage,
    make_task,
    small_splits,
    stage_with_teacher,
    train_stage,
    train_until,
)
from tsexplorer.errors import UserError
from tsexplorer.specs import Precision
from tsexplorer.training import events
from tsexplorer.training.teacher_logits import CachedTeacher, OnlineTeacher

EXCLUDED = (3, 8)
REMAINING = sum(label not in EXCLUDED for label in small_splits().train.labels.tolist())


def test_no_batch_has_an_excluded_class() -> None:
    task = make_task(make_stage(left_out=EXCLUDED))
    labels = torch.cat([batch.labels for batch in task.batches.epoch(1)])
    assert len(labels) == REMAINING < len(small_splits().train)
    assert not {*labels.tolist()} & {*EXCLUDED}
    assert task.steps_per_epoch == len(task.batches) == math.ceil(REMAINING / 20)


@pytest.mark.parametrize("jitter", [0, 1])
def test_cached_logits_belong_to_the_images_of_the_batch(
    tmp_path: Path, jitter: int, precision: Precision
) -> None:
    stages, spec = stage_with_teacher(
        tmp_path, precision=precision, left_out=EXCLUDED, jitter=jitter, epochs=5
    )
    task = make_task(spec, stages)
    task.prepare_teacher(0, lambda _share: None)
    assert isinstance(task.teacher, CachedTeacher)
    assert task.teacher_net is not None
    online = OnlineTeacher(task.teacher_net, bf16=precision == "bf16")
    for batch in task.batches.epoch(2):
        torch.testing.assert_close(
            task.teacher.logits(batch), online.logits(batch), **TOLERANCE[precision]
        )


def test_the_student_is_evaluated_on_all_classes(tmp_path: Path) -> None:
    recorder = EventRecorder()
    train_stage(make_stage(left_out=EXCLUDED), tmp_path, listener=recorder)
    ended = recorder.of(events.StageEnded)[0]
    assert ended.test_errors == round((1 - ended.test_accuracy) * len(small_splits().test))


def test_resume_is_bit_identical(tmp_path: Path) -> None:
    stages, spec = stage_with_teacher(tmp_path, left_out=EXCLUDED, epochs=3)
    whole = train_stage(spec, tmp_path / "whole", stages=stages)
    train_until(1, spec, tmp_path / "resumed", stages)
    assert_equal_weights(train_stage(spec, tmp_path / "resumed", stages=stages), whole)


def test_a_batch_larger_than_the_remaining_images_is_refused() -> None:
    with pytest.raises(UserError, match=f"larger than the {REMAINING} training images"):
        make_task(make_stage(left_out=EXCLUDED, batch_size=REMAINING + 1))
