"""The experiment in words, and the slider's reach."""

from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.analysis.bias import Outcome
from tsexplorer.data.registry import get_dataset
from tsexplorer.ui.never_seen.view import slider_range, story

DIGITS = get_dataset("mnist-5k").info


def answered(bias: float, right: float) -> Outcome:
    return Outcome(bias, 10, 500, right, np.ones(10), np.eye(10, dtype=np.int64))


@pytest.mark.parametrize(
    ("never", "bias", "right", "said"),
    [
        ((3,), 0.0, 0.14, "never shown an image of **3**. As it was trained it gets 14.0 % of"),
        (
            (3,),
            3.4,
            0.981,
            "With its bias raised by 3.40 it gets **98.1 %** right: it learnt them from the "
            "teacher’s soft targets",
        ),
        ((3, 4), -1.0, 0.02, "With their biases lowered by 1.00 it gets **2.0 %** right."),
        (
            (0, 1, 2, 3, 4, 5, 6, 9),
            7.6,
            0.9,
            "This student was shown images of **7 and 8** alone. As it was trained it gets 14.0 % "
            "of the others right.",
        ),
    ],
)
def test_it_says_what_was_shown_and_what_is_known(
    never: tuple[int, ...], bias: float, right: float, said: str
) -> None:
    assert said in story(DIGITS, never, answered(0.0, 0.14), answered(bias, right))


def test_what_it_does_not_know_it_has_not_learnt() -> None:
    assert "learnt" not in story(DIGITS, (3,), answered(0.0, 0.1), answered(3.0, 0.4))


@pytest.mark.parametrize("biases", [[0.0], [0.0, 0.2], [0.0, 3.5, 3.4], [0.0, -7.6], [0.0, 480.0]])
def test_all_choices_lie_within_the_slider(biases: list[float]) -> None:
    step, low, high = slider_range(biases)
    assert low < min(biases) <= max(biases) < high
    assert low < 0 < high
    assert 100 <= (high - low) / step <= 160
