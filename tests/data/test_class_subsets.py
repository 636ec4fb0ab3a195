"""Classes left out of the training images: exactly those, and nothing else of the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tsexplorer.data.class_subsets import exclude_classes, format_class_names, parse_classes
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import UserError

WHOLE = load_splits("mnist-5k", Path("unused"))
DIGITS = get_dataset("mnist-5k").info
CLOTHES = get_dataset("fashion-mnist").info


def test_nothing_left_out_is_the_dataset_itself() -> None:
    assert exclude_classes(WHOLE, ()) is WHOLE


def test_the_other_classes_stay_in_their_order() -> None:
    left = exclude_classes(WHOLE, (3, 7))
    kept = [place for place, label in enumerate(WHOLE.train.labels.tolist()) if label not in (3, 7)]
    assert len(left.train) == 3200
    assert torch.equal(left.train.images, WHOLE.train.images[kept])
    assert torch.equal(left.train.labels, WHOLE.train.labels[kept])


def test_validation_test_and_the_scaling_are_those_of_all_classes() -> None:
    left = exclude_classes(WHOLE, (3,))
    assert left.validation is WHOLE.validation
    assert left.test is WHOLE.test
    assert (left.mean, left.deviation) == (WHOLE.mean, WHOLE.deviation)


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ((10,), "MNIST, 5,000 digits has no class 10 to leave out; its labels are 0 to 9."),
        (
            tuple(range(10)),
            "With all classes left out nothing is left to learn from; keep at least one.",
        ),
    ],
)
def test_what_cannot_be_left_out(left_out: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        exclude_classes(WHOLE, left_out)
    assert str(caught.value) == sentence


def test_classes_are_given_by_name_or_label() -> None:
    assert parse_classes(DIGITS, ["7", "3"]) == (7, 3)
    assert parse_classes(CLOTHES, [CLOTHES.classes[4].upper(), " 1 "]) == (4, 1)
    with pytest.raises(UserError, match="has no class 'three'; choose among 0, 1, 2"):
        parse_classes(DIGITS, ["three"])


@pytest.mark.parametrize(
    ("labels", "words"), [((), ""), ((3,), "3"), ((7, 8), "7 and 8"), ((0, 1, 2), "0, 1 and 2")]
)
def test_classes_as_one_phrase(labels: tuple[int, ...], words: str) -> None:
    assert format_class_names(DIGITS, labels) == words
