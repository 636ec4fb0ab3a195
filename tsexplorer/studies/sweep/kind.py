"""How a sweep is checked and trained."""

from __future__ import annotations

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.study_run import JobPlan, StudyRun
from tsexplorer.specs import ExperimentSpec
from tsexplorer.studies.experiment import check_experiment, renamed
from tsexplorer.studies.kind import (
    MAX_STUDENTS,
    Resources,
    StudentsCheck,
    StudyKind,
    StudySnapshot,
    StudySource,
    check_students,
)
from tsexplorer.studies.student_stages import Cell, check_objective
from tsexplorer.studies.sweep.results import SweepResults, compute_results
from tsexplorer.studies.sweep.spec import SweepSpec


class SweepKind(StudyKind[SweepSpec, SweepResults]):
    """A grid of students; its results are a map over T and λ."""

    name = "sweep"
    title = "Map"
    spec_type = SweepSpec
    result_hint = "the page Tune, and make one of its cells an experiment"

    def base(self, spec: SweepSpec) -> ExperimentSpec:
        """The experiment whose T, λ, rate and seeds the grid replaces."""
        return spec.base

    def renamed(self, spec: SweepSpec, name: str) -> SweepSpec:
        """The same sweep under another name."""
        return spec.model_copy(update={"base": renamed(spec.base, name)})

    def check(self, spec: SweepSpec, resources: Resources) -> StudentsCheck[SweepSpec]:
        """Check whether a sweep can be trained.

        Raises:
            UserError: T or λ has no effect on the objective, the base experiment cannot be
                trained, or there are too many students or too large ones.
        """
        check_objective(spec.base.objective)
        count = len(spec.cells) * len(spec.seeds)
        if count > MAX_STUDENTS:
            raise UserError(
                f"This grid has {count:,} students; take fewer values or seeds, so that there "
                f"are at most {MAX_STUDENTS:,}."
            )
        check_experiment(spec.experiment(spec.cells[0]), resources)
        students = spec.students
        return check_students(
            spec=spec,
            base=spec.base,
            stages=spec.planned,
            prerequisites=[stage.hash for stage in spec.prerequisites],
            students=[student.hash for student in students],
            count=len(students),
            sample=students,
            resources=resources,
        )

    def plan_job(self, spec: SweepSpec, stages: int) -> JobPlan:
        """Teachers first; the students are trained in chunks."""
        return JobPlan(stages_first=len(spec.prerequisites), stages=stages)

    def train(self, spec: SweepSpec, run: StudyRun) -> None:
        """Train the students that are missing."""
        from tsexplorer.jobs.local_chunks import StudentBatch, train_students

        train_students(run, StudentBatch(spec.students, 0, len(spec.students)))

    def results(self, study: StudySnapshot[SweepSpec], source: StudySource) -> SweepResults:
        """The map so far, and the chosen cell once all students are trained."""
        return compute_results(study, source)

    def experiment(self, results: SweepResults, cell: Cell | None) -> ExperimentSpec:
        """A cell as an experiment.

        An experiment has one teacher per seed, so that where the sweep shares a teacher only the
        first seed is taken.

        Raises:
            NotFoundError: the sweep has no such cell.
        """
        spec = results.sweep.spec
        if cell is None or cell not in spec.cells:
            raise NotFoundError("This sweep has no such cell; take one of its grid.")
        seeds = spec.seeds[:1] if spec.teachers == "shared" else spec.seeds
        return spec.experiment(cell, seeds)


KIND = SweepKind()
