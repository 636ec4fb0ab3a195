"""FitNets (Romero et al. 2015) on MNIST: a thin student with hints from a hidden layer."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.shared import (
    DATA,
    SEEDS,
    TEACHER,
    TEACHER_TRAIN,
    THIN,
    THIN_TRAIN,
    tempered_objective,
)
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

NAME = "fitnets-mnist"
HALF = THIN_TRAIN.model_copy(update={"epochs": THIN_TRAIN.epochs // 2})
"""The hints and the second stage have half of the epochs each, so that the total is the same."""
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
    summary="A convolutional student with as many layers as its teacher and a twelfth of the "
    "parameters first learns to predict the teacher's middle layer, then learns from labels and "
    "soft targets. The rival uses labels and soft targets without hints.",
    source="Romero et al. 2015, arXiv 1412.6550; T = 3 and the weight that decreases from 4 are "
    "those of the authors' configuration file for MNIST",
    section="claims",
    spec=HINTS,
    caveats=(
        "The source uses maxout nets of other sizes, so that its results are not comparable.",
        "All students are trained for four epochs; FitNets uses two of them for hints.",
    ),
    own_title="hints (2 + 2 epochs)",
    rivals=(
        make_rival(
            NAME,
            "soft targets without hints",
            HINTS,
            distilled_train=THIN_TRAIN,
            objective=tempered_objective("hinton"),
        ),
    ),
    seeds=SEEDS,
)
