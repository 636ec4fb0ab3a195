"""An ensemble on a split: worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tsexplorer.analysis.ensemble import combined, ensemble, ensemble_logits
from tsexplorer.specs import Combine
from tsexplorer.training.teacher_logits import MeanOfTeachers

# Probabilities of 3 teachers for 4 images of 2 classes. The third is so sure of image 4 that it
# wins by logits, and is outvoted by probabilities.
FIRST_C = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
SECOND_C = [[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]
THIRD_C = [[0.7, 0.3], [0.3, 0.7], [0.4, 0.6], [0.999, 0.001]]
ANSWERS = [np.log(rows) for rows in (FIRST_C, SECOND_C, THIRD_C)]
LABELS = np.array([0, 1, 1, 1])


def test_members_agreement_and_both_means() -> None:
    by_logits = ensemble(ANSWERS, LABELS, [1, 1, 1], "logits")
    assert by_logits.accuracies_K.tolist() == [0.75, 1.0, 0.75]
    assert by_logits.agreement_KK.tolist() == [[1, 0.75, 0.5], [0.75, 1, 0.75], [0.5, 0.75, 1]]
    # Odds of class 1: for image 3 0.4/0.6 · 0.7/0.3 · 0.6/0.4 > 1, for image 4 7/3 · 4 / 999 < 1.
    assert by_logits.accuracy == 0.75
    # Image 4: (0.7 + 0.8 + 0.001) / 3 = 0.5003.
    assert ensemble(ANSWERS, LABELS, [1, 1, 1], "probabilities").accuracy == 1.0
    assert by_logits.size == 4


def test_weights_count_whatever_their_sum() -> None:
    mean_NC = combined(np.stack(ANSWERS), [2, 0.5, 2.5], "probabilities")
    assert mean_NC[0] == pytest.approx([0.4 * 0.9 + 0.1 * 0.8 + 0.5 * 0.7, 0.21])
    heavy = combined(np.stack(ANSWERS), [1e6, 1, 1], "logits")
    assert (heavy.argmax(1) == ANSWERS[0].argmax(1)).all()


def test_a_class_that_all_teachers_rule_out_has_a_finite_logit() -> None:
    """Logits so far apart that the softmax of the loser is 0 in any float."""
    z_KNC = np.array([[[0.0, 900.0, 3.0]], [[5.0, 900.0, 7.0]]])
    found_NC = ensemble_logits(z_KNC, [1, 1], "probabilities")
    # log of the mean of exp(0 - 900) and exp(5 - 900), at the level 900, and so on.
    expected = [np.log((1 + np.exp(5)) / 2), 900, 3 + np.log((1 + np.exp(4)) / 2)]
    assert found_NC[0] == pytest.approx(expected)


class Says(nn.Module):
    """A net that answers the same whatever it is shown."""

    def __init__(self, z_NC: np.ndarray) -> None:
        super().__init__()
        self._z_NC = torch.from_numpy(z_NC)

    def forward(self, _images: Tensor) -> Tensor:
        return self._z_NC


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("combine", ["logits", "probabilities"])
def test_what_is_looked_at_is_what_taught(combine: Combine) -> None:
    z_KNC = np.random.default_rng(0).normal(size=(3, 8, 10)) * 5
    weights = [1.0, 2.0, 0.5]
    taught = MeanOfTeachers([Says(z_NC) for z_NC in z_KNC], weights, combine)(torch.empty(8))
    assert ensemble_logits(z_KNC, weights, combine) == pytest.approx(taught.numpy(), abs=1e-9)
