"""Which maps ship: what each asks, its grid, and what came of it, in words.

The words stand here and the figures in ``assets/findings/``, so that training a map anew leaves
the words to be looked over and not to be written again.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsexplorer.errors import NotFoundError
from tsexplorer.recipes.best_64 import PLAIN, STUDENT
from tsexplorer.recipes.quick import RECIPE as QUICK
from tsexplorer.specs import ExperimentSpec, ModelSpec
from tsexplorer.sweeps.spec import SweepSpec


@dataclass(frozen=True)
class Finding:
    """A map that ships.

    Attributes:
        name: identifier, used by the shell and in URLs.
        title: as people say it.
        asks: the question that the map is for, in a sentence or two.
        shows: what came of it, in a sentence or two; empty until it has been trained.
        spec: the grid. Its name is that of the sweep when it is trained.
        lam: the row along which the question is read off; None where it is the best cell's.
    """

    name: str
    title: str
    asks: str
    spec: SweepSpec
    shows: str = ""
    lam: float | None = None


EPOCHS = 10
"""Of each student on full MNIST."""
SEEDS = (0, 1, 2)
TEMPERATURES = (1, 2, 3, 4, 6, 8, 12, 20)
LAMBDAS = (0, 0.25, 0.5, 0.75, 1)
HINTON_TEMPERATURES = (1, 2, 2.5, 3, 4, 6, 8, 12, 20)
"""Denser where Hinton 2015 found the best T of narrow nets."""
HINTON_LAMBDAS = (0, 0.5, 1)


def _named(base: ExperimentSpec, name: str) -> ExperimentSpec:
    return base.model_copy(update={"name": f"{name} map"})


def _mnist(name: str, student: str, epochs: int = EPOCHS) -> ExperimentSpec:
    """A student under the demo pair's teacher, which ships and so is not trained again."""
    train = STUDENT.model_copy(update={"epochs": epochs})
    own = {"student": ModelSpec(name=student), "baseline_train": train, "distilled_train": train}
    return _named(PLAIN, name).model_copy(update=own)


def _map(name: str, student: str) -> SweepSpec:
    return SweepSpec(
        base=_mnist(name, student), temperatures=TEMPERATURES, lambdas=LAMBDAS, seeds=SEEDS
    )


def _hinton(name: str, student: str) -> SweepSpec:
    return SweepSpec(
        base=_mnist(name, student),
        temperatures=HINTON_TEMPERATURES,
        lambdas=HINTON_LAMBDAS,
        seeds=SEEDS,
    )


def _wide(name: str, student: str) -> SweepSpec:
    """A coarser grid: a student of this width takes six times as long."""
    return SweepSpec(
        base=_mnist(name, student), temperatures=(1, 2, 4, 8, 12, 20), lambdas=(0, 1), seeds=SEEDS
    )


CATALOGUE = (
    Finding(
        name="quick",
        title="5,000 digits, 64 units",
        asks="What does the map look like that this page trains when nothing is changed?",
        shows="From T = 4 on and with any λ below 1 students are 1.8 to 2.9 points above their "
        "baseline in the mean, at T = 1 they are not. Which T and λ among the former is best, "
        "three seeds on 500 images do not tell.",
        spec=SweepSpec(base=_named(QUICK.spec, "quick")),
    ),
    Finding(
        name="mlp-64",
        title="MNIST, 64 ReLU units",
        asks="Which T and λ serve the small student of the demo pair on all of MNIST, and how "
        "much do they matter?",
        spec=_map("mlp-64", "mlp-64"),
    ),
    Finding(
        name="wu-mlp",
        title="MNIST, 64 sigmoid units",
        asks="The same question for the student of Wu 2020, whose bounded units reach the spread "
        "of the teacher's logits slowly: does a high T cost it more?",
        spec=_map("wu-mlp", "wu-mlp"),
    ),
    Finding(
        name="hinton-narrow",
        title="MNIST, two layers of 30 units",
        asks="Hinton 2015 found T from 2.5 to 4 to work significantly better than higher or lower "
        "ones for a net as narrow as this. Is it so here, under another teacher?",
        spec=_hinton("hinton-narrow", "hinton-narrow"),
        lam=0.0,
    ),
    Finding(
        name="hinton-300",
        title="MNIST, two layers of 300 units",
        asks="Hinton 2015 found that with 300 or more units in each of two layers all T above 8 "
        "gave fairly similar results. Is it so here, under another teacher?",
        spec=_wide("hinton-300", "hinton-300"),
        lam=0.0,
    ),
)


def finding_names() -> tuple[str, ...]:
    """Names of all findings, in the order in which they are shown."""
    return tuple(finding.name for finding in CATALOGUE)


def get_finding(name: str) -> Finding:
    """The finding called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    for finding in CATALOGUE:
        if finding.name == name:
            return finding
    known = ", ".join(finding_names())
    raise NotFoundError(f"There is no finding called {name!r}; choose one of {known}.")
