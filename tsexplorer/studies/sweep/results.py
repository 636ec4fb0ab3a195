"""The results of a sweep, trained here or shipped: the map and the cell chosen on validation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tsexplorer.data.registry import get_dataset
from tsexplorer.store import StageFigures
from tsexplorer.students.events import Scores
from tsexplorer.studies.grid_results import BySeed, Estimate, SweepMap, map_of, shares
from tsexplorer.studies.kind import StudySnapshot, StudySource
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec


@dataclass(frozen=True)
class Chosen:
    """The cell chosen on validation.

    Attributes:
        cell: T, λ and learning rate.
        test: its test accuracy over the seeds, read once, when its students ended.
    """

    cell: Cell
    test: Estimate


@dataclass(frozen=True)
class StudentFigures:
    """Figures of a sweep's nets by stage hash, wherever they are kept.

    Attributes:
        scores: of students on validation: of the kept weights, or of the last epoch so far.
        epochs: finished epochs of each student.
        done: hashes of the students that are trained.
        teachers: validation accuracy of each seed's teacher, by seed, as far as known.
        tests: test accuracy of at least the chosen cell's students; None where it is not known.
    """

    scores: Mapping[str, Scores]
    epochs: Mapping[str, int]
    done: frozenset[str]
    teachers: Mapping[int, float]
    tests: Mapping[str, float | None]


@dataclass(frozen=True)
class SweepResults:
    """The results of a sweep so far.

    Attributes:
        sweep: the sweep and its state.
        scores: on validation by stage hash: of the kept weights, or of the last epoch so far.
        epochs: finished epochs of each student, by stage hash.
        done: hashes of the students that are trained.
        map: cells, intervals, baseline and teacher, from the scores that are known.
        chosen: None until all students are trained.
    """

    sweep: StudySnapshot[SweepSpec]
    scores: Mapping[str, Scores]
    epochs: Mapping[str, int]
    done: frozenset[str]
    map: SweepMap
    chosen: Chosen | None


def compute_results(study: StudySnapshot[SweepSpec], source: StudySource) -> SweepResults:
    """The results of a sweep whose stages are in the store."""
    sweep = study.spec
    students = [source.stages[key] for key in _student_hashes(sweep)]
    teachers = {}
    for seed in sweep.seeds:
        accuracy = source.stages[sweep.teacher(seed).hash].validation_accuracy
        if accuracy is not None:
            teachers[seed] = accuracy
    last = source.last_epochs([student.hash for student in students])
    scores = {student.hash: kept_scores(student) for student in students}
    for key, row in last.items():
        stage = source.stages[key]
        scores[key] = Scores(
            row.validation_accuracy, row.validation_loss, stage.agreement, stage.ece
        )
    figures = StudentFigures(
        scores={key: score for key, score in scores.items() if score is not None},
        epochs={student.hash: student.epochs_done for student in students},
        done=frozenset(student.hash for student in students if student.status == "done"),
        teachers=teachers,
        tests={student.hash: student.test_accuracy for student in students},
    )
    return results_of(study, figures)


def kept_scores(stage: StageFigures) -> Scores | None:
    """Validation scores of the kept weights of a stage; None unless it is done."""
    if stage.status != "done" or stage.validation_accuracy is None:
        return None
    loss = math.nan if stage.validation_loss is None else stage.validation_loss
    return Scores(stage.validation_accuracy, loss, stage.agreement, stage.ece)


def results_of(study: StudySnapshot[SweepSpec], figures: StudentFigures) -> SweepResults:
    """The map, and the chosen cell once all students are trained."""
    info = get_dataset(study.spec.base.data.name).info
    grid = sweep_map(study.spec, figures.scores, figures.teachers, info.validation)
    complete = len(figures.done) == len(figures.epochs)
    return SweepResults(
        sweep=study,
        scores=figures.scores,
        epochs=figures.epochs,
        done=figures.done,
        map=grid,
        chosen=_choose(study.spec, grid, figures.tests, info.test) if complete else None,
    )


def sweep_map(
    sweep: SweepSpec,
    scores: Mapping[str, Scores],
    teachers: Mapping[int, float],
    images: int,
) -> SweepMap:
    """The map from the scores that are known.

    Args:
        sweep: the spec.
        scores: of students on validation, by hash; students without are left out.
        teachers: validation accuracy of each seed's teacher, as far as known.
        images: size of the validation split.
    """
    students = {cell: _by_seed(hashes, scores) for cell, hashes in _cell_hashes(sweep).items()}
    baselines = {
        rate: _by_seed({seed: sweep.baseline(rate, seed).hash for seed in sweep.seeds}, scores)
        for rate in sweep.rates
    }
    one_teacher = sweep.teachers == "shared"
    return map_of(students, baselines, teachers, images, one_teacher=one_teacher)


def _student_hashes(sweep: SweepSpec) -> tuple[str, ...]:
    """Hashes of all students, computed once per spec: a watched map asks every second."""
    return sweep.derived(
        "student hashes", lambda: tuple(student.hash for student in sweep.students)
    )


def _cell_hashes(sweep: SweepSpec) -> dict[Cell, dict[int, str]]:
    """Hashes of the students of each cell by seed, computed once per spec."""
    return sweep.derived(
        "cell hashes",
        lambda: {
            cell: {seed: sweep.student(cell, seed).hash for seed in sweep.seeds}
            for cell in sweep.cells
        },
    )


def _by_seed(hashes: Mapping[int, str], scores: Mapping[str, Scores]) -> BySeed:
    return {seed: scores[key] for seed, key in hashes.items() if key in scores}


def _choose(
    sweep: SweepSpec, grid: SweepMap, tests: Mapping[str, float | None], images: int
) -> Chosen | None:
    if grid.best is None:
        return None
    accuracies = [tests[sweep.student(grid.best, seed).hash] for seed in sweep.seeds]
    test = shares([value for value in accuracies if value is not None], images)
    return None if test is None else Chosen(grid.best, test)
