"""Born-again nets: a net teaches another of its own kind, which teaches the next.

Source: Furlanello, Lipton, Tschannen, Itti and Anandkumar 2018, arXiv 1805.04770. The student has
its teacher's architecture; generation 1 learns from the teacher, generation g from g - 1, and the
last is the distilled student. Each generation starts from weights of its own: it has a seed of its
own, which is the experiment's and 10,000 for each generation, else it would begin where its teacher
began. For the same reason it does not go on from the baseline.

The loss of each generation is that of ``hinton``; the paper's sum of labels and soft targets at
T = 1 is twice that at λ = 0.5. The ensemble of all generations, which the paper also tries, is the
mean of their softmaxes; the Train page shows it beside the single ones.
"""

from __future__ import annotations

from tsexplorer.errors import UserError
from tsexplorer.models.registry import resolve
from tsexplorer.objectives import hinton
from tsexplorer.objectives.base import LayerNames, Objective, Pair
from tsexplorer.objectives.options import Option
from tsexplorer.specs import ObjectiveSpec

GENERATIONS = Option(
    name="generations",
    title="Generations",
    default=2,
    help="How many students follow each other; the last is the distilled one.",
    low=1,
    high=5,
)


def _alike(pair: Pair) -> LayerNames:
    """Nothing is looked at; the two nets are compared.

    Raises:
        UserError: they are not of one architecture.
    """
    assert pair.teacher is not None
    if resolve(pair.student) != resolve(pair.teacher):
        raise UserError(
            "Born-again nets have their teacher's architecture: choose the same net for teacher "
            "and student."
        )
    return LayerNames()


def _generations(spec: ObjectiveSpec) -> int:
    return int(spec.options.get(GENERATIONS.name, GENERATIONS.default))


OBJECTIVE = Objective(
    name="born-again",
    title="Born-again (Furlanello 2018)",
    summary="The student has its teacher's architecture, and teaches the next generation of it; "
    "each learns as under Hinton 2015.",
    source="Furlanello et al. 2018, arXiv 1805.04770",
    convention="born-again: each generation λ·CE + (1 − λ)·T²·KL from the one before, nats, "
    "batch mean",
    uses_temperature=True,
    uses_lambda=True,
    needs_teacher=True,
    loss=hinton.loss,
    latex=hinton.latex,
    options=(GENERATIONS,),
    looks=_alike,
    generations=_generations,
    counts=(GENERATIONS.name,),
)
