"""Born-again nets (Furlanello et al. 2018), on MNIST: each generation teaches the next."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, rival
from tsexplorer.recipes.short import DATA, DENSE, DENSE_TRAIN, SEEDS
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

NAME = "born-again"
USUAL, LAST = 2, 3


def _generations(number: int) -> ObjectiveSpec:
    """Half the paper's sum of labels and soft targets at T = 1; two generations are the default."""
    options = {} if number == USUAL else {"generations": number}
    return ObjectiveSpec(name=NAME, temperature=1.0, lam=0.5, options=options)


FAMILY = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=DENSE,
    student=DENSE,
    teacher_train=DENSE_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
    objective=_generations(LAST),
)

RECIPE = Recipe(
    name=NAME,
    title="Born-again nets: three generations",
    summary="A dense net of 50,890 parameters teaches a net of the same architecture, which "
    "teaches the next one. Is a net better than its teacher of the same size?",
    source="Furlanello et al. 2018, arXiv 1805.04770",
    section="claims",
    spec=FAMILY,
    caveats=(
        "The source uses CIFAR and other nets and has no figure for MNIST.",
        "The first teacher is the baseline itself, the same net trained on labels, so there is no "
        "gap to close.",
    ),
    called="third generation",
    rivals=(
        rival(NAME, "first generation", FAMILY, objective=_generations(1)),
        rival(NAME, "second generation", FAMILY, objective=_generations(2)),
    ),
    seeds=SEEDS,
)
