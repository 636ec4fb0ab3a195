"""Which training images and labels a stage gets: shares of the labels, images without a label."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tsexplorer.data.base import NO_LABEL, DatasetInfo, Split, Splits
from tsexplorer.data.subsets import describe_label_share, training_images
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, StageSpec, TrainSpec

IMAGES, CLASSES = 200, 4


@pytest.fixture
def splits() -> Splits:
    images = torch.arange(IMAGES, dtype=torch.uint8).view(-1, 1, 1).expand(-1, 16, 16).clone()
    train = Split(images, torch.arange(IMAGES) % CLASSES)
    info = DatasetInfo(
        name="toy",
        title="Toy",
        classes=tuple("abcd"),
        train=IMAGES,
        validation=IMAGES,
        test=IMAGES,
        source="a test",
        image_shape=(1, 16, 16),
    )
    return Splits.with_statistics(info, train, train, train)


def stage(share: float, seed: int = 0) -> StageSpec:
    return StageSpec(
        data=DataSpec(), model=ModelSpec(), train=TrainSpec(), seed=seed, label_share=share
    )


def test_all_labels_give_the_split_itself(splits: Splits) -> None:
    assert training_images(splits, stage(1.0), needs_teacher=True) is splits.train


def test_a_baseline_gets_the_same_share_of_each_class(splits: Splits) -> None:
    train = training_images(splits, stage(0.1), needs_teacher=False)
    assert torch.bincount(train.labels).tolist() == [5] * CLASSES
    assert torch.equal(train.images[:, 0, 0].long() % CLASSES, train.labels)


def test_a_student_gets_all_images_and_the_baselines_labels(splits: Splits) -> None:
    baseline = training_images(splits, stage(0.1), needs_teacher=False)
    student = training_images(splits, stage(0.1), needs_teacher=True)
    assert len(student) == IMAGES
    labelled = student.labels != NO_LABEL
    assert torch.equal(student.images[labelled], baseline.images)
    assert torch.equal(student.labels[labelled], baseline.labels)


def test_each_class_keeps_a_label(splits: Splits) -> None:
    train = training_images(splits, stage(0.001), needs_teacher=False)
    assert torch.bincount(train.labels).tolist() == [1] * CLASSES


def test_shares_are_nested_and_depend_on_the_seed(splits: Splits) -> None:
    def chosen(share: float, seed: int = 0) -> set[int]:
        images = training_images(splits, stage(share, seed), needs_teacher=False).images
        return set(images[:, 0, 0].tolist())

    assert chosen(0.1) < chosen(0.3) < chosen(0.8)
    assert chosen(0.1) != chosen(0.1, seed=1)


def test_images_without_a_label_teach_the_student_alone(splits: Splits) -> None:
    more = torch.full((30, 16, 16), 255, dtype=torch.uint8)
    transfer = Split(
        torch.cat([splits.train.images, more]),
        torch.cat([splits.train.labels, torch.full((30,), NO_LABEL)]),
    )
    splits = replace(splits, transfer=transfer)
    student = training_images(splits, stage(1.0), needs_teacher=True)
    assert len(student) == IMAGES + 30
    assert torch.equal(student.labels[:IMAGES], splits.train.labels)
    assert (student.labels[IMAGES:] == NO_LABEL).all()
    assert len(training_images(splits, stage(1.0), needs_teacher=False)) == IMAGES
    few = training_images(splits, stage(0.1), needs_teacher=True)
    assert int((few.labels != NO_LABEL).sum()) == 20


def test_the_share_is_described_unless_all_labels_are_used() -> None:
    assert describe_label_share(ExperimentSpec()) == ""
    assert describe_label_share(ExperimentSpec(label_share=0.015)) == "1.5 % of the labels"
