"""The spec of a sweep: a grid of T, λ and learning rates, each cell under the same seeds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tsexplorer.objectives.base import format_number
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import ExperimentSpec, Spec, StageSpec
from tsexplorer.studies.student_stages import (
    Base,
    Cell,
    Lambda,
    Rate,
    Seed,
    StudentStages,
    Temperature,
    distinct,
)

MAX_VALUES = 100
"""Values along one axis of the grid."""


class SweepSpec(Spec):
    """A grid of T, λ and learning rates, each cell under the same seeds.

    ``base`` gives the data, both nets, the objective's name and options, and the schedules. The
    grid replaces its T, λ and seeds, and its rate if ``learning_rates`` are given.
    """

    base: Base = ExperimentSpec()
    temperatures: tuple[Temperature, ...] = Field(
        default=(1.0, 2.0, 4.0, 8.0, 16.0),
        max_length=MAX_VALUES,
        description="T of the columns.",
    )
    lambdas: tuple[Lambda, ...] = Field(
        default=(0.0, 0.25, 0.5, 0.75, 1.0),
        max_length=MAX_VALUES,
        description="λ of the rows.",
    )
    learning_rates: tuple[Rate, ...] = Field(
        default=(),
        max_length=MAX_VALUES,
        description="Peak learning rates; empty: the rate of the base.",
    )
    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2), max_length=MAX_VALUES)
    teachers: Literal["shared", "one a seed"] = Field(
        default="shared",
        description="shared: all students learn from the teacher of the first seed, so that only "
        "the students' seeds differ. one a seed: each seed has its own teacher, as in an "
        "experiment.",
    )

    @field_validator("temperatures", "lambdas", "seeds")
    @classmethod
    def _not_empty(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not values:
            raise ValueError("give at least one value, else the grid is empty")
        return values

    @field_validator("temperatures", "lambdas", "learning_rates", "seeds")
    @classmethod
    def _all_different(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for index, value in enumerate(values):
            if value in values[:index]:
                raise ValueError(f"{format_number(value)} stands there twice; leave one out")
        return values

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates in force."""
        return self.learning_rates or (self.base.distilled_train.learning_rate,)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All settings: by learning rate, then λ, then T."""
        return tuple(
            Cell(temperature, lam, rate)
            for rate in self.rates
            for lam in self.lambdas
            for temperature in self.temperatures
        )

    @property
    def stages(self) -> StudentStages:
        """The stages of all students, computed once per spec object."""
        return self.derived(
            "stages",
            lambda: StudentStages(self.base, self.seeds, shared=self.teachers == "shared"),
        )

    @property
    def baseline_in_grid(self) -> bool:
        """Whether λ = 1 is the baseline itself."""
        return self.stages.baseline_in_grid

    @property
    def prerequisites(self) -> tuple[StageSpec, ...]:
        """Stages that must be trained before any student."""
        return tuple(stage.spec for stage in self.stages.prerequisites)

    @property
    def students(self) -> tuple[StageSpec, ...]:
        """All trainings of the sweep with the baselines, each once: seed by seed."""
        return self.derived("students", self._students)

    @property
    def planned(self) -> tuple[PlannedStage, ...]:
        """All nets, each once and after those that it learns from."""
        return (*self.stages.prerequisites, *self.stages.planned(self.students))

    def experiment(self, cell: Cell, seeds: tuple[int, ...] | None = None) -> ExperimentSpec:
        """A cell as an experiment of its own.

        An experiment has one teacher per seed: where the sweep shares one, only the distilled
        stage of the first seed is the sweep's.

        Args:
            cell: the setting.
            seeds: those of the sweep if None.
        """
        return self.stages.experiment(cell, seeds or self.seeds, rate_in_name=len(self.rates) > 1)

    def student(self, cell: Cell, seed: int) -> StageSpec:
        """The stage of a cell and seed; cells that are the same training share it."""
        return self.stages.student(cell, seed)

    def baseline(self, learning_rate: float, seed: int) -> StageSpec:
        """The student that learns from labels alone, trained as the distilled students are."""
        return self.stages.baseline(learning_rate, seed)

    def teacher(self, seed: int) -> StageSpec:
        """The (first) stage that teaches the students of a seed."""
        return self.stages.teacher(seed)

    def _students(self) -> tuple[StageSpec, ...]:
        return distinct(
            stage
            for seed in self.seeds
            for stage in (
                *(self.baseline(rate, seed) for rate in self.rates),
                *(self.student(cell, seed) for cell in self.cells),
            )
        )
