"""A recipe's figures over seeds, wherever they come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tsexplorer import demo
from tsexplorer.analysis.gain import Interval, interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.recipes import Recipe
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
        validation: accuracy by role on the validation split, by which choices are made.
    """

    seed: int
    accuracy: Mapping[Role, float]
    moved: Mapping[str, Moved] = field(default_factory=dict)
    validation: Mapping[Role, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """An experiment's test figures, and what is needed to judge them.

    Attributes:
        spec: what was trained.
        seeds: figures of each seed that is done.
        machine: what trained them, in words.
        date: of the last of them, as year-month-day, UTC.
        seconds: that training took, each net counted once.
        rivals: what each rival of a contest came to, in the recipe's order; those that were not
            trained are left out.
    """

    spec: ExperimentSpec
    seeds: tuple[SeedFigures, ...]
    machine: str
    date: str
    seconds: float = 0.0
    rivals: tuple[Measured, ...] = ()

    @property
    def total_seconds(self) -> float:
        """What training took with all rivals."""
        return self.seconds + sum(one.seconds for one in self.rivals)

    @property
    def last_date(self) -> str:
        """When the last of all was trained, rivals included."""
        return max([self.date, *(one.date for one in self.rivals)])

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

    The demos, which nobody trained here, are not among them.
    """
    found = [one for one in experiments if not demo.is_demo(one) and same_settings(one.spec, spec)]
    return max((one for one in found if done_seeds(one)), key=_many, default=None)


def done_seeds(experiment: ExperimentSnapshot) -> tuple[int, ...]:
    """The seeds of which all nets are trained."""
    left = {link.seed for link in experiment.stages if link.stage.status != "done"}
    return tuple(seed for seed in experiment.spec.seeds if seed not in left)


def measured_recipe(experiments: Iterable[ExperimentSnapshot], recipe: Recipe) -> Measured | None:
    """What a store has of a recipe and its rivals; None where its own experiment is not there.

    Nets that several of them share count once in what training took.
    """
    experiments = tuple(experiments)
    experiment = experiment_of(experiments, recipe.spec)
    if experiment is None:
        return None
    known = {link.stage.hash for link in experiment.stages}
    rivals = []
    for one in recipe.rivals:
        found = experiment_of(experiments, one.spec)
        if found is not None:
            rivals.append(_named(measured(found, known), one.spec.name))
            known |= {link.stage.hash for link in found.stages}
    own = _named(measured(experiment), recipe.spec.name)
    return replace(own, rivals=tuple(rivals))


def _named(found: Measured, name: str) -> Measured:
    """As the recipe calls it, not as the store had to."""
    return replace(found, spec=found.spec.model_copy(update={"name": name}))


def measured(experiment: ExperimentSnapshot, counted: Collection[str] = ()) -> Measured:
    """An experiment's figures over the seeds that are done; without those of moved biases.

    Args:
        experiment: of a store.
        counted: hashes of stages whose time is counted elsewhere.
    """
    seeds = done_seeds(experiment)
    stages = [link.stage for link in experiment.stages if link.seed in seeds]
    ended = [stage.finished_at for stage in stages if stage.finished_at is not None]
    own = [stage for stage in stages if stage.hash not in counted]
    took = {stage.hash: stage.train_seconds or 0.0 for stage in own}
    return Measured(
        spec=experiment.spec.model_copy(update={"seeds": seeds}),
        seeds=tuple(_figures(experiment, seed) for seed in seeds),
        machine=_in_words(stage.machine for stage in stages),
        date=max(ended).date().isoformat() if ended else "",
        seconds=round(sum(took.values()), 1),
    )


def _many(experiment: ExperimentSnapshot) -> int:
    return len(done_seeds(experiment))


def _figures(experiment: ExperimentSnapshot, seed: int) -> SeedFigures:
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    return SeedFigures(
        seed,
        accuracy=_known({role: one.test_accuracy for role, one in stages.items()}),
        validation=_known({role: one.validation_accuracy for role, one in stages.items()}),
    )


def _known(values: Mapping[Role, float | None]) -> dict[Role, float]:
    return {role: value for role, value in values.items() if value is not None}


def _in_words(machines: Iterable[str | None]) -> str:
    return " and ".join(dict.fromkeys(words for words in machines if words)) or "–"
