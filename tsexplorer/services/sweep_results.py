"""What is known of a sweep, trained here or shipped: the map, and the cell chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tsexplorer.data.registry import get_dataset
from tsexplorer.store import JobStatus
from tsexplorer.students.events import Scores
from tsexplorer.studies.grid_results import Estimate, SweepMap, shares, sweep_map
from tsexplorer.studies.sweep.spec import Cell, SweepSpec


@dataclass(frozen=True)
class SweepSnapshot:
    """A sweep as it stands.

    Attributes:
        id: 8 hex digits, for URLs and the shell.
        name: unique, among experiments, too.
        spec: what was asked for.
        status: done once every net is; before, that of its latest job.
        job: its latest job, None if it never had one.
        created_at: UTC.
        nets: teachers and students.
        nets_done: those that are trained.
    """

    id: str
    name: str
    spec: SweepSpec
    status: JobStatus
    job: int | None
    created_at: datetime
    nets: int
    nets_done: int


@dataclass(frozen=True)
class Chosen:
    """The cell chosen on validation.

    Attributes:
        cell: which.
        test: its test accuracy over the seeds, read once, when its students ended.
    """

    cell: Cell
    test: Estimate


@dataclass(frozen=True)
class Known:
    """What is known of a sweep's nets, wherever it is kept.

    Attributes:
        scores: of students on validation by stage hash: of the kept weights, or of the last epoch
            before.
        epochs: finished epochs of each student, by stage hash.
        done: hashes of the students that are trained.
        teachers: accuracy of each seed's teacher on validation, as far as known.
        tests: test accuracy by stage hash, of the chosen cell's students at least once all are
            trained; None where it is not known.
    """

    scores: dict[str, Scores]
    epochs: dict[str, int]
    done: frozenset[str]
    teachers: Mapping[int, float]
    tests: Mapping[str, float | None]


@dataclass(frozen=True)
class SweepFigures:
    """What is known of a sweep so far.

    Attributes:
        sweep: as it stands.
        scores: on validation by stage hash: of the kept weights, or of the last epoch before.
        epochs: finished epochs of each student, by stage hash.
        done: hashes of the students that are trained.
        map: cells, intervals, baseline and teacher, of the scores that are known.
        chosen: None until every student is trained.
    """

    sweep: SweepSnapshot
    scores: dict[str, Scores]
    epochs: dict[str, int]
    done: frozenset[str]
    map: SweepMap
    chosen: Chosen | None


def figures_of(sweep: SweepSnapshot, known: Known) -> SweepFigures:
    """The map of what is known, and the chosen cell once every student is trained."""
    info = get_dataset(sweep.spec.base.data.name).info
    found = sweep_map(sweep.spec, known.scores, known.teachers, info.validation)
    whole = len(known.done) == len(known.epochs)
    return SweepFigures(
        sweep=sweep,
        scores=known.scores,
        epochs=known.epochs,
        done=known.done,
        map=found,
        chosen=_chosen(sweep.spec, found, known.tests, info.test) if whole else None,
    )


def _chosen(
    sweep: SweepSpec, found: SweepMap, tests: Mapping[str, float | None], images: int
) -> Chosen | None:
    if found.best is None:
        return None
    keys = [sweep.student(found.best, seed).hash for seed in sweep.seeds]
    accuracies = [tests[key] for key in keys]
    test = shares([value for value in accuracies if value is not None], images)
    return None if test is None else Chosen(found.best, test)
