"""Which maps ship: what each asks, its grid, and what came of it, in words.

The words stand here and the figures in ``assets/findings/``, so that training a map anew leaves
the words to be looked over and not to be written again.

A finding's figures as a file: out of a store, and back into what a sweep's figures are.

The file has each student's scores on validation, and of the test split what the chosen cell's
students got, nothing else of it. The map is made of them anew: it is not stored.

Findings: maps that were trained once and ship as figures, to be opened without training.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__
from tsexplorer.assets import FINDINGS, read_json, write_json
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.recipes.best_64 import PLAIN, STUDENT
from tsexplorer.recipes.quick import RECIPE as QUICK
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, ModelSpec
from tsexplorer.store import StageSnapshot
from tsexplorer.students.events import Scores
from tsexplorer.studies.grid_results import Estimate, shares
from tsexplorer.studies.kind import StudySnapshot
from tsexplorer.studies.sweep.kind import KIND
from tsexplorer.studies.sweep.results import StudentFigures, SweepResults, results_of
from tsexplorer.studies.sweep.spec import SweepSpec


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


KILOBYTES_AT_MOST = 60


@dataclass(frozen=True)
class Shipped:
    """A finding with its figures.

    Attributes:
        finding: what it asks, in words.
        figures: those of its sweep, which has the finding's name for an id.
        teacher_test: test accuracy of the teachers, None where it is not known.
        machine: what the students were trained on, in words.
        seconds: spent on training and validating the students.
        date: when the last of them ended, UTC.
        version: of this package at that time.
    """

    finding: Finding
    figures: SweepResults
    teacher_test: Estimate | None
    machine: str
    seconds: float
    date: date
    version: str


# -- into a file --------------------------------------------------------------------------------


def ship(service: Service, name: str, folder: Path = FINDINGS) -> Path:
    """Write what a store has of a finding; returns the file.

    Args:
        service: of the store.
        name: of the finding.
        folder: where the file goes. Where another grid under the finding's name, a try-out, is
            all that the store has, it must be a folder that does not ship.

    Raises:
        NotFoundError: there is no such finding.
        UserError: it is not trained yet, or a try-out is to ship.
    """
    finding = get_finding(name)
    sweep = _trained(service, finding)
    if folder == FINDINGS and not _same_grid(sweep, finding):
        raise UserError(
            f"What is trained under the name {sweep.name} has another grid than the finding, so "
            "it does not ship; name another folder to write it to."
        )
    figures = service.studies.results(sweep.id)
    if figures.chosen is None:
        raise UserError(f"{sweep.name} is not trained to its end; go on: {command(finding)}")
    links = service.studies.with_stages(sweep.id).stages
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    # Under the finding's own name, also where that was taken when it was trained.
    spec = KIND.renamed(sweep.spec, finding.spec.base.name)
    write_json(file, _content(spec, figures, {link.stage.hash: link.stage for link in links}))
    return file


def _trained(service: Service, finding: Finding) -> StudySnapshot[SweepSpec]:
    """The sweep of the finding's grid, else the one that has its name."""
    sweeps = service.studies.all("sweep")
    for sweep in sweeps:
        if _same_grid(sweep, finding):
            return sweep
    for sweep in sweeps:
        if sweep.name == finding.spec.base.name:
            return sweep
    raise UserError(f"{finding.spec.base.name} is not trained here; do so: {command(finding)}")


def _same_grid(sweep: StudySnapshot[SweepSpec], finding: Finding) -> bool:
    return KIND.renamed(sweep.spec, finding.spec.base.name) == finding.spec


def _content(
    spec: SweepSpec, figures: SweepResults, stages: dict[str, StageSnapshot]
) -> dict[str, Any]:
    assert figures.chosen is not None
    students = [stages[one.hash] for one in spec.students]
    chosen = [stages[spec.student(figures.chosen.cell, seed).hash] for seed in spec.seeds]
    teachers = {stages[spec.teacher(seed).hash].hash: seed for seed in spec.seeds}
    return {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "version": __version__,
        "machine": _in_words(one.machine for one in students),
        "date": _last(students).isoformat(),
        "seconds": round(math.fsum(one.train_seconds or 0.0 for one in students), 1),
        "teachers": {key: _accuracies(stages[key]) for key in teachers},
        "students": {one.hash: _student(one, figures.scores[one.hash]) for one in students},
        "test_accuracy": {one.hash: one.test_accuracy for one in chosen},
    }


def _accuracies(stage: StageSnapshot) -> dict[str, float | None]:
    return {name: getattr(stage, name) for name in ("validation_accuracy", "test_accuracy")}


def _student(stage: StageSnapshot, scores: Scores) -> dict[str, float | None]:
    return {
        "accuracy": scores.accuracy,
        "loss": None if math.isnan(scores.loss) else scores.loss,  # JSON has no nan
        "agreement": scores.agreement,
        "ece": scores.ece,
        "epochs": stage.epochs_done,
        "kept_epoch": stage.kept_epoch,
    }


def _in_words(machines: Iterable[str | None]) -> str:
    """The machines, each once, however many students were together on it."""
    plain = (re.sub(r", \d+ together$", "", words) for words in machines if words)
    return " and ".join(dict.fromkeys(plain))


def _last(stages: Sequence[StageSnapshot]) -> date:
    return max(one.finished_at for one in stages if one.finished_at is not None).date()


# -- out of a file ------------------------------------------------------------------------------


def shipped_names(folder: Path = FINDINGS) -> tuple[str, ...]:
    """Findings whose figures are there, in the catalogue's order."""
    return tuple(name for name in finding_names() if (folder / f"{name}.json").exists())


@cache
def shipped(name: str, folder: Path = FINDINGS) -> Shipped:
    """A finding and its figures.

    Raises:
        NotFoundError: there is no such finding.
        UserError: it is not among those that ship.
    """
    finding = get_finding(name)
    file = folder / f"{name}.json"
    if not file.exists():
        raise UserError(
            f"The finding {name} does not ship with this version; train it: {command(finding)}"
        )
    content = read_json(file)
    spec = SweepSpec.model_validate(content["spec"])
    tests = [one["test_accuracy"] for one in content["teachers"].values()]
    return Shipped(
        finding=finding,
        figures=results_of(_snapshot(finding, spec, content), _known(spec, content)),
        teacher_test=shares(
            [value for value in tests if value is not None],
            get_dataset(spec.base.data.name).info.test,
        ),
        machine=content["machine"],
        seconds=content["seconds"],
        date=date.fromisoformat(content["date"]),
        version=content["version"],
    )


def command(finding: Finding) -> str:
    """What trains the finding's map again."""
    return f"python -m tsexplorer sweep --finding {finding.name}"


def _snapshot(
    finding: Finding, spec: SweepSpec, content: dict[str, Any]
) -> StudySnapshot[SweepSpec]:
    nets = len(spec.planned)
    return StudySnapshot(
        id=finding.name,
        name=finding.title,
        kind="sweep",
        spec=spec,
        status="done",
        job=None,
        created_at=datetime.fromisoformat(content["date"]).replace(tzinfo=UTC),
        nets=nets,
        nets_done=nets,
    )


def _known(spec: SweepSpec, content: dict[str, Any]) -> StudentFigures:
    students = content["students"]
    return StudentFigures(
        scores={key: _scores(one) for key, one in students.items()},
        epochs={key: one["epochs"] for key, one in students.items()},
        done=frozenset(students),
        teachers={
            seed: content["teachers"][spec.teacher(seed).hash]["validation_accuracy"]
            for seed in spec.seeds
        },
        tests=content["test_accuracy"],
    )


def _scores(one: dict[str, Any]) -> Scores:
    loss = math.nan if one["loss"] is None else one["loss"]
    return Scores(one["accuracy"], loss, one["agreement"], one["ece"])


__all__ = ["Finding", "finding_names", "get_finding"]
