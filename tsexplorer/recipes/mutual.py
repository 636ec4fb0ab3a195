"""Deep mutual learning (Zhang et al. 2018), on MNIST: no teacher, a cohort of equals."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, rival
from tsexplorer.recipes.short import (
    DATA,
    DENSE,
    DENSE_TRAIN,
    SEEDS,
    TEACHER,
    TEACHER_TRAIN,
    blended,
    plain,
)
from tsexplorer.specs import ExperimentSpec

NAME = "mutual-mnist"
COHORT = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    student=DENSE,
    objective=plain("mutual"),
    teacher_train=TEACHER_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
)

RECIPE = Recipe(
    name=NAME,
    title="Mutual learning: two students teach each other",
    summary="Two dense nets of 50,890 parameters that start apart learn from labels and from each "
    "other; beside them a cohort of four, and a student under a teacher.",
    source="Zhang, Xiang, Hospedales, Lu 2018, arXiv 1706.00384",
    section="claims",
    spec=COHORT,
    caveats=(
        "The source has CIFAR-100 and Market-1501, and no figure for MNIST; what it claims is "
        "tested here: that a cohort does better than a net alone, and a larger one better still.",
        "The figure is the first member's, not the best one's.",
        "The teacher is trained for the comparison; mutual learning does not ask it.",
    ),
    called="two nets",
    rivals=(
        rival(NAME, "four nets", COHORT, objective=plain("mutual", peers=3)),
        rival(NAME, "under the teacher", COHORT, objective=blended("hinton")),
    ),
    seeds=SEEDS,
)
