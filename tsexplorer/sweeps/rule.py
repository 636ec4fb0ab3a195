"""Which students train together, and why the others do not.

A stack pays where one student leaves the cores idle, and it is only right where a student in a
stack sees the very numbers that it would see alone. Both hold for nets of dense layers and
activations. Measured on 2 cores at batch 64: 25 students of 784-64-10 train about five times as
fast together, at 512 units a layer less than twice, convolutions not at all.
"""

from __future__ import annotations

from typing import NamedTuple

from tsexplorer.models import count
from tsexplorer.models.layers import STACKED, BatchNorm2d, Conv, Dropout, Layer
from tsexplorer.models.registry import resolve
from tsexplorer.objectives import get_objective
from tsexplorer.specs import ModelSpec, TrainSpec
from tsexplorer.training.interrupt import PATIENT_MACS

ONE_BY_ONE = "its students train one after the other."


class Verdict(NamedTuple):
    """Whether students of a net train together, and a sentence that says why."""

    stacks: bool
    sentence: str


def verdict(model: ModelSpec, train: TrainSpec, classes: int, objective: str) -> Verdict:
    """Judge a net, how it trains, and the name of its objective.

    Raises:
        NotFoundError: there is no such net or objective.
        UserError: the net is impossible, or too large.
    """
    reason = _against(resolve(model).body, train)
    if reason is None and not get_objective(objective).stacks:
        reason = "This objective looks inside the nets, or has a net of its own"
    if reason is None and largest_by_work(model, train, classes) < 2:
        reason = "One step of this net keeps the cores busy by itself"
    if reason is not None:
        return Verdict(False, f"{reason}: {ONE_BY_ONE}")
    return Verdict(
        True,
        "This net is made of dense layers and activations: its students train together, since a "
        "step of many is a few large matrix products.",
    )


def largest_by_work(model: ModelSpec, train: TrainSpec, classes: int) -> int:
    """Students whose common step is short enough for a wish to be heard in time.

    It is also where stacking stops to pay: a step of so much work leaves no core idle.
    """
    # The way back takes about twice as long as the way forward.
    return PATIENT_MACS // (3 * count(model, classes).macs * train.batch_size)


def _against(body: tuple[Layer, ...], train: TrainSpec) -> str | None:
    if any(isinstance(layer, Conv) for layer in body):
        return "Convolutions are no faster together than one by one"
    if any(isinstance(layer, BatchNorm2d) for layer in body):
        return "Batch norm keeps running figures, which a stack does not"
    if any(isinstance(layer, Dropout) for layer in body):
        return "Dropout draws for each student apart, which a stack does not"
    others = [layer for layer in body if not isinstance(layer, STACKED)]
    if others:
        return f"A stack does not know the layer {others[0].label}"
    if train.precision == "bf16":
        return "A stack computes in fp32, and bf16 is asked for"
    return None
