"""A student's figures on validation and test, of logits that are there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tsexplorer.analysis.quality import reliability
from tsexplorer.data.registry import Splits
from tsexplorer.specs import StageSpec
from tsexplorer.sweeps.events import Scores
from tsexplorer.training.evaluate import Figures, figures, logits_over
from tsexplorer.training.task import Trained, prepare


def scores_of_trained(
    spec: StageSpec,
    splits: Splits,
    device: torch.device,
    trained: Trained,
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
        teacher_N = logits_over(task.teacher_net, task.validation_batches(), check).argmax(1)
    z_NC = logits_over(task.net, task.validation_batches(), check)
    return scores(z_NC, splits.validation.labels.to(device), teacher_N)


def scores(z_NC: Tensor, labels_N: Tensor, teacher_N: Tensor | None) -> Scores:
    """A student on validation.

    Args:
        z_NC: its logits.
        labels_N: true classes.
        teacher_N: the classes that its teacher answers; None where it has none.
    """
    found = figures(z_NC, labels_N)
    return completed(found, z_NC, labels_N, teacher_N)


def completed(found: Figures, z_NC: Tensor, labels_N: Tensor, teacher_N: Tensor | None) -> Scores:
    """The scores of figures that are known; arguments as in :func:`scores`."""
    agreement = None
    if teacher_N is not None:
        agreement = float((z_NC.argmax(1) == teacher_N).float().mean())
    ece = None
    if z_NC.isfinite().all():  # a student that diverged has no confidence to speak of
        ece = reliability(z_NC.cpu().numpy(), labels_N.cpu().numpy()).ece
    return Scores(found.accuracy, found.loss, agreement, ece)
