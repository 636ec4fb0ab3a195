"""A student's figures on validation and test, of logits that are there."""

from __future__ import annotations

from torch import Tensor

from tsexplorer.analysis.quality import reliability
from tsexplorer.sweeps.events import Scores
from tsexplorer.training.evaluate import Figures, figures


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
