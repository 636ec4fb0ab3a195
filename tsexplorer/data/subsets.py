"""Which training images and labels a stage gets: without some classes, or with few labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tsexplorer.data.base import NO_LABEL, DatasetInfo, Split, Splits, derived_seed
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError, shorten
from tsexplorer.specs import ExperimentSpec, StageSpec

if TYPE_CHECKING:
    from torch import Tensor


def training_images(splits: Splits, spec: StageSpec, needs_teacher: bool) -> Split:
    """The training images of a stage.

    With a share of the labels, a stage without a teacher gets the images that have a label. A stage
    with a teacher gets all images, and also those that the dataset has without a label; the labels
    of the others are :data:`~tsexplorer.data.base.NO_LABEL`.

    Args:
        splits: the whole dataset.
        spec: the stage.
        needs_teacher: whether its objective has a teacher.

    Raises:
        UserError: an excluded class does not exist, or all classes are excluded.
    """
    train = exclude_classes(splits, spec.left_out).train
    if needs_teacher and splits.transfer is not None and not spec.left_out:
        return _with_labels(splits.transfer, _labelled(train.labels, spec))
    if spec.label_share == 1:
        return train
    labelled_N = _labelled(train.labels, spec)
    if needs_teacher:
        return _with_labels(train, labelled_N)
    return Split(train.images[labelled_N], train.labels[labelled_N])


def _labelled(labels_N: Tensor, spec: StageSpec) -> Tensor:
    """Which images keep their label, bool N: the same share of each class, at least one of each.

    A smaller share is part of a larger one with the same seed.
    """
    import torch

    if spec.label_share == 1:
        return torch.ones_like(labels_N, dtype=torch.bool)
    generator = torch.Generator().manual_seed(derived_seed(spec.seed, "labels"))
    order = torch.randperm(len(labels_N), generator=generator)
    kept_N = torch.zeros_like(labels_N, dtype=torch.bool)
    for label in torch.unique(labels_N).tolist():
        members = order[labels_N[order] == label]
        kept_N[members[: max(1, round(spec.label_share * len(members)))]] = True
    return kept_N


def _with_labels(split: Split, labelled_N: Tensor) -> Split:
    """The images of a split, with labels where ``labelled_N``, of its first images, is true."""
    labels = split.labels.new_full((len(split),), NO_LABEL)
    positions = labelled_N.nonzero().squeeze(1)
    labels[positions] = split.labels[positions]
    return Split(split.images, labels)


def exclude_classes(splits: Splits, labels: Sequence[int]) -> Splits:
    """Remove the training images of some classes; validation and test keep all classes.

    The mean and the deviation stay those of all training images, so that all nets of an experiment
    get pixels of the same scale.

    Args:
        splits: a whole dataset; returned unchanged if ``labels`` is empty.
        labels: the excluded classes.

    Raises:
        UserError: a label does not exist, or all classes are excluded.
    """
    if not labels:
        return splits
    check_excluded_classes(splits.info, labels)
    kept_N = splits.train.labels.new_ones(len(splits.train)).bool()
    for label in labels:
        kept_N &= splits.train.labels != label
    train = Split(splits.train.images[kept_N], splits.train.labels[kept_N])
    return replace(splits, train=train)


def check_excluded_classes(info: DatasetInfo, labels: Sequence[int]) -> None:
    """Check that the labels exist and that a class is left.

    Raises:
        UserError: a label does not exist, or all classes are excluded.
    """
    classes = len(info.classes)
    for label in labels:
        if not 0 <= label < classes:
            raise UserError(
                f"{info.title} has no class {label} to leave out; its labels are 0 to "
                f"{classes - 1}."
            )
    if len(set(labels)) == classes:
        raise UserError(
            "With all classes left out nothing is left to learn from; keep at least one."
        )


def parse_classes(info: DatasetInfo, texts: Iterable[str]) -> tuple[int, ...]:
    """Labels of classes that are given as text.

    Args:
        info: the dataset.
        texts: names in any case, or labels in decimal digits; a name takes precedence.

    Raises:
        UserError: the dataset has no such class.
    """
    names = [name.casefold() for name in info.classes]
    labels = []
    for text in texts:
        name = text.strip().casefold()
        if name in names:
            labels.append(names.index(name))
        elif name.isdecimal() and int(name) < len(names):
            labels.append(int(name))
        else:
            raise UserError(
                f"{info.title} has no class {shorten(text)}; choose among "
                f"{', '.join(info.classes)}."
            )
    return tuple(labels)


def describe_excluded_classes(spec: ExperimentSpec) -> str:
    """Phrase for the excluded classes, such as "without 7 and 8"; empty if there are none."""
    if not spec.left_out:
        return ""
    return f"without {format_class_names(get_dataset(spec.data.name).info, spec.left_out)}"


def describe_label_share(spec: ExperimentSpec) -> str:
    """Phrase for the share of the labels, such as "1 % of the labels"; empty if all are used."""
    return "" if spec.label_share == 1 else f"{100 * spec.label_share:g} % of the labels"


def format_class_names(info: DatasetInfo, labels: Sequence[int]) -> str:
    """Join class names, as in "7 and 8"; a label that does not exist is shown as its number."""
    names = [info.classes[label] if label < len(info.classes) else str(label) for label in labels]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
