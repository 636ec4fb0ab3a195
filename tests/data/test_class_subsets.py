"""Excluded classes: which images are removed, and how classes are parsed and displayed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.data.subsets import (
    describe_excluded_classes,
    exclude_classes,
    format_class_names,
    parse_classes,
)
from tsexplorer.errors import UserError
from tsexplorer.specs import ExperimentSpec

SPLITS = load_splits("mnist-5k", Path("unused"))
DIGITS = get_dataset("mnist-5k").info
CLOTHES = get_dataset("fashion-mnist").info


def test_without_labels_the_splits_are_unchanged() -> None:
    assert exclude_classes(SPLITS, ()) is SPLITS


def test_the_other_images_keep_their_order() -> None:
    remaining = exclude_classes(SPLITS, (3, 7)).train
    labels = SPLITS.train.labels.tolist()
    indices = [index for index, label in enumerate(labels) if label not in (3, 7)]
    assert len(remaining) == 3200
    assert torch.equal(remaining.images, SPLITS.train.images[indices])
    assert torch.equal(remaining.labels, SPLITS.train.labels[indices])


def test_validation_test_and_scaling_do_not_change() -> None:
    splits = exclude_classes(SPLITS, (3,))
    assert splits.validation is SPLITS.validation
    assert splits.test is SPLITS.test
    assert splits.statistics == SPLITS.statistics


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ((10,), "MNIST, 5,000 digits has no class 10 to leave out; its labels are 0 to 9."),
        (
            tuple(range(10)),
            "With all classes left out nothing is left to learn from; keep at least one.",
        ),
    ],
)
def test_unknown_or_all_classes_are_refused(labels: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        exclude_classes(SPLITS, labels)
    assert str(caught.value) == sentence


def test_classes_are_parsed_by_name_or_label() -> None:
    assert parse_classes(DIGITS, ["7", "3"]) == (7, 3)
    assert parse_classes(CLOTHES, [CLOTHES.classes[4].upper(), " 1 "]) == (4, 1)
    with pytest.raises(UserError, match="has no class 'three'; choose among 0, 1, 2"):
        parse_classes(DIGITS, ["three"])


@pytest.mark.parametrize(
    ("labels", "phrase"),
    [((), ""), ((3,), "3"), ((7, 8), "7 and 8"), ((0, 1, 2), "0, 1 and 2"), ((9, 12), "9 and 12")],
)
def test_class_names_are_joined(labels: tuple[int, ...], phrase: str) -> None:
    assert format_class_names(DIGITS, labels) == phrase


def test_excluded_classes_of_an_experiment() -> None:
    assert describe_excluded_classes(ExperimentSpec()) == ""
    assert describe_excluded_classes(ExperimentSpec(left_out=(7, 8))) == "without 7 and 8"
