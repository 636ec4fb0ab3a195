"""The stages of many students of one base experiment that differ in T, λ, rate and seed.

A *setting* is T, λ and learning rate; a *student* is a setting under one seed. Under objectives
that equal the baseline at λ = 1 (``is_baseline_at_lambda_1``) the teacher and T have no effect
there: these settings are one training, which runs once per seed and is shared.

Planning an experiment for each student would take a millisecond each. Here an experiment is planned
once per seed, and its distilled stage is copied with other values.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.objectives import Objective, get_objective, objective_names, plan_experiment
from tsexplorer.objectives.base import format_number
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import LABELS, ExperimentSpec, ObjectiveSpec, Role, StageSpec, TrainSpec


def _check_temperature(value: float) -> float:
    if not 0 < value <= 1000:
        raise ValueError("a temperature must be above 0 and at most 1000")
    return value + 0.0


def _check_lambda(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("lambda must lie in 0...1")
    return value + 0.0


def _check_rate(value: float) -> float:
    if not 0 < value <= 1000:
        raise ValueError("a learning rate must be above 0 and at most 1000")
    return value + 0.0


def _check_sees_all_classes(base: ExperimentSpec) -> ExperimentSpec:
    if base.left_out:
        raise ValueError(
            "here students are compared with a baseline that sees the same images; leave no "
            "classes out"
        )
    return base


Temperature = Annotated[float, AfterValidator(_check_temperature)]
Lambda = Annotated[float, AfterValidator(_check_lambda)]
Rate = Annotated[float, AfterValidator(_check_rate)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Base = Annotated[ExperimentSpec, AfterValidator(_check_sees_all_classes)]


class Cell(NamedTuple):
    """One setting of T, λ and learning rate."""

    temperature: float
    lam: float
    learning_rate: float


class StudentStages:
    """Stages of students by setting and seed, each computed once."""

    def __init__(self, base: ExperimentSpec, seeds: tuple[int, ...], *, shared: bool) -> None:
        """Plan the nets that the students learn from.

        Args:
            base: data, nets, objective and schedules of all students; its T, λ, seeds and rate of
                the distilled stage are replaced.
            seeds: of the students.
            shared: whether all students learn from the teachers of the first seed.
        """
        self._base, self._seeds, self._shared = base, seeds, shared
        objective, info = get_objective(base.objective.name), get_dataset(base.data.name).info
        every_image_labelled = base.label_share == 1 and not info.unlabelled
        self.baseline_in_grid = objective.is_baseline_at_lambda_1 and every_image_labelled
        """Whether λ = 1 is the baseline itself; with images without a label it sees others."""
        self._plans: dict[int, tuple[PlannedStage, ...]] = {}
        self._trains: dict[float, TrainSpec] = {}
        self._students: dict[tuple[Cell, int], StageSpec] = {}
        self._baselines: dict[tuple[float, int], StageSpec] = {}

    def experiment(
        self, cell: Cell, seeds: tuple[int, ...], *, rate_in_name: bool
    ) -> ExperimentSpec:
        """A setting as an experiment of its own, with one teacher per seed.

        Args:
            cell: the setting.
            seeds: of the experiment.
            rate_in_name: whether its name has the learning rate.
        """
        base, (temperature, lam, rate) = self._base, cell
        name = f"{base.name[:40]}, T {format_number(temperature)}, λ {format_number(lam)}"
        if rate_in_name:
            name += f", rate {format_number(rate)}"
        return base.model_copy(
            update={
                "name": name,
                "objective": base.objective.model_copy(
                    update={"temperature": temperature, "lam": lam}
                ),
                "distilled_train": self._train(rate),
                "seeds": seeds,
            }
        )

    def student(self, cell: Cell, seed: int) -> StageSpec:
        """The stage of a setting and seed; settings that are the same training share it."""
        if cell.lam == 1 and self.baseline_in_grid:
            # T has no effect here. It is 1 in every grid, so that grids share the stage too.
            cell = cell._replace(temperature=1.0)
        key = cell, seed
        if key not in self._students:
            self._students[key] = self._new_student(cell, seed)
        return self._students[key]

    def students(self, cell: Cell, seeds: Iterable[int]) -> tuple[StageSpec, ...]:
        """The stages of a setting, one per seed."""
        return tuple(self.student(cell, seed) for seed in seeds)

    def baseline(self, learning_rate: float, seed: int) -> StageSpec:
        """The student that learns from labels alone, trained as the distilled students are."""
        if self.baseline_in_grid:
            return self.student(Cell(1.0, 1.0, learning_rate), seed)
        key = learning_rate, seed
        if key not in self._baselines:
            self._baselines[key] = StageSpec(
                data=self._base.data,
                model=self._base.student,
                objective=LABELS,
                train=self._train(learning_rate),
                seed=seed,
                start_from=self._stage(seed, "distilled").start_from,
                label_share=self._base.label_share,
            )
        return self._baselines[key]

    def is_baseline(self, student: StageSpec) -> bool:
        """Whether a student learns from labels alone."""
        if self.baseline_in_grid:
            return student.objective.lam == 1
        return student.objective == LABELS

    def teacher(self, seed: int) -> StageSpec:
        """The (first) stage that teaches the students of a seed."""
        return self._stage(self._teacher_seed(seed), "teacher")

    def teachers(self, seed: int) -> tuple[StageSpec, ...]:
        """All stages that teach the students of a seed, the first teacher first."""
        plan = self._plan(self._teacher_seed(seed))
        return tuple(stage.spec for stage in plan if stage.role in ("teacher", "member"))

    @property
    def prerequisites(self) -> tuple[PlannedStage, ...]:
        """Stages that must be trained before any student, each once."""
        stages = [
            stage
            for seed in self._seeds
            for stage in self._plan(self._teacher_seed(seed))
            if stage.role in ("teacher", "member")
        ]
        if self._base.warm_start:
            stages += [
                stage
                for seed in self._seeds
                for stage in self._plan(seed)
                if stage.role == "baseline"
            ]
        first_teachers = {self.teacher(seed).hash for seed in self._seeds}
        unique: dict[str, PlannedStage] = {}
        for stage in stages:
            key = stage.spec.hash
            role = "teacher" if key in first_teachers else stage.role
            unique.setdefault(key, PlannedStage(stage.spec.seed, role, stage.spec))
        return tuple(unique.values())

    def planned(self, students: Iterable[StageSpec]) -> tuple[PlannedStage, ...]:
        """Students with their roles, each once, without those among the prerequisites."""
        prerequisites = {stage.spec.hash for stage in self.prerequisites}
        return tuple(
            PlannedStage(
                student.seed, "baseline" if self.is_baseline(student) else "distilled", student
            )
            for student in distinct(students)
            if student.hash not in prerequisites
        )

    def _new_student(self, cell: Cell, seed: int) -> StageSpec:
        template = self._stage(seed, "distilled")
        objective = template.objective.model_copy(
            update={"temperature": cell.temperature, "lam": cell.lam}
        )
        changes: dict[str, object] = {
            "objective": objective,
            "train": self._train(cell.learning_rate),
        }
        if self._shared and template.teachers:
            changes["teachers"] = tuple(stage.hash for stage in self.teachers(seed))
        return template.model_copy(update=changes)

    def _train(self, learning_rate: float) -> TrainSpec:
        if learning_rate not in self._trains:
            self._trains[learning_rate] = self._base.distilled_train.model_copy(
                update={"learning_rate": learning_rate}
            )
        return self._trains[learning_rate]

    def _teacher_seed(self, seed: int) -> int:
        return self._seeds[0] if self._shared else seed

    def _stage(self, seed: int, role: Role) -> StageSpec:
        return next(stage.spec for stage in self._plan(seed) if stage.role == role)

    def _plan(self, seed: int) -> tuple[PlannedStage, ...]:
        if seed not in self._plans:
            self._plans[seed] = plan_experiment(self._base.model_copy(update={"seeds": (seed,)}))
        return self._plans[seed]


def distinct(stages: Iterable[StageSpec]) -> tuple[StageSpec, ...]:
    """Each stage once, in the order of its first occurrence."""
    first: dict[str, StageSpec] = {}
    for stage in stages:
        first.setdefault(stage.hash, stage)
    return tuple(first.values())


def check_objective(spec: ObjectiveSpec) -> Objective:
    """The objective, if T and λ have an effect on it.

    Raises:
        NotFoundError: there is no such objective.
        UserError: T or λ has no effect, or it has stages before the student's.
    """
    objective = get_objective(spec.name)
    if _has_temperature_and_lambda(objective):
        return objective
    if not objective.is_single_stage:
        raise UserError(
            f"The objective {spec.name!r} trains in more than one stage, which a sweep does not; "
            "choose another."
        )
    raise UserError(
        f"The objective {spec.name!r} has no T and λ to sweep over; choose one of "
        f"{', '.join(sweepable())}."
    )


def sweepable() -> tuple[str, ...]:
    """Names of the objectives that a sweep or a search can vary T and λ of."""
    return tuple(
        name for name in objective_names() if _has_temperature_and_lambda(get_objective(name))
    )


def _has_temperature_and_lambda(objective: Objective) -> bool:
    return objective.uses_temperature and objective.uses_lambda and objective.is_single_stage
