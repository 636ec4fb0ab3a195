"""Born-again networks: successive students of one architecture, each the teacher of the next.

Source: Furlanello, Lipton, Tschannen, Itti and Anandkumar 2018, arXiv 1805.04770. All nets have the
architecture of the teacher. Generation 1 learns from the teacher, generation g from generation
g - 1, and the last generation is the distilled student. Each generation has a different seed (the
experiment's seed plus 10,000 for each generation) because it would otherwise start from the initial
weights of its teacher. For the same reason it does not start from the baseline's weights.

Each generation has the loss of ``hinton``. The paper's sum of labels and soft targets at T = 1 is
twice the loss at λ = 0.5. The paper also evaluates the ensemble of all generations, the mean of
their softmax outputs; the Train page shows its accuracy beside those of the single generations.
"""

from __future__ import annotations

from tsexplorer.errors import UserError
from tsexplorer.models.registry import resolve
from tsexplorer.objectives import hinton
from tsexplorer.objectives.base import LayerNames, ModelPair, Objective
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ObjectiveSpec

GENERATIONS = Option(
    name="generations",
    title="Generations",
    default=2,
    help="Number of successive students; the last one is the distilled student.",
    low=1,
    high=5,
)


def _check_architectures(pair: ModelPair) -> LayerNames:
    """Require equal architectures; the loss uses no hidden layers.

    Raises:
        UserError: the architectures differ.
    """
    assert pair.teacher is not None
    shape = pair.task.image_shape
    if resolve(pair.student, shape) != resolve(pair.teacher, shape):
        raise UserError(
            "Born-again students have the architecture of their teacher: choose the same net for "
            "teacher and student."
        )
    return LayerNames()


def _count_generations(spec: ObjectiveSpec) -> int:
    return int(spec.options.get(GENERATIONS.name, GENERATIONS.default))


OBJECTIVE = Objective(
    name="born-again",
    title="Born-again (Furlanello 2018)",
    summary="Students with the teacher's architecture; each is trained as in Hinton 2015 and then "
    "becomes the teacher of the next generation.",
    source="Furlanello et al. 2018, arXiv 1805.04770",
    convention="born-again: each generation λ·CE + (1 − λ)·T²·KL from the one before, nats, "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=hinton.loss,
    latex=hinton.latex,
    options=(GENERATIONS,),
    select_layers=_check_architectures,
    count_generations=_count_generations,
    planning_options=(GENERATIONS.name,),
)
