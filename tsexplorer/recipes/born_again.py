"""Born-again nets (Furlanello et al. 2018) on MNIST: three generations of one architecture."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.shared import DATA, DENSE, DENSE_TRAIN, SEEDS
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

NAME = "born-again"
DEFAULT_GENERATIONS, GENERATIONS = 2, 3


def _objective(generations: int) -> ObjectiveSpec:
    """Half of the paper's sum of labels and soft targets at T = 1."""
    options = {} if generations == DEFAULT_GENERATIONS else {"generations": generations}
    return ObjectiveSpec(name=NAME, temperature=1.0, lam=0.5, options=options)


EXPERIMENT = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=DENSE,
    student=DENSE,
    teacher_train=DENSE_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
    objective=_objective(GENERATIONS),
)

RECIPE = Recipe(
    name=NAME,
    title="Born-again nets: three generations",
    summary="A dense net with 50,890 parameters is the teacher of an equal net, which is the "
    "teacher of the next one: is a student better than its teacher of the same size?",
    source="Furlanello et al. 2018, arXiv 1805.04770",
    section="claims",
    spec=EXPERIMENT,
    caveats=(
        "The source uses CIFAR and other nets, and has no results for MNIST.",
        "The first teacher is identical to the baseline, so that there is no gap to close.",
    ),
    own_title="third generation",
    rivals=(
        make_rival(NAME, "first generation", EXPERIMENT, objective=_objective(1)),
        make_rival(NAME, "second generation", EXPERIMENT, objective=_objective(2)),
    ),
    seeds=SEEDS,
)
