"""Training without some classes: images, labels of class names, and phrases that describe it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tsexplorer.data.base import DatasetInfo, Split, Splits
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError, shorten
from tsexplorer.specs import ExperimentSpec


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


def format_class_names(info: DatasetInfo, labels: Sequence[int]) -> str:
    """Join class names, as in "7 and 8"; a label that does not exist is shown as its number."""
    names = [info.classes[label] if label < len(info.classes) else str(label) for label in labels]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
