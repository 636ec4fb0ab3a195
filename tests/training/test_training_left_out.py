"""A student that never sees some classes: its batches, its teacher's answers, its resumption."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.training.training_examples import (
    CLOSE,
    Heard,
    assert_same,
    few,
    made,
    run,
    run_until,
    stage,
    taught,
)
from tsexplorer.errors import UserError
from tsexplorer.specs import Precision
from tsexplorer.training import events
from tsexplorer.training.teacher_logits import Cached, Online

LEFT_OUT = (3, 8)
SEEN = sum(label not in LEFT_OUT for label in few().train.labels.tolist())


def test_no_batch_has_a_class_that_is_left_out() -> None:
    task = made(stage(left_out=LEFT_OUT))
    labels = torch.cat([batch.labels for batch in task.batches.epoch(1)])
    assert len(labels) == SEEN < len(few().train)
    assert not {*labels.tolist()} & {*LEFT_OUT}
    assert task.steps_per_epoch == len(task.batches) == math.ceil(SEEN / 20)


@pytest.mark.parametrize("jitter", [0, 1])
def test_the_teachers_kept_answers_are_those_to_the_images_of_the_batch(
    tmp_path: Path, jitter: int, precision: Precision
) -> None:
    library, spec = taught(
        tmp_path, precision=precision, left_out=LEFT_OUT, jitter=jitter, epochs=5
    )
    task = made(spec, library)
    task.attend_teachers(0, lambda _share: None)
    assert isinstance(task.teacher, Cached)
    assert task.teacher_net is not None
    online = Online(task.teacher_net, bf16=precision == "bf16")
    for batch in task.batches.epoch(2):
        torch.testing.assert_close(
            task.teacher.logits(batch), online.logits(batch), **CLOSE[precision]
        )


def test_it_is_judged_on_all_classes(tmp_path: Path) -> None:
    heard = Heard()
    run(stage(left_out=LEFT_OUT), tmp_path, listener=heard)
    ended = heard.of(events.StageEnded)[0]
    assert ended.test_errors == round((1 - ended.test_accuracy) * len(few().test))


def test_resumed_it_ends_in_the_same_weights(tmp_path: Path) -> None:
    library, spec = taught(tmp_path, left_out=LEFT_OUT, epochs=3)
    whole = run(spec, tmp_path / "whole", library=library)
    run_until(1, spec, tmp_path / "resumed", library)
    assert_same(run(spec, tmp_path / "resumed", library=library), whole)


def test_a_batch_larger_than_what_is_left_is_one_sentence() -> None:
    with pytest.raises(UserError, match=f"larger than the {SEEN} training images"):
        made(stage(left_out=LEFT_OUT, batch_size=SEEN + 1))
