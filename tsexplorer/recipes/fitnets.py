"""FitNets (Romero et al. 2015), on MNIST: a thin student with hints from inside its teacher."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, rival
from tsexplorer.recipes.short import (
    DATA,
    SEEDS,
    TEACHER,
    TEACHER_TRAIN,
    THIN,
    THIN_TRAIN,
    blended,
)
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

NAME = "fitnets-mnist"
HALF = THIN_TRAIN.model_copy(update={"epochs": THIN_TRAIN.epochs // 2})
"""Hints and what follows them take as many epochs each, so that both together have the budget."""
HINTS = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    student=THIN,
    objective=ObjectiveSpec(name="fitnets", temperature=3.0, lam=0.0),
    teacher_train=TEACHER_TRAIN,
    baseline_train=THIN_TRAIN,
    distilled_train=HALF,
)

RECIPE = Recipe(
    name=NAME,
    title="FitNets: a thin student with hints",
    summary="A convolutional student as deep as its teacher, with a twelfth of its parameters, "
    "first learns to foretell the teacher's middle layer, then from labels and soft targets; "
    "beside it the same soft targets without hints.",
    source="Romero et al. 2015, arXiv 1412.6550; T = 3 and the falling weight from 4 are of the "
    "authors' file for MNIST",
    section="claims",
    spec=HINTS,
    caveats=(
        "The source's nets are maxout nets of other sizes, so that its figures are not set beside "
        "these.",
        "All have one budget of four epochs; FitNets spends two of them on hints.",
    ),
    called="hints (2 + 2 epochs)",
    rivals=(
        rival(
            NAME,
            "soft targets without hints",
            HINTS,
            distilled_train=THIN_TRAIN,
            objective=blended("hinton"),
        ),
    ),
    seeds=SEEDS,
)
