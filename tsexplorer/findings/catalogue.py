"""The ready-made maps: the question of each, its grid, and its result in words.

The words are here and the figures in ``assets/findings/``. After a map is trained again, check its
words: ``tests/findings/test_finding_texts.py`` compares each figure in them with the file.
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
    """A ready-made map: its figures are part of the package.

    Attributes:
        name: identifier, used by the shell and in URLs.
        title: title on the pages.
        asks: the question that the map answers, in one or two sentences.
        shows: the result, in a few sentences; empty until the map is trained.
        spec: the grid. Training the map creates a sweep with the name of ``spec.base``.
        lam: the row (λ) in which the answer is read; None for the row of the best cell.
    """

    name: str
    title: str
    asks: str
    spec: SweepSpec
    shows: str = ""
    lam: float | None = None


EPOCHS = 10
"""Epochs of each student on full MNIST."""
SEEDS = (0, 1, 2)
TEMPERATURES = (1, 2, 3, 4, 6, 8, 12, 20)
LAMBDAS = (0, 0.25, 0.5, 0.75, 1)
HINTON_TEMPERATURES = (1, 2, 2.5, 3, 4, 6, 8, 12, 20)
"""More values between 2 and 4, where Hinton 2015 reports the best T of narrow nets."""
HINTON_LAMBDAS = (0, 0.5, 1)


def _named(base: ExperimentSpec, name: str) -> ExperimentSpec:
    return base.model_copy(update={"name": f"{name} map"})


def _mnist(name: str, student: str, epochs: int = EPOCHS) -> ExperimentSpec:
    """A student of the demo pair's teacher. That teacher is part of the app, already trained."""
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
    """A coarser grid, because a student of this width takes six times as long."""
    return SweepSpec(
        base=_mnist(name, student), temperatures=(1, 2, 4, 8, 12, 20), lambdas=(0, 1), seeds=SEEDS
    )


CATALOGUE = (
    Finding(
        name="quick",
        title="5,000 digits, 64 units",
        asks="What does the default grid of this page show?",
        shows="With T ≥ 4 and λ < 1, students beat the baseline by 1.8 to 2.9 points on average; "
        "at T = 1 they do not. Three seeds and 500 validation images cannot say which of these "
        "settings is best.",
        spec=SweepSpec(base=_named(QUICK.spec, "quick")),
    ),
    Finding(
        name="mlp-64",
        title="MNIST, 64 ReLU units",
        asks="Which T and λ suit the small student of the demo pair on full MNIST, and how much "
        "do they matter?",
        shows="With T from 1 to 4 and λ < 1, students beat the baseline by 0.1 to 0.5 points on "
        "average; three seeds cannot tell most of these settings apart. From T = 6 on accuracy "
        "falls as T rises; at T = 20 and λ ≤ 0.5 it is below the baseline.",
        spec=_map("mlp-64", "mlp-64"),
    ),
    Finding(
        name="wu-mlp",
        title="MNIST, 64 sigmoid units",
        asks="The same question for the student of Wu 2020. Its sigmoid units are bounded, so "
        "its logits reach the spread of the teacher's logits slowly. Does a high T cost more "
        "accuracy here?",
        shows="Yes. Accuracy falls from 96.9 % at T = 1, the baseline's accuracy, to 95.0 % at "
        "T = 20 and λ = 0; a larger λ makes this loss smaller. After ten epochs no setting is more "
        "than 0.05 points above the baseline.",
        spec=_map("wu-mlp", "wu-mlp"),
    ),
    Finding(
        name="hinton-narrow",
        title="MNIST, two layers of 30 units",
        asks="Hinton 2015 reports that T from 2.5 to 4 works significantly better than higher or "
        "lower values for a net as narrow as this. Is it the same here, under another teacher?",
        shows="In part. T from 1 to 4 gives similar accuracies, 96.9 to 97.1 %. From T = 6 on the "
        "mean is lower, by up to 1.0 points at T = 12 and λ = 0: a high T harms a narrow net, as "
        "in the paper. The map does not show that T from 2.5 to 4 is better than T = 1 or 2, or "
        "that any setting beats the baseline.",
        spec=_hinton("hinton-narrow", "hinton-narrow"),
        lam=0.0,
    ),
    Finding(
        name="hinton-300",
        title="MNIST, two layers of 300 units",
        asks="Hinton 2015 reports that with 300 or more units in each of two layers all T above 8 "
        "give fairly similar results. Is it the same here, under another teacher?",
        shows="Yes. From T = 4 to 20 the means lie between 98.91 and 98.93 %, and with T ≥ 2 the "
        "students close 32 to 41 % of the gap. Three seeds do not show that T = 1 is worse.",
        spec=_wide("hinton-300", "hinton-300"),
        lam=0.0,
    ),
)


def finding_names() -> tuple[str, ...]:
    """Names of all ready-made maps, in the order of the page."""
    return tuple(finding.name for finding in CATALOGUE)


def get_finding(name: str) -> Finding:
    """The ready-made map called ``name``.

    Raises:
        NotFoundError: no map has this name.
    """
    for finding in CATALOGUE:
        if finding.name == name:
            return finding
    known = ", ".join(finding_names())
    raise NotFoundError(f"There is no finding called {name!r}; choose one of {known}.")
