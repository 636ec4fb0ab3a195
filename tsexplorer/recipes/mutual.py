"""Deep mutual learning (Zhang et al. 2018) on MNIST: a cohort of equal nets, without a teacher."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.shared import (
    DATA,
    DENSE,
    DENSE_TRAIN,
    SEEDS,
    TEACHER,
    TEACHER_TRAIN,
    plain_objective,
    tempered_objective,
)
from tsexplorer.specs import ExperimentSpec

NAME = "mutual-mnist"
COHORT = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    student=DENSE,
    objective=plain_objective("mutual"),
    teacher_train=TEACHER_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
)

RECIPE = Recipe(
    name=NAME,
    title="Mutual learning: two students learn from each other",
    summary="Two dense nets with 50,890 parameters and different initial weights learn from labels "
    "and from each other. The rivals are a cohort of four nets and a student with a teacher.",
    source="Zhang, Xiang, Hospedales, Lu 2018, arXiv 1706.00384",
    section="claims",
    spec=COHORT,
    caveats=(
        "The source uses CIFAR-100 and Market-1501, and has no results for MNIST; this recipe "
        "tests its claims: a net in a cohort is better than a single net, and a larger cohort is "
        "better than a smaller one.",
        "The result is that of the first net, not of the best one.",
        "The teacher is trained for the comparison only; mutual learning does not use it.",
    ),
    own_title="two nets",
    rivals=(
        make_rival(NAME, "four nets", COHORT, objective=plain_objective("mutual", peers=3)),
        make_rival(NAME, "under the teacher", COHORT, objective=tempered_objective("hinton")),
    ),
    seeds=SEEDS,
)
