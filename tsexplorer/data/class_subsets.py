"""Training images without those of some classes, which a student then has never seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tsexplorer.data.base import DatasetInfo, Split, Splits
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.specs import ExperimentSpec, shorten


def without(splits: Splits, left_out: Sequence[int]) -> Splits:
    """The same dataset with fewer training images; validation and test stay whole.

    Mean and deviation stay those of all training images, so that every net of an experiment gets
    the same pixels scaled alike.

    Args:
        splits: a whole dataset; itself is given back where nothing is left out.
        left_out: labels.

    Raises:
        UserError: a label is unknown, or nothing would be left.
    """
    if not left_out:
        return splits
    check_left_out(splits.info, left_out)
    kept_N = splits.train.labels.new_ones(len(splits.train)).bool()
    for label in left_out:
        kept_N &= splits.train.labels != label
    train = Split(splits.train.images[kept_N], splits.train.labels[kept_N])
    return replace(splits, train=train)


def check_left_out(info: DatasetInfo, left_out: Sequence[int]) -> None:
    """Refuse labels that the dataset does not have, and all of them at once.

    Raises:
        UserError: one sentence.
    """
    classes = len(info.classes)
    for label in left_out:
        if not 0 <= label < classes:
            raise UserError(
                f"{info.title} has no class {label} to leave out; its labels are 0 to "
                f"{classes - 1}."
            )
    if len(set(left_out)) == classes:
        raise UserError(
            "With all classes left out nothing is left to learn from; keep at least one."
        )


def labels_of(info: DatasetInfo, words: Iterable[str]) -> tuple[int, ...]:
    """Labels of classes that are given by name, or by label.

    Args:
        info: whose classes.
        words: a name in any case, or a label in digits; names come first.

    Raises:
        UserError: there is no such class.
    """
    names = [name.casefold() for name in info.classes]
    found = []
    for word in words:
        name = word.strip().casefold()
        if name in names:
            found.append(names.index(name))
        elif name.isdecimal() and int(name) < len(names):
            found.append(int(name))
        else:
            raise UserError(
                f"{info.title} has no class {shorten(word)}; choose among "
                f"{', '.join(info.classes)}."
            )
    return tuple(found)


def left_out_words(spec: ExperimentSpec) -> str:
    """What an experiment leaves out, as in "without 7 and 8"; empty where it is nothing."""
    if not spec.left_out:
        return ""
    return f"without {class_names(get_dataset(spec.data.name).info, spec.left_out)}"


def class_names(info: DatasetInfo, labels: Sequence[int]) -> str:
    """Classes as one phrase, such as "7 and 8"; labels that are unknown stay numbers."""
    named = [info.classes[label] if label < len(info.classes) else str(label) for label in labels]
    return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))
