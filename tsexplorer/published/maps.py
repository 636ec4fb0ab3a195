"""The ready-made maps: which exist, how they are written to files and read from them.

The catalogue holds each map's grid, its question and its answer. The figures are in
``assets/findings/NAME.json``. When a map is trained again, check that its answer still holds.

A file holds the validation scores of all students, and the test accuracy of the chosen cell's
students only. The map itself is not stored: it is computed from the scores.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__
from tsexplorer.assets import FINDINGS, read_json, write_json
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.published.recipe_results import join_machines
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
class ReadyMap:
    """A map whose figures are part of the package.

    Attributes:
        name: identifier, used by the shell and in URLs.
        title: title on the pages.
        question: the question that the map answers, in one or two sentences.
        spec: the grid. Training the map creates a sweep with the name of ``spec.base``.
        answer: the result, in a few sentences; empty until the map is trained.
        lam: the row (λ) in which the answer is read; None for the row of the best cell.
    """

    name: str
    title: str
    question: str
    spec: SweepSpec
    answer: str = ""
    lam: float | None = None


EPOCHS = 10
"""Training epochs of each student on full MNIST."""
SEEDS = (0, 1, 2)
TEMPERATURES = (1, 2, 3, 4, 6, 8, 12, 20)
LAMBDAS = (0, 0.25, 0.5, 0.75, 1)
HINTON_TEMPERATURES = (1, 2, 2.5, 3, 4, 6, 8, 12, 20)
"""A finer grid where Hinton 2015 found the best T of narrow nets."""
HINTON_LAMBDAS = (0, 0.5, 1)


def _name_base(base: ExperimentSpec, name: str) -> ExperimentSpec:
    """The experiment under the name of the sweep that trains a map."""
    return base.model_copy(update={"name": f"{name} map"})


def _mnist(name: str, student: str, epochs: int = EPOCHS) -> ExperimentSpec:
    """A student of the demo pair's teacher. That teacher is part of the app, already trained."""
    train = STUDENT.model_copy(update={"epochs": epochs})
    changes = {
        "student": ModelSpec(name=student),
        "baseline_train": train,
        "distilled_train": train,
    }
    return _name_base(PLAIN, name).model_copy(update=changes)


def _full_grid(name: str, student: str) -> SweepSpec:
    return SweepSpec(
        base=_mnist(name, student), temperatures=TEMPERATURES, lambdas=LAMBDAS, seeds=SEEDS
    )


def _hinton_grid(name: str, student: str) -> SweepSpec:
    return SweepSpec(
        base=_mnist(name, student),
        temperatures=HINTON_TEMPERATURES,
        lambdas=HINTON_LAMBDAS,
        seeds=SEEDS,
    )


def _coarse_grid(name: str, student: str) -> SweepSpec:
    """A coarser grid, because a student of this width takes six times as long."""
    return SweepSpec(
        base=_mnist(name, student), temperatures=(1, 2, 4, 8, 12, 20), lambdas=(0, 1), seeds=SEEDS
    )


CATALOGUE = (
    ReadyMap(
        name="quick",
        title="5,000 digits, 64 units",
        question="What does the default grid of this page show?",
        answer="With T ≥ 4 and λ < 1, students beat the baseline by 1.8 to 2.9 points on average; "
        "at T = 1 they do not. Three seeds and 500 validation images cannot say which of these "
        "settings is best.",
        spec=SweepSpec(base=_name_base(QUICK.spec, "quick")),
    ),
    ReadyMap(
        name="mlp-64",
        title="MNIST, 64 ReLU units",
        question="Which T and λ suit the small student of the demo pair on full MNIST, and how "
        "much do they matter?",
        answer="With T from 1 to 4 and λ < 1, students beat the baseline by 0.1 to 0.5 points on "
        "average; three seeds cannot tell most of these settings apart. From T = 6 on accuracy "
        "falls as T rises; at T = 20 and λ ≤ 0.5 it is below the baseline.",
        spec=_full_grid("mlp-64", "mlp-64"),
    ),
    ReadyMap(
        name="wu-mlp",
        title="MNIST, 64 sigmoid units",
        question="The same question for the student of Wu 2020. Its sigmoid units are bounded, so "
        "its logits reach the spread of the teacher's logits slowly. Does a high T cost more "
        "accuracy here?",
        answer="Yes. Accuracy falls from 96.9 % at T = 1, the baseline's accuracy, to 95.0 % at "
        "T = 20 and λ = 0; a larger λ makes this loss smaller. After ten epochs no setting is more "
        "than 0.05 points above the baseline.",
        spec=_full_grid("wu-mlp", "wu-mlp"),
    ),
    ReadyMap(
        name="hinton-narrow",
        title="MNIST, two layers of 30 units",
        question="Hinton 2015 reports that T from 2.5 to 4 works significantly better than higher "
        "or lower values for a net as narrow as this. Is it the same here, under another teacher?",
        answer="In part. T from 1 to 4 gives similar accuracies, 96.9 to 97.1 %. From T = 6 on the "
        "mean is lower, by up to 1.0 points at T = 12 and λ = 0: a high T harms a narrow net, as "
        "in the paper. The map does not show that T from 2.5 to 4 is better than T = 1 or 2, or "
        "that any setting beats the baseline.",
        spec=_hinton_grid("hinton-narrow", "hinton-narrow"),
        lam=0.0,
    ),
    ReadyMap(
        name="hinton-300",
        title="MNIST, two layers of 300 units",
        question="Hinton 2015 reports that with 300 or more units in each of two layers all T "
        "above 8 give fairly similar results. Is it the same here, under another teacher?",
        answer="Yes. From T = 4 to 20 the means lie between 98.91 and 98.93 %, and with T ≥ 2 the "
        "students close 32 to 41 % of the gap. Three seeds do not show that T = 1 is worse.",
        spec=_coarse_grid("hinton-300", "hinton-300"),
        lam=0.0,
    ),
)


def ready_map_names() -> tuple[str, ...]:
    """Names of all ready-made maps, in the order of the page."""
    return tuple(entry.name for entry in CATALOGUE)


def get_ready_map(name: str) -> ReadyMap:
    """Return the ready-made map called ``name``.

    Raises:
        NotFoundError: no map has this name.
    """
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    names = ", ".join(ready_map_names())
    raise NotFoundError(f"There is no ready-made map called {name!r}; choose one of {names}.")


MAX_FILE_KILOBYTES = 60
"""Largest file of a map, in units of 1,000 bytes; a test checks it."""


@dataclass(frozen=True)
class PublishedMap:
    """A ready-made map with its figures.

    Attributes:
        entry: its entry in the catalogue.
        results: the results of its sweep; the id of that sweep is the name of the entry.
        teacher_test: test accuracy of the teachers; None if it is not in the file.
        machine: the machine that trained the students.
        seconds: time spent on training and validating the students.
        date: the day on which the last student was finished, UTC.
        version: the version of this package that wrote the file.
    """

    entry: ReadyMap
    results: SweepResults
    teacher_test: Estimate | None
    machine: str
    seconds: float
    date: date
    version: str


# -- writing a file -----------------------------------------------------------------------------


def write_map(service: Service, name: str, folder: Path = FINDINGS) -> Path:
    """Write the figures of a trained map to a file and return its path.

    Args:
        service: the service of the store in which the map was trained.
        name: name of the map.
        folder: folder of the file. It must not be that of the ready-made maps if the store has
            only a sweep with the map's name and another grid (a try-out).

    Raises:
        NotFoundError: no map has this name.
        UserError: the map is not fully trained, or a try-out would become a ready-made map.
    """
    entry = get_ready_map(name)
    sweep = _find_sweep(service, entry)
    if folder == FINDINGS and not _has_grid_of(sweep, entry):
        raise UserError(
            f'The sweep "{sweep.name}" has another grid than the ready-made map {name}; write its '
            "figures to another folder."
        )
    results = service.studies.results(sweep.id)
    if results.chosen is None:
        raise UserError(
            f'The sweep "{sweep.name}" is not finished. To continue: {training_command(entry)}'
        )
    links = service.studies.with_stages(sweep.id).stages
    # The store may have given the sweep another name, if the map's own name was taken.
    spec = KIND.renamed(sweep.spec, entry.spec.base.name)
    content = _to_json(spec, results, {link.stage.hash: link.stage for link in links})
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    write_json(file, content)
    return file


def training_command(entry: ReadyMap) -> str:
    """The shell command that trains a map."""
    return f"python -m tsexplorer sweep --finding {entry.name}"


def _find_sweep(service: Service, entry: ReadyMap) -> StudySnapshot[SweepSpec]:
    """The sweep with the map's grid; without one, the sweep with the map's name."""
    sweeps = service.studies.all("sweep")
    for sweep in sweeps:
        if _has_grid_of(sweep, entry):
            return sweep
    for sweep in sweeps:
        if sweep.name == entry.spec.base.name:
            return sweep
    raise UserError(
        f'The sweep "{entry.spec.base.name}" is not trained here. To train it: '
        f"{training_command(entry)}"
    )


def _has_grid_of(sweep: StudySnapshot[SweepSpec], entry: ReadyMap) -> bool:
    return KIND.renamed(sweep.spec, entry.spec.base.name) == entry.spec


def _to_json(
    spec: SweepSpec, results: SweepResults, stages: Mapping[str, StageSnapshot]
) -> dict[str, Any]:
    assert results.chosen is not None
    students = [stages[student.hash] for student in spec.students]
    chosen = [stages[spec.student(results.chosen.cell, seed).hash] for seed in spec.seeds]
    teachers = {spec.teacher(seed).hash: None for seed in spec.seeds}  # each once, in order
    machines = (re.sub(r", \d+ together$", "", stage.machine or "") for stage in students)
    finished = [stage.finished_at for stage in students if stage.finished_at is not None]
    return {
        "spec": spec.model_dump(mode="json", by_alias=True),
        "version": __version__,
        "machine": join_machines(machines),
        "date": max(finished).date().isoformat(),
        "seconds": round(math.fsum(stage.train_seconds or 0.0 for stage in students), 1),
        "teachers": {key: _teacher_to_json(stages[key]) for key in teachers},
        "students": {
            stage.hash: _student_to_json(stage, results.scores[stage.hash]) for stage in students
        },
        "test_accuracy": {stage.hash: stage.test_accuracy for stage in chosen},
    }


def _teacher_to_json(stage: StageSnapshot) -> dict[str, float | None]:
    return {name: getattr(stage, name) for name in ("validation_accuracy", "test_accuracy")}


def _student_to_json(stage: StageSnapshot, scores: Scores) -> dict[str, float | None]:
    return {
        "accuracy": scores.accuracy,
        "loss": None if math.isnan(scores.loss) else scores.loss,  # JSON has no NaN
        "agreement": scores.agreement,
        "ece": scores.ece,
        "epochs": stage.epochs_done,
        "kept_epoch": stage.kept_epoch,
    }


# -- reading a file -----------------------------------------------------------------------------


def published_map_names(folder: Path = FINDINGS) -> tuple[str, ...]:
    """Names of the maps that have a file, in the order of the catalogue."""
    return tuple(name for name in ready_map_names() if (folder / f"{name}.json").exists())


@cache
def load_map(name: str, folder: Path = FINDINGS) -> PublishedMap:
    """Read a ready-made map from its file.

    Raises:
        NotFoundError: no map has this name.
        UserError: the map has no file.
    """
    entry = get_ready_map(name)
    file = folder / f"{name}.json"
    if not file.exists():
        raise UserError(
            f"The map {name} is not ready-made in this version. To train it: "
            f"{training_command(entry)}"
        )
    content = read_json(file)
    spec = SweepSpec.model_validate(content["spec"])
    tests = [teacher["test_accuracy"] for teacher in content["teachers"].values()]
    return PublishedMap(
        entry=entry,
        results=results_of(_study_snapshot(entry, spec, content), _student_figures(spec, content)),
        teacher_test=shares(
            [accuracy for accuracy in tests if accuracy is not None],
            get_dataset(spec.base.data.name).info.test,
        ),
        machine=content["machine"],
        seconds=content["seconds"],
        date=date.fromisoformat(content["date"]),
        version=content["version"],
    )


def _study_snapshot(
    entry: ReadyMap, spec: SweepSpec, content: Mapping[str, Any]
) -> StudySnapshot[SweepSpec]:
    nets = len(spec.planned)
    return StudySnapshot(
        id=entry.name,
        name=entry.title,
        kind="sweep",
        spec=spec,
        status="done",
        job=None,
        created_at=datetime.fromisoformat(content["date"]).replace(tzinfo=UTC),
        nets=nets,
        nets_done=nets,
    )


def _student_figures(spec: SweepSpec, content: Mapping[str, Any]) -> StudentFigures:
    students, teachers = content["students"], content["teachers"]
    return StudentFigures(
        scores={key: _scores(student) for key, student in students.items()},
        epochs={key: student["epochs"] for key, student in students.items()},
        done=frozenset(students),
        teachers={
            seed: teachers[spec.teacher(seed).hash]["validation_accuracy"] for seed in spec.seeds
        },
        tests=content["test_accuracy"],
    )


def _scores(student: Mapping[str, Any]) -> Scores:
    loss = math.nan if student["loss"] is None else student["loss"]
    return Scores(student["accuracy"], loss, student["agreement"], student["ece"])
