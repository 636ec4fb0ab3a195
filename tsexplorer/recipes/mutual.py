"""Deep mutual learning (Zhang et al. 2018), on MNIST: no teacher, nets of the same size."""

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
    summary="Two dense nets of 50,890 parameters with different initial weights learn from labels "
    "and from each other. For comparison: a cohort of four nets, and a student of a teacher.",
    source="Zhang, Xiang, Hospedales, Lu 2018, arXiv 1706.00384",
    section="claims",
    spec=COHORT,
    caveats=(
        "The source uses CIFAR-100 and Market-1501 and has no figure for MNIST. This recipe tests "
        "its claims: a cohort is better than a single net, and a larger cohort is better still.",
        "The accuracy is that of the first net, not of the best net.",
        "The teacher is trained for the comparison only; mutual learning does not use it.",
    ),
    called="two nets",
    rivals=(
        rival(NAME, "four nets", COHORT, objective=plain("mutual", peers=3)),
        rival(NAME, "under the teacher", COHORT, objective=blended("hinton")),
    ),
    seeds=SEEDS,
)
