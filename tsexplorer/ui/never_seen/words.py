"""The experiment in plain sentences."""

from __future__ import annotations

import math

from tsexplorer.analysis.bias import Outcome, Rule
from tsexplorer.data.leaving_out import class_names
from tsexplorer.data.registry import DatasetInfo

LEARNT = 0.5
"""Share of the never-seen images from which on a student may be said to know them."""


def story(info: DatasetInfo, never: tuple[int, ...], plain: Outcome, now: Outcome) -> str:
    """What the student was shown, and what it gets right, as markdown.

    Args:
        info: whose classes.
        never: classes that it was never shown.
        plain: its answers as it was trained.
        now: with the bias in force.
    """
    kept = [label for label in range(len(info.classes)) if label not in never]
    if len(never) > len(kept):
        shown = f"This student was shown images of **{class_names(info, kept)}** alone."
    else:
        shown = f"This student was never shown an image of **{class_names(info, never)}**."
    them = "them" if len(never) <= len(kept) else "the others"
    as_trained = f"As it was trained it gets {percent(plain.raised_right)} of {them} right."
    if abs(now.bias) < 0.005:
        return f"{shown} {as_trained}"
    whose = "its bias" if len(never) == 1 else "their biases"
    moved = "raised" if now.bias > 0 else "lowered"
    said = (
        f"With {whose} {moved} by {abs(now.bias):.2f} it gets **{percent(now.raised_right)}** right"
    )
    if now.raised_right >= LEARNT:
        said += ": it learnt them from the teacher’s soft targets for images of other classes"
    return f"{shown} {as_trained} {said}."


def how(rule: Rule, share: str, counted: bool) -> str:
    """How a rule comes to its bias.

    Args:
        rule: which.
        share: of the answers that never-seen classes should get, in words.
        counted: whether that share was counted, or taken to be the same for each class.
    """
    source = "as in the training labels" if counted else "as if all were as frequent"
    return {
        "none": "b = 0",
        "label-free": f"they get {share} of validation’s answers, {source}; no label is read",
        "validation": "fewest errors on validation, with labels",
        "test": "fewest errors on test, as in Hinton 2015: no measurement, since it looks at what "
        "it is judged by",
    }[rule]


def percent(share: float) -> str:
    """A share of 1 in percent; a dash for none.

    >>> percent(0.981), percent(float("nan"))
    ('98.1 %', '–')
    """
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"
