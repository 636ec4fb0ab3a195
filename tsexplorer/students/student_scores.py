"""Validation scores of students, and a cache of their teachers' predictions.

Shape suffixes: N images, C classes.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from cachetools import LRUCache
from torch import Tensor

from tsexplorer.analysis.quality import reliability
from tsexplorer.data.registry import Splits
from tsexplorer.specs import StageSpec
from tsexplorer.students.events import Scores
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.task import StageLoader, Task, prepare
from tsexplorer.training.teacher_logits import CachedTeacher, TeacherOutputs


@dataclass(frozen=True, eq=False)
class TeacherPredictions:
    """Outputs of a teacher.

    Attributes:
        outputs: its logits for training batches.
        validation_N: the classes that it predicts for the validation images.
    """

    outputs: TeacherOutputs
    validation_N: Tensor


_cache: LRUCache[object, TeacherPredictions] = LRUCache(maxsize=2)
_cache_lock = threading.Lock()


def attach_teacher(task: Task, check: Callable[[float], None]) -> TeacherPredictions | None:
    """Compute the outputs of a task's teacher, or take them from the cache, and give them to it.

    Chunks with the same teacher share the outputs that are computed before training; a teacher that
    runs with each batch is not cached.

    Args:
        task: its ``teacher`` is set.
        check: called with the share that is done; may raise to stop.

    Returns:
        The predictions; None without a teacher.
    """
    if task.teacher_net is None:
        return None
    key = _cache_key(task)
    with _cache_lock:
        predictions = _cache.get(key)
    if predictions is None:
        task.prepare_teacher(0, check)
        assert task.teacher is not None
        batches = task.validation_batches()
        z_NC = compute_logits(task.teacher_net, batches, lambda: check(1.0))
        predictions = TeacherPredictions(task.teacher, z_NC.argmax(1))
        if isinstance(task.teacher, CachedTeacher):
            with _cache_lock:
                _cache[key] = predictions
    task.teacher = predictions.outputs
    return predictions


def clear_teacher_cache() -> None:
    """Remove all teacher predictions from the cache."""
    with _cache_lock:
        _cache.clear()


def _cache_key(task: Task) -> object:
    """Key of everything that determines the predictions: teacher weights, images, settings."""
    assert task.teacher_net is not None
    spec, splits = task.spec, task.splits
    weights = 0
    for value in task.teacher_net.state_dict().values():
        weights = zlib.crc32(value.detach().cpu().contiguous().numpy().data, weights)
    return (
        spec.teachers,
        weights,
        task.teacher_bf16,
        str(task.device),
        spec.teacher_weights,
        spec.combine,
        task.layer_names.teacher,
        spec.data.name,
        spec.data.scaling,
        splits.statistics,
        *(zlib.crc32(split.labels.numpy().data) for split in (splits.train, splits.validation)),
        spec.train.jitter,
        spec.train.padding,
        spec.train.flip,
        spec.train.epochs,
    )


def score_trained_student(
    spec: StageSpec,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    check: Callable[[], object],
) -> Scores:
    """Compute the validation scores of a student that is already trained.

    Args:
        spec: the student's stage.
        splits: its dataset.
        device: device to compute on.
        trained: returns spec and weights of a stage by its hash, for the student and its teachers.
        check: called between batches; may raise to stop.
    """
    task = prepare(spec, splits, device, trained)
    task.net.load_state_dict(trained(spec.hash)[1])
    teacher_N = None
    if task.teacher_net is not None:
        teacher_N = compute_logits(task.teacher_net, task.validation_batches(), check).argmax(1)
    z_NC = compute_logits(task.net, task.validation_batches(), check)
    return compute_scores(z_NC, splits.validation.labels.to(device), teacher_N)


def compute_scores(
    z_NC: Tensor, labels_N: Tensor, teacher_N: Tensor | None, metrics: SplitMetrics | None = None
) -> Scores:
    """Compute the validation scores of a student.

    Args:
        z_NC: its logits.
        labels_N: true classes.
        teacher_N: classes that its teacher predicts; None without a teacher.
        metrics: accuracy and loss of these logits, if they are already computed.
    """
    metrics = metrics or compute_metrics(z_NC, labels_N)
    agreement = None
    if teacher_N is not None:
        agreement = float((z_NC.argmax(1) == teacher_N).float().mean())
    ece = None
    if z_NC.isfinite().all():  # a diverged student has no confidences
        ece = reliability(z_NC.cpu().numpy(), labels_N.cpu().numpy()).ece
    return Scores(metrics.accuracy, metrics.loss, agreement, ece)
