"""What a sweep is asked for, and the stages and experiments that follow from it.

A *cell* is one setting of T, lambda and learning rate; a *student* is a cell under one seed. Under
objectives that are the baseline at lambda = 1 (``baseline_at_one``) the teacher has no say there,
whatever T: those cells are one training, which is done once a seed and shared.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, field_validator

from tsexplorer.errors import UserError
from tsexplorer.objectives import Objective, get_objective, objective_names, plan_experiment
from tsexplorer.objectives.base import format_number
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import (
    LABELS,
    ExperimentSpec,
    ObjectiveSpec,
    Role,
    Spec,
    StageSpec,
    TrainSpec,
)

MOST = 100
"""Values along one axis of the grid."""


def _temperature(value: float) -> float:
    if not 0 < value <= 1000:
        raise ValueError("a temperature must be above 0 and at most 1000")
    return value + 0.0


def _lambda(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("lambda must lie in 0...1")
    return value + 0.0


def _rate(value: float) -> float:
    if not 0 < value <= 1000:
        raise ValueError("a learning rate must be above 0 and at most 1000")
    return value + 0.0


def _sees_all_classes(base: ExperimentSpec) -> ExperimentSpec:
    if base.left_out:
        raise ValueError(
            "here students are compared with a baseline that sees the same images; leave no "
            "classes out"
        )
    return base


Temperature = Annotated[float, AfterValidator(_temperature)]
Lambda = Annotated[float, AfterValidator(_lambda)]
Rate = Annotated[float, AfterValidator(_rate)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Base = Annotated[ExperimentSpec, AfterValidator(_sees_all_classes)]


class Cell(NamedTuple):
    """One setting; all seeds of it together make one point of the map."""

    temperature: float
    lam: float
    learning_rate: float


class SweepSpec(Spec):
    """A grid of T, lambda and learning rates, each cell under the same seeds.

    Of ``base`` count the data, both nets, the objective's name and options and how stages train;
    its T, lambda, seeds and, where ``learning_rates`` are given, its rate are replaced by the
    grid's.
    """

    base: Base = ExperimentSpec()
    temperatures: tuple[Temperature, ...] = Field(
        default=(1.0, 2.0, 4.0, 8.0, 16.0), max_length=MOST, description="T of the columns."
    )
    lambdas: tuple[Lambda, ...] = Field(
        default=(0.0, 0.25, 0.5, 0.75, 1.0), max_length=MOST, description="Lambda of the rows."
    )
    learning_rates: tuple[Rate, ...] = Field(
        default=(), max_length=MOST, description="Peak rates; none stands for that of the base."
    )
    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2), max_length=MOST)
    teachers: Literal["shared", "one a seed"] = Field(
        default="shared",
        description="shared: all students learn from the teacher of the first seed, and seeds "
        "differ by the student alone. one a seed: as in an experiment.",
    )

    @field_validator("temperatures", "lambdas", "seeds")
    @classmethod
    def _not_empty(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values:
            raise ValueError("give at least one value, else the grid is empty")
        return values

    @field_validator("temperatures", "lambdas", "learning_rates", "seeds")
    @classmethod
    def _differ(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for place, value in enumerate(values):
            if value in values[:place]:
                raise ValueError(f"{format_number(value)} stands there twice; leave one out")
        return values

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates in force."""
        return self.learning_rates or (self.base.distilled_train.learning_rate,)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All settings: by learning rate, then lambda, then T."""
        return tuple(
            Cell(temperature, lam, rate)
            for rate in self.rates
            for lam in self.lambdas
            for temperature in self.temperatures
        )

    @property
    def baseline_in_grid(self) -> bool:
        """Whether lambda = 1 is the baseline itself."""
        return get_objective(self.base.objective.name).is_baseline_at_lambda_1

    def experiment(self, cell: Cell, seeds: tuple[int, ...] | None = None) -> ExperimentSpec:
        """A cell as an experiment of its own.

        Its teachers are one a seed, as those of all experiments: where the sweep shares one, only
        the first seed's distilled stage is the sweep's.

        Args:
            cell: which.
            seeds: those of the sweep if none are given.
        """
        base, (temperature, lam, _) = self.base, cell
        objective = {"temperature": temperature, "lam": lam}
        name = f"{base.name[:40]}, T {format_number(temperature)}, λ {format_number(lam)}"
        if len(self.rates) > 1:
            name += f", rate {format_number(cell.learning_rate)}"
        return base.model_copy(
            update={
                "name": name,
                "objective": base.objective.model_copy(update=objective),
                "distilled_train": self._train(cell.learning_rate),
                "seeds": seeds or self.seeds,
            }
        )

    def student(self, cell: Cell, seed: int) -> StageSpec:
        """The stage of one cell and seed; cells that are the same training share it."""
        if cell.lam == 1 and self.baseline_in_grid:
            # T has no say here. 1 whatever the grid, so that sweeps share it, too.
            cell = cell._replace(temperature=1.0)
        stage = self._stage(cell, seed, "distilled")
        if self.teachers == "shared" and stage.teachers:
            stage = stage.model_copy(update={"teachers": self._teachers(seed)})
        return stage

    def baseline(self, learning_rate: float, seed: int) -> StageSpec:
        """The student that learns from labels alone, trained as the distilled ones are."""
        if self.baseline_in_grid:
            return self.student(Cell(1.0, 1.0, learning_rate), seed)
        return StageSpec(
            data=self.base.data,
            model=self.base.student,
            objective=LABELS,
            train=self._train(learning_rate),
            seed=seed,
            start_from=self._starts(seed),
        )

    def teacher(self, seed: int) -> StageSpec:
        """The stage that teaches the students of a seed."""
        if self.teachers == "shared":
            seed = self.seeds[0]
        return self._stage(self.cells[0], seed, "teacher")

    def members(self, seed: int) -> tuple[StageSpec, ...]:
        """All stages that teach the students of a seed, the teacher first."""
        if self.teachers == "shared":
            seed = self.seeds[0]
        stages = plan_experiment(self.experiment(self.cells[0], (seed,)))
        return tuple(stage.spec for stage in stages if stage.role in ("teacher", "member"))

    @property
    def before(self) -> tuple[StageSpec, ...]:
        """Stages that must be done before any student trains."""
        stages = [one for seed in self.seeds for one in self.members(seed)]
        if self.base.warm_start:
            stages += [self._stage(self.cells[0], seed, "baseline") for seed in self.seeds]
        return _once(stages)

    @property
    def planned_before(self) -> tuple[PlannedStage, ...]:
        """The same with their parts."""
        return tuple(PlannedStage(one.seed, _part(one, self), one) for one in self.before)

    @property
    def students(self) -> tuple[StageSpec, ...]:
        """All trainings of the sweep, baselines among them, each once: seed by seed."""
        return _once(
            stage
            for seed in self.seeds
            for stage in (
                *(self.baseline(rate, seed) for rate in self.rates),
                *(self.student(cell, seed) for cell in self.cells),
            )
        )

    @property
    def planned(self) -> tuple[PlannedStage, ...]:
        """All nets, each once and after those that it learns from.

        A baseline is the student that learns from labels alone, as in an experiment.
        """
        taught = self.planned_before
        baselines = {self.baseline(rate, seed).hash for rate in self.rates for seed in self.seeds}
        known = {stage.spec.hash for stage in taught}
        return (
            *taught,
            *(
                PlannedStage(
                    stage.seed, "baseline" if stage.hash in baselines else "distilled", stage
                )
                for stage in self.students
                if stage.hash not in known
            ),
        )

    def _teachers(self, seed: int) -> tuple[str, ...]:
        return tuple(stage.hash for stage in self.members(seed))

    def _train(self, learning_rate: float) -> TrainSpec:
        return self.base.distilled_train.model_copy(update={"learning_rate": learning_rate})

    def _starts(self, seed: int) -> str | None:
        return self._stage(self.cells[0], seed, "distilled").start_from

    def _stage(self, cell: Cell, seed: int, role: Role) -> StageSpec:
        stages = plan_experiment(self.experiment(cell, (seed,)))
        return next(stage.spec for stage in stages if stage.role == role)


def check_objective(spec: ObjectiveSpec) -> Objective:
    """The objective, if it has a T and a lambda to sweep over.

    Raises:
        NotFoundError: there is no such objective.
        UserError: T or lambda takes no part in it, or it has stages before the student's.
    """
    objective = get_objective(spec.name)
    if _sweepable(objective):
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
    """Names of the objectives that have a T and a lambda to sweep over."""
    return tuple(name for name in objective_names() if _sweepable(get_objective(name)))


def _part(stage: StageSpec, sweep: SweepSpec) -> Role:
    if stage.hash in {sweep.teacher(seed).hash for seed in sweep.seeds}:
        return "teacher"
    members = {key for seed in sweep.seeds for key in sweep._teachers(seed)}
    return "member" if stage.hash in members else "baseline"


def _sweepable(objective: Objective) -> bool:
    return objective.uses_temperature and objective.uses_lambda and objective.is_single_stage


def _once(stages: Iterable[StageSpec]) -> tuple[StageSpec, ...]:
    seen: dict[Hashable, StageSpec] = {}
    for stage in stages:
        seen.setdefault(stage.hash, stage)
    return tuple(seen.values())
