"""FitNets (Romero et al. 2015), on MNIST: a thin student with hints from a teacher's layer."""

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
"""Epochs of the hints, and again of the training after them: together they use the budget."""
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
    summary="A convolutional student is as deep as its teacher and has a twelfth of its "
    "parameters. First it learns to predict the teacher's middle layer, then it learns from labels "
    "and soft targets. For comparison: soft targets without hints.",
    source="Romero et al. 2015, arXiv 1412.6550; T = 3 and the weight that falls from 4 are from "
    "the authors' file for MNIST",
    section="claims",
    spec=HINTS,
    caveats=(
        "The source uses maxout nets of other sizes, so its figures cannot be compared with these.",
        "Every student trains for four epochs; FitNets uses two of them for hints.",
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
