"""What a tuning is asked for, and the stages that its settings come to.

A *setting* is a :class:`~tsexplorer.studies.sweep.spec.Cell`: T, lambda and learning rate. A
*trial* is a setting that the search tries, on the search's seeds. The best settings are then
*repeated* on other seeds, which did not select them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tsexplorer.objectives.base import format_number
from tsexplorer.planning import PlannedStage
from tsexplorer.specs import ExperimentSpec, Spec, StageSpec
from tsexplorer.studies.sweep.spec import Base, Cell, Lambda, Rate, SweepSpec, Temperature

ParameterName = Literal["temperature", "lambda", "learning_rate"]
Ends = tuple[float, float]
AROUND = 10.0
"""How many times less and more than the base's learning rate is searched where nobody says."""
LAMBDA_DIGITS, DIGITS = 3, 3
"""Of lambda behind the point, and of T and rate in all: more could not be told apart."""


class TuneSpec(Spec):
    """A search over T, lambda and learning rate; a range of one value is fixed.

    Of ``base`` count the data, both nets, the objective's name and options and how stages train.
    Seeds count from 0: first those of the search, then those of the repeats. All students learn
    from the teacher of seed 0.
    """

    base: Base = ExperimentSpec()
    temperatures: tuple[Temperature, Temperature] = Field(
        default=(0.5, 32.0), description="Lowest and highest T; searched by its logarithm."
    )
    lambdas: tuple[Lambda, Lambda] = Field(
        default=(0.0, 1.0), description="Lowest and highest weight of the labels."
    )
    learning_rates: tuple[Rate, Rate] | None = Field(
        default=None,
        description="Lowest and highest peak rate, searched by its logarithm; a tenth to ten times "
        "the base's if none are given.",
    )
    trials: int = Field(default=32, ge=2, le=1000, description="Settings that are tried.")
    per_round: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Settings asked for at once, and trained together where the net allows it. "
        "Fewer are searched better, more are trained faster.",
    )
    search_seeds: int = Field(default=1, ge=1, le=10, description="Seeds of each trial.")
    repeats: int = Field(default=4, ge=1, le=50, description="Best settings that are repeated.")
    seeds: int = Field(
        default=3, ge=1, le=50, description="Further seeds on which they are repeated."
    )
    baselines: int = Field(
        default=4,
        ge=1,
        le=50,
        description="Learning rates, evenly over the range, at which the baseline is tried.",
    )
    prune: bool = Field(
        default=True, description="Give up trials that are behind most others on their way."
    )
    sampler_seed: int = Field(default=0, ge=0, lt=2**31, description="Of the search's own chance.")

    @field_validator("temperatures", "lambdas", "learning_rates")
    @classmethod
    def _ordered(cls, ends: Ends | None) -> Ends | None:
        if ends is not None and ends[0] > ends[1]:
            raise ValueError(
                f"the lower end {format_number(ends[0])} lies above the upper end "
                f"{format_number(ends[1])}"
            )
        return ends

    @model_validator(mode="after")
    def _something_to_search(self) -> Self:
        if not self.open:
            raise ValueError(
                "leave one of T, lambda and learning rate open, else there is nothing to search"
            )
        return self

    @property
    def rates(self) -> Ends:
        """The learning rates in force."""
        rate = self.base.distilled_train.learning_rate
        return self.learning_rates or (_short(rate / AROUND), _short(min(rate * AROUND, 1000.0)))

    @property
    def ranges(self) -> dict[ParameterName, Ends]:
        """Both ends of each parameter."""
        return {
            "temperature": self.temperatures,
            "lambda": self.lambdas,
            "learning_rate": self.rates,
        }

    @property
    def open(self) -> dict[ParameterName, Ends]:
        """Those that are searched: the rest is fixed."""
        return {name: ends for name, ends in self.ranges.items() if ends[0] < ends[1]}

    @property
    def rounds(self) -> int:
        """How often settings are asked for."""
        return -(-self.trials // self.per_round)

    def round_size(self, number: int) -> int:
        """Trials of a round, which counts from 0."""
        return max(0, min(self.per_round, self.trials - number * self.per_round))

    @property
    def seeds_searched(self) -> tuple[int, ...]:
        """The seeds that trials are tried on."""
        return tuple(range(self.search_seeds))

    @property
    def seeds_repeated(self) -> tuple[int, ...]:
        """The seeds that the best are repeated on."""
        return tuple(range(self.search_seeds, self.search_seeds + self.seeds))

    @property
    def most_students(self) -> int:
        """Trainings, if no two trials are the same one."""
        searched = (self.trials + len(self.baseline_rates)) * self.search_seeds
        return searched + (min(self.repeats, self.trials) + 1) * self.seeds

    @property
    def looks(self) -> tuple[int, ...]:
        """Epochs after which a trial may be given up: a third and two thirds of the way."""
        epochs = self.base.distilled_train.epochs
        at = {math.ceil(epochs * part / 3) for part in (1, 2)}
        return tuple(sorted(at - {epochs})) if self.prune else ()

    @property
    def baseline_rates(self) -> tuple[float, ...]:
        """Where the baseline is tried: at equal distances of the logarithm, both ends among them.

        >>> TuneSpec(learning_rates=(0.001, 0.1), baselines=3).baseline_rates
        (0.001, 0.01, 0.1)
        """
        low, high = self.rates
        if self.baselines == 1:
            return (_short(math.sqrt(low * high)),)
        steps = [place / (self.baselines - 1) for place in range(self.baselines)]
        return tuple(dict.fromkeys(_short(low * (high / low) ** step) for step in steps))

    def setting(self, values: dict[str, float]) -> Cell:
        """The setting of what the search suggests, with digits that a person can read.

        Args:
            values: of the parameters that are searched.
        """
        known = {name: values.get(name, ends[0]) for name, ends in self.ranges.items()}
        return Cell(
            _within(_short(known["temperature"]), self.temperatures),
            _within(round(known["lambda"], LAMBDA_DIGITS), self.lambdas),
            _within(_short(known["learning_rate"]), self.rates),
        )

    # -- stages ---------------------------------------------------------------------------------

    @cached_property
    def sweep(self) -> SweepSpec:
        """A sweep of the same students: its teacher and seeds count here, its grid does not."""
        return SweepSpec(
            base=self.base,
            temperatures=self.temperatures[:1],
            lambdas=self.lambdas[:1],
            learning_rates=self.rates[:1],
            seeds=(*self.seeds_searched, *self.seeds_repeated),
        )

    @property
    def before(self) -> tuple[PlannedStage, ...]:
        """Nets that must be trained before any student."""
        return self.sweep.planned_before

    def students(self, setting: Cell, seeds: Iterable[int]) -> tuple[StageSpec, ...]:
        """The stages of a setting, one a seed."""
        return tuple(self.sweep.student(setting, seed) for seed in seeds)

    def baseline_students(self, seeds: Iterable[int], *rates: float) -> tuple[StageSpec, ...]:
        """The baselines of some seeds, at some rates; at all that are tried if none are given."""
        asked = rates or self.baseline_rates
        return tuple(self.sweep.baseline(rate, seed) for rate in asked for seed in seeds)

    def planned(self, students: Iterable[StageSpec]) -> tuple[PlannedStage, ...]:
        """Students with their parts: a baseline learns from labels alone."""
        return tuple(
            PlannedStage(one.seed, "baseline" if self.is_baseline(one) else "distilled", one)
            for one in students
        )

    def is_baseline(self, student: StageSpec) -> bool:
        """Whether a student learns from labels alone."""
        return not student.teachers or (self.sweep.baseline_in_grid and student.objective.lam == 1)

    def experiment(self, setting: Cell) -> ExperimentSpec:
        """A setting as an experiment of its own, on the seed whose teacher taught the students."""
        own = self.sweep.model_copy(update={"learning_rates": (setting.learning_rate,)})
        found = own.experiment(setting, self.seeds_searched[:1])
        if "learning_rate" not in self.open:
            return found
        name = f"{found.name}, rate {format_number(setting.learning_rate)}"
        return found.model_copy(update={"name": name[:80]})


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _within(value: float, ends: Ends) -> float:
    """Rounding must not lead out of a range."""
    return min(max(value, ends[0]), ends[1])
