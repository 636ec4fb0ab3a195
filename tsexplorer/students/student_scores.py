"""The teacher's answers, computed once in a process for all chunks that share it.

A student's figures on validation and test, of logits that are there.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tsexplorer.analysis.quality import reliability
from tsexplorer.data.registry import Splits
from tsexplorer.specs import StageSpec
from tsexplorer.students.events import Scores
from tsexplorer.training.evaluation import SplitMetrics, compute_logits, compute_metrics
from tsexplorer.training.task import StageLoader, Task, prepare
from tsexplorer.training.teacher_logits import CachedTeacher, TeacherOutputs

KEPT = 2
_kept: OrderedDict[object, Taught] = OrderedDict()
_guard = threading.Lock()


@dataclass(frozen=True, eq=False)
class Taught:
    """What a teacher says.

    Attributes:
        outputs: its logits for training batches.
        validation_N: its answers (classes) over validation.
    """

    outputs: TeacherOutputs
    validation_N: Tensor


def taught(task: Task, check: Callable[[float], None]) -> Taught | None:
    """The answers of a task's teacher, which the task is given, too; None without a teacher.

    Args:
        task: any of those that share the teacher.
        check: called with the share done; may raise to stop.
    """
    if task.teacher_net is None:
        return None
    key = _key(task)
    with _guard:
        found = _kept.get(key)
    if found is None:
        task.prepare_teacher(0, check)
        assert task.teacher is not None
        batches = task.validation_batches()
        z_NC = compute_logits(task.teacher_net, batches, lambda: check(1.0))
        found = Taught(task.teacher, z_NC.argmax(1))
        if isinstance(task.teacher, CachedTeacher):
            _keep(key, found)
    task.teacher = found.outputs
    return found


def _keep(key: object, found: Taught) -> None:
    with _guard:
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def _key(task: Task) -> object:
    """All that decides the answers: the teachers' weights, and the images by their labels."""
    assert task.teacher_net is not None
    splits, data = task.splits, task.spec.data
    weights = 0
    for value in task.teacher_net.state_dict().values():
        weights = zlib.crc32(value.detach().cpu().contiguous().numpy().data, weights)
    labels = [zlib.crc32(one.labels.numpy().data) for one in (splits.train, splits.validation)]
    jitter, epochs = task.spec.train.jitter, task.spec.train.epochs
    shown = (
        task.spec.teacher_weights,
        task.spec.combine,
        task.layer_names.teacher,
        data.name,
        data.scaling,
        splits.mean,
        splits.deviation,
        *labels,
        jitter,
        epochs,
    )
    return (task.spec.teachers, weights, task.teacher_bf16, str(task.device), *shown)


def scores_of_trained(
    spec: StageSpec,
    splits: Splits,
    device: torch.device,
    trained: StageLoader,
    check: Callable[[], object],
) -> Scores:
    """A student that was trained elsewhere, an experiment's say, on validation.

    Args:
        spec: its stage.
        splits: its data.
        device: where to look.
        trained: gives spec and weights of a stage by hash: its own, and its teachers'.
        check: called between batches; may raise to stop.
    """
    task = prepare(spec, splits, device, trained)
    task.net.load_state_dict(trained(spec.hash)[1])
    teacher_N = None
    if task.teacher_net is not None:
        teacher_N = compute_logits(task.teacher_net, task.validation_batches(), check).argmax(1)
    z_NC = compute_logits(task.net, task.validation_batches(), check)
    return scores(z_NC, splits.validation.labels.to(device), teacher_N)


def scores(z_NC: Tensor, labels_N: Tensor, teacher_N: Tensor | None) -> Scores:
    """A student on validation.

    Args:
        z_NC: its logits.
        labels_N: true classes.
        teacher_N: the classes that its teacher answers; None where it has none.
    """
    found = compute_metrics(z_NC, labels_N)
    return completed(found, z_NC, labels_N, teacher_N)


def completed(
    found: SplitMetrics, z_NC: Tensor, labels_N: Tensor, teacher_N: Tensor | None
) -> Scores:
    """The scores of figures that are known; arguments as in :func:`scores`."""
    agreement = None
    if teacher_N is not None:
        agreement = float((z_NC.argmax(1) == teacher_N).float().mean())
    ece = None
    if z_NC.isfinite().all():  # a student that diverged has no confidence to speak of
        ece = reliability(z_NC.cpu().numpy(), labels_N.cpu().numpy()).ece
    return Scores(found.accuracy, found.loss, agreement, ece)
