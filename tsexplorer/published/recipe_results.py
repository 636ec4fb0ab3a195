"""A recipe's figures over seeds, wherever they come from.

Results that ship: out of a store into a file, and back.

What recipes come to: figures that ship, figures measured here, and what a run will cost.

A shipped result is one file in ``assets/results``, named after its recipe. It has the experiment's
whole spec, each seed's figures, machine and date, and the command that gives them again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__
from tsexplorer.analysis.seed_statistics import Interval, interval
from tsexplorer.assets import RESULTS, read_json, write_json
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.services import demo
from tsexplorer.services.service import Service
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


def ship(service: Service, name: str, folder: Path = RESULTS) -> Path:
    """Write what a store has of a recipe; returns the file.

    Args:
        service: of the store.
        name: of the recipe.
        folder: where the file goes; what ships has all the recipe's seeds.

    Raises:
        NotFoundError: there is no such recipe.
        UserError: it is not trained here, or on too few seeds to ship.
    """
    recipe = get_recipe(name)
    experiments = service.experiments()
    experiment = experiment_of(experiments, recipe.spec)
    found = measured_recipe(experiments, recipe)
    if experiment is None or found is None:
        raise UserError(f"{name} is not trained here; do so: {command(name, recipe.seeds)}")
    if folder == RESULTS:
        _check_enough(recipe, found)
    if recipe.spec.left_out:
        found = replace(found, seeds=_with_moved(service, experiment, found.seeds))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    write_json(file, _content(name, found))
    return file


def _check_enough(recipe: Recipe, found: Measured) -> None:
    """Refuse too few seeds, or a contest in which some did not take part."""
    few = min(len(one.seeds) for one in (found, *found.rivals)) < recipe.seeds
    if few or len(found.rivals) < len(recipe.rivals):
        raise UserError(
            f"{recipe.name} is trained on fewer than {recipe.seeds} seeds, or not in all its "
            f"parts, so it does not ship; train more: {command(recipe.name, recipe.seeds)}"
        )


def shipped(recipe: Recipe, folder: Path = RESULTS) -> Measured | None:
    """A recipe's figures that ship; None where there are none, or they are of other settings."""
    found = _read(folder / f"{recipe.name}.json")
    return found if found is not None and _is_of(found, recipe) else None


def _is_of(found: Measured, recipe: Recipe) -> bool:
    """Whether all its parts have the recipe's settings."""
    own = [found.spec, *(one.spec for one in found.rivals)]
    asked = [one.spec for one in recipe.entries]
    return len(own) == len(asked) and all(map(same_settings, own, asked))


def command(name: str, seeds: int) -> str:
    """What trains a recipe from a shell.

    >>> command("quick", 1), command("quick", 3)
    ('python -m tsexplorer run quick', 'python -m tsexplorer run quick --seeds 3')
    """
    return f"python -m tsexplorer run {name}" + (f" --seeds {seeds}" if seeds > 1 else "")


def _with_moved(
    service: Service, experiment: ExperimentSnapshot, seeds: Sequence[SeedFigures]
) -> tuple[SeedFigures, ...]:
    """With figures of moved biases.

    Raises:
        UserError: a student's weights or the images are not here.
    """
    return tuple(replace(one, moved=_moved(service, experiment, one.seed)) for one in seeds)


def _moved(service: Service, experiment: ExperimentSnapshot, seed: int) -> dict[str, Moved]:
    study = service.reading.bias_study(experiment.stage(seed, "distilled"))
    found = {rule: study.at(bias) for rule, bias in study.biases.items()}
    return {
        rule: Moved(round(one.bias, 4), one.errors / one.size, one.raised_right)
        for rule, one in found.items()
    }


def _content(name: str, found: Measured) -> dict[str, Any]:
    return {
        "command": command(name, len(found.seeds)),
        "version": __version__,
        **_one(found),
        "rivals": [_one(rival) for rival in found.rivals],
    }


def _one(found: Measured) -> dict[str, Any]:
    return {
        "machine": found.machine,
        "date": found.date,
        "seconds": found.seconds,
        "spec": found.spec.model_dump(mode="json", by_alias=True),
        "seeds": [asdict(one) for one in found.seeds],
    }


@cache
def _read(file: Path) -> Measured | None:
    if not file.is_file():
        return None
    content = read_json(file)
    return replace(_measured(content), rivals=tuple(map(_measured, content["rivals"])))


def _measured(content: Mapping[str, Any]) -> Measured:
    return Measured(
        spec=ExperimentSpec.model_validate(content["spec"]),
        seeds=tuple(_seed(one) for one in content["seeds"]),
        machine=content["machine"],
        date=content["date"],
        seconds=content["seconds"],
    )


def _seed(one: dict[str, Any]) -> SeedFigures:
    moved = {rule: Moved(**figures) for rule, figures in one["moved"].items()}
    return SeedFigures(one["seed"], one["accuracy"], moved, one["validation"])
