"""The spec of a tuning: a search over T, λ and learning rate.

A *setting* is a :class:`~tsexplorer.studies.student_stages.Cell`: T, lambda and learning rate. A
*trial* is a setting that the search tries, on the search's seeds. The best settings are then
*repeated* on other seeds, which did not select them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tsexplorer.objectives.base import format_number
from tsexplorer.specs import ExperimentSpec, Spec, StageSpec
from tsexplorer.studies.student_stages import Base, Cell, Lambda, Rate, StudentStages, Temperature

ParameterName = Literal["temperature", "lambda", "learning_rate"]
Ends = tuple[float, float]
RATE_FACTOR = 10.0
"""The range of learning rates if none is given: the base's divided and multiplied by this."""
LAMBDA_DIGITS, DIGITS = 3, 3
"""Decimals of λ, and significant digits of T and rate: finer steps make no visible difference."""


class TuneSpec(Spec):
    """A search over T, lambda and learning rate; a range of one value is fixed.

    ``base`` gives the data, both nets, the objective's name and options, and the schedules. Seeds
    count from 0: first those of the search, then those of the repeats. All students learn from the
    teacher of seed 0.
    """

    base: Base = ExperimentSpec()
    temperatures: tuple[Temperature, Temperature] = Field(
        default=(0.5, 32.0), description="Lowest and highest T; searched on a logarithmic scale."
    )
    lambdas: tuple[Lambda, Lambda] = Field(
        default=(0.0, 1.0), description="Lowest and highest weight of the labels."
    )
    learning_rates: tuple[Rate, Rate] | None = Field(
        default=None,
        description="Lowest and highest peak learning rate, searched on a logarithmic scale; if "
        "empty, a tenth to ten times the base's.",
    )
    trials: int = Field(default=32, ge=2, le=1000, description="Settings that are tried.")
    per_round: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Settings proposed at once and trained together where the net allows it. Small "
        "rounds search better, large rounds train faster.",
    )
    search_seeds: int = Field(default=1, ge=1, le=10, description="Seeds of each trial.")
    repeats: int = Field(default=4, ge=1, le=50, description="Best settings that are repeated.")
    seeds: int = Field(default=3, ge=1, le=50, description="Further seeds for these repeats.")
    baselines: int = Field(
        default=4,
        ge=1,
        le=50,
        description="Learning rates at which the baseline is tried, evenly over the range.",
    )
    prune: bool = Field(
        default=True, description="Stop trials early that are worse than most others."
    )
    sampler_seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of the search itself.")

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
        return self.learning_rates or (
            _round_digits(rate / RATE_FACTOR),
            _round_digits(min(rate * RATE_FACTOR, 1000.0)),
        )

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
        """The parameters that are searched; the others are fixed."""
        return {name: ends for name, ends in self.ranges.items() if ends[0] < ends[1]}

    @property
    def rounds(self) -> int:
        """How many rounds of trials there are."""
        return -(-self.trials // self.per_round)

    def round_size(self, number: int) -> int:
        """Trials of a round; rounds count from 0."""
        return max(0, min(self.per_round, self.trials - number * self.per_round))

    @property
    def search_seed_values(self) -> tuple[int, ...]:
        """The seeds of each trial."""
        return tuple(range(self.search_seeds))

    @property
    def repeat_seed_values(self) -> tuple[int, ...]:
        """The seeds of the repeats, which the search does not use."""
        return tuple(range(self.search_seeds, self.search_seeds + self.seeds))

    @property
    def max_students(self) -> int:
        """The number of trainings if all trials differ."""
        searched = (self.trials + len(self.baseline_rates)) * self.search_seeds
        return searched + (min(self.repeats, self.trials) + 1) * self.seeds

    @property
    def pruning_epochs(self) -> tuple[int, ...]:
        """Epochs after which a trial may be stopped: at a third and two thirds of its training."""
        epochs = self.base.distilled_train.epochs
        at = {math.ceil(epochs * part / 3) for part in (1, 2)}
        return tuple(sorted(at - {epochs})) if self.prune else ()

    @property
    def baseline_rates(self) -> tuple[float, ...]:
        """Learning rates of the baseline, evenly spaced on a logarithmic scale with both ends.

        >>> TuneSpec(learning_rates=(0.001, 0.1), baselines=3).baseline_rates
        (0.001, 0.01, 0.1)
        """
        low, high = self.rates
        if self.baselines == 1:
            return (_round_digits(math.sqrt(low * high)),)
        steps = [place / (self.baselines - 1) for place in range(self.baselines)]
        return tuple(dict.fromkeys(_round_digits(low * (high / low) ** step) for step in steps))

    def setting(self, values: dict[str, float]) -> Cell:
        """The setting that the search proposes, rounded to readable digits.

        Args:
            values: by name, of the parameters that are searched.
        """
        known = {name: values.get(name, ends[0]) for name, ends in self.ranges.items()}
        return Cell(
            _clip(_round_digits(known["temperature"]), self.temperatures),
            _clip(round(known["lambda"], LAMBDA_DIGITS), self.lambdas),
            _clip(_round_digits(known["learning_rate"]), self.rates),
        )

    @property
    def stages(self) -> StudentStages:
        """The stages of all students; all learn from the teacher of the first seed."""
        seeds = (*self.search_seed_values, *self.repeat_seed_values)
        return self.derived("stages", lambda: StudentStages(self.base, seeds, shared=True))

    def students(self, setting: Cell, seeds: Iterable[int]) -> tuple[StageSpec, ...]:
        """The stages of a setting, one per seed."""
        return self.stages.students(setting, seeds)

    def baseline_students(self, seeds: Iterable[int], *rates: float) -> tuple[StageSpec, ...]:
        """The baselines of some seeds at some learning rates, or at all rates that are tried."""
        return tuple(
            self.stages.baseline(rate, seed)
            for rate in rates or self.baseline_rates
            for seed in seeds
        )

    def experiment(self, setting: Cell) -> ExperimentSpec:
        """A setting as an experiment, with the seed whose teacher taught the students."""
        experiment = self.stages.experiment(
            setting, self.search_seed_values[:1], rate_in_name="learning_rate" in self.open
        )
        return experiment.model_copy(update={"name": experiment.name[:80]})


def _round_digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _clip(value: float, ends: Ends) -> float:
    """Rounding must not leave the range."""
    return min(max(value, ends[0]), ends[1])
