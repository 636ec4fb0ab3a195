"""The page Never seen: the text about the student, and the range of the slider."""

from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.analysis.bias import BiasEvaluation
from tsexplorer.data.registry import get_dataset
from tsexplorer.ui.never_seen.view import slider_range, story

DIGITS = get_dataset("mnist-5k").info


def scores(bias: float, recall: float) -> BiasEvaluation:
    return BiasEvaluation(bias, 10, 500, recall, np.ones(10), np.eye(10, dtype=np.int64))


@pytest.mark.parametrize(
    ("never_seen", "bias", "recall", "text"),
    [
        (
            (3,),
            0.0,
            0.14,
            "never shown an image of **3**. As trained, it gets 14.0 % of them right",
        ),
        (
            (3,),
            3.4,
            0.981,
            "With its bias raised by 3.40, it gets **98.1 %** right: it learned them from the "
            "teacher’s soft targets",
        ),
        ((3, 4), -1.0, 0.02, "With their biases lowered by 1.00, it gets **2.0 %** right."),
        (
            (0, 1, 2, 3, 4, 5, 6, 9),
            7.6,
            0.9,
            "This student was only shown images of **7 and 8**. As trained, it gets 14.0 % of the "
            "others right.",
        ),
    ],
)
def test_the_text_names_classes_bias_and_recall(
    never_seen: tuple[int, ...], bias: float, recall: float, text: str
) -> None:
    assert text in story(DIGITS, never_seen, scores(0.0, 0.14), scores(bias, recall))


def test_a_low_recall_is_not_called_learned() -> None:
    assert "learned" not in story(DIGITS, (3,), scores(0.0, 0.1), scores(3.0, 0.4))


@pytest.mark.parametrize("biases", [[0.0], [0.0, 0.2], [0.0, 3.5, 3.4], [0.0, -7.6], [0.0, 480.0]])
def test_the_slider_covers_all_biases(biases: list[float]) -> None:
    step, low, high = slider_range(biases)
    assert low < min(biases) <= max(biases) < high
    assert low < 0 < high
    assert 100 <= (high - low) / step <= 160
