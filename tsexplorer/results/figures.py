"""A recipe's figures over seeds, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tsexplorer import demo
from tsexplorer.analysis.gain import Interval, interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.specs import ROLES, ExperimentSpec, Role
from tsexplorer.store import ExperimentSnapshot


@dataclass(frozen=True)
class Moved:
    """A student's test figures once the biases of classes that it never saw were moved.

    Attributes:
        bias: by how much they were raised.
        errors: share of the test images answered wrongly.
        never_seen_right: share of those classes' images answered rightly.
    """

    bias: float
    errors: float
    never_seen_right: float


@dataclass(frozen=True)
class SeedFigures:
    """One seed of an experiment, on the test split.

    Attributes:
        seed: which.
        accuracy: by role, shares of 1.
        moved: by the rule that chose the bias; empty where all classes were seen.
    """

    seed: int
    accuracy: Mapping[Role, float]
    moved: Mapping[str, Moved] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """An experiment's test figures, and what is needed to judge them.

    Attributes:
        spec: what was trained.
        seeds: figures of each seed that is done.
        machine: what trained them, in words.
        date: of the last of them, as year-month-day, UTC.
    """

    spec: ExperimentSpec
    seeds: tuple[SeedFigures, ...]
    machine: str
    date: str

    def accuracy(self, role: Role) -> Interval | None:
        """Mean test accuracy over the seeds, with its interval."""
        return interval([one.accuracy[role] for one in self.seeds if role in one.accuracy])

    def errors(self, role: Role) -> Interval | None:
        """Mean count of test images answered wrongly, with its interval."""
        images = get_dataset(self.spec.data.name).info.test
        counts = [
            float(round((1 - one.accuracy[role]) * images))
            for one in self.seeds
            if role in one.accuracy
        ]
        return interval(counts)

    def moved(self, rule: str, what: str) -> Interval | None:
        """Mean of a figure of :class:`Moved` under a rule, with its interval."""
        return interval([getattr(one.moved[rule], what) for one in self.seeds if rule in one.moved])


def same_settings(one: ExperimentSpec, other: ExperimentSpec) -> bool:
    """Whether two experiments differ in name and seeds alone."""
    return one.model_copy(update={"name": other.name, "seeds": other.seeds}) == other


def experiment_of(
    experiments: Iterable[ExperimentSnapshot], spec: ExperimentSpec
) -> ExperimentSnapshot | None:
    """The experiment with these settings of which most seeds are done; None without any done.

    The demo, which nobody trained here, is not among them.
    """
    found = [one for one in experiments if one.name != demo.NAME and same_settings(one.spec, spec)]
    return max((one for one in found if done_seeds(one)), key=_many, default=None)


def done_seeds(experiment: ExperimentSnapshot) -> tuple[int, ...]:
    """The seeds of which all nets are trained."""
    left = {link.seed for link in experiment.stages if link.stage.status != "done"}
    return tuple(seed for seed in experiment.spec.seeds if seed not in left)


def measured(experiment: ExperimentSnapshot) -> Measured:
    """An experiment's figures over the seeds that are done; without those of moved biases."""
    seeds = done_seeds(experiment)
    stages = [link.stage for link in experiment.stages if link.seed in seeds]
    ended = [stage.finished_at for stage in stages if stage.finished_at is not None]
    return Measured(
        spec=experiment.spec.model_copy(update={"seeds": seeds}),
        seeds=tuple(SeedFigures(seed, _accuracies(experiment, seed)) for seed in seeds),
        machine=_in_words(stage.machine for stage in stages),
        date=max(ended).date().isoformat() if ended else "",
    )


def _many(experiment: ExperimentSnapshot) -> int:
    return len(done_seeds(experiment))


def _accuracies(experiment: ExperimentSnapshot, seed: int) -> dict[Role, float]:
    found = {role: experiment.stage(seed, role).test_accuracy for role in ROLES}
    return {role: value for role, value in found.items() if value is not None}


def _in_words(machines: Iterable[str | None]) -> str:
    return " and ".join(dict.fromkeys(words for words in machines if words)) or "–"
