"""The results of recipes over several seeds: out of the store, into a file, and out of a file.

A file ``assets/results/NAME.json`` holds the full spec of the recipe's experiment, the accuracies
of each seed, machine and date, and the command that trains the recipe again. A recipe that
compares several experiments has the same of each rival.
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
class ShiftedBiasScores:
    """Test scores of a student after its output biases for excluded classes were increased.

    Attributes:
        bias: increase of these biases.
        errors: share of the test images that are classified wrongly.
        never_seen_right: share of the test images of the excluded classes that are classified
            correctly.
    """

    bias: float
    errors: float
    never_seen_right: float


@dataclass(frozen=True)
class SeedResult:
    """The accuracies of one seed of an experiment, as shares of 1.

    Attributes:
        seed: the random seed.
        accuracy: test accuracy, by role.
        shifted_bias: scores with shifted biases, by the rule that chose the bias; empty if the
            student was trained on all classes.
        validation: validation accuracy, by role.
    """

    seed: int
    accuracy: Mapping[Role, float]
    shifted_bias: Mapping[str, ShiftedBiasScores] = field(default_factory=dict)
    validation: Mapping[Role, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RecipeResults:
    """The results of one experiment over its seeds, with their origin.

    Attributes:
        spec: the experiment, with the seeds that are trained.
        seeds: the results of each seed.
        machine: the machine that trained the nets.
        date: the day on which the last net was finished, as year-month-day, UTC.
        seconds: training time; nets that an earlier experiment of the recipe uses, too, are not
            counted again.
        rivals: the results of the rivals, in the recipe's order, without those not trained.
    """

    spec: ExperimentSpec
    seeds: tuple[SeedResult, ...]
    machine: str
    date: str
    seconds: float = 0.0
    rivals: tuple[RecipeResults, ...] = ()

    @property
    def total_seconds(self) -> float:
        """Training time of this experiment and its rivals."""
        return self.seconds + sum(rival.seconds for rival in self.rivals)

    @property
    def last_date(self) -> str:
        """The day on which the last net was finished, rivals included."""
        return max([self.date, *(rival.date for rival in self.rivals)])

    def accuracy(self, role: Role) -> Interval | None:
        """Mean test accuracy over the seeds, with its interval."""
        return interval([seed.accuracy[role] for seed in self.seeds if role in seed.accuracy])

    def errors(self, role: Role) -> Interval | None:
        """Mean number of wrongly classified test images over the seeds, with its interval."""
        images = get_dataset(self.spec.data.name).info.test
        counts = [
            float(round((1 - seed.accuracy[role]) * images))
            for seed in self.seeds
            if role in seed.accuracy
        ]
        return interval(counts)

    def shifted_bias(self, rule: str, score: str) -> Interval | None:
        """Mean of a field of :class:`ShiftedBiasScores` under a rule, with its interval."""
        return interval(
            [
                getattr(seed.shifted_bias[rule], score)
                for seed in self.seeds
                if rule in seed.shifted_bias
            ]
        )


def same_settings(first: ExperimentSpec, second: ExperimentSpec) -> bool:
    """Whether two experiments differ at most in name and seeds."""
    return first.model_copy(update={"name": second.name, "seeds": second.seeds}) == second


def join_machines(machines: Iterable[str | None]) -> str:
    """Return the names of machines, each once; empty if there are none.

    >>> join_machines(["a CPU", None, "a GPU", "a CPU"])
    'a CPU and a GPU'
    """
    return " and ".join(dict.fromkeys(machine for machine in machines if machine))


# -- out of the store ---------------------------------------------------------------------------


def find_experiment(
    experiments: Iterable[ExperimentSnapshot], spec: ExperimentSpec
) -> ExperimentSnapshot | None:
    """Return the experiment with these settings that has most seeds done.

    Returns:
        the experiment; None if no seed is done. The demo experiments do not count, because they
        were not trained in this store.
    """
    candidates = [
        experiment
        for experiment in experiments
        if not demo.is_demo(experiment) and same_settings(experiment.spec, spec)
    ]
    return max(
        (experiment for experiment in candidates if done_seeds(experiment)),
        key=lambda experiment: len(done_seeds(experiment)),
        default=None,
    )


def done_seeds(experiment: ExperimentSnapshot) -> tuple[int, ...]:
    """The seeds of which all nets are trained."""
    unfinished = {link.seed for link in experiment.stages if link.stage.status != "done"}
    return tuple(seed for seed in experiment.spec.seeds if seed not in unfinished)


def collect_recipe_results(
    experiments: Iterable[ExperimentSnapshot], recipe: Recipe
) -> RecipeResults | None:
    """Return the results of a recipe and its rivals; None if its own experiment is not trained.

    A net that several of them use counts once in the training time.
    """
    experiments = tuple(experiments)
    experiment = find_experiment(experiments, recipe.spec)
    if experiment is None:
        return None
    counted = {link.stage.hash for link in experiment.stages}
    rivals = []
    for rival in recipe.rivals:
        rival_experiment = find_experiment(experiments, rival.spec)
        if rival_experiment is not None:
            rivals.append(_rename(collect_results(rival_experiment, counted), rival.spec.name))
            counted |= {link.stage.hash for link in rival_experiment.stages}
    own = _rename(collect_results(experiment), recipe.spec.name)
    return replace(own, rivals=tuple(rivals))


def _rename(results: RecipeResults, name: str) -> RecipeResults:
    """The results under the recipe's name; the store may have given the experiment another one."""
    return replace(results, spec=results.spec.model_copy(update={"name": name}))


def collect_results(experiment: ExperimentSnapshot, counted: Collection[str] = ()) -> RecipeResults:
    """Return the results of an experiment over the seeds that are done, without shifted biases.

    Args:
        experiment: an experiment of a store.
        counted: hashes of stages whose training time is counted elsewhere.
    """
    seeds = done_seeds(experiment)
    stages = [link.stage for link in experiment.stages if link.seed in seeds]
    finished = [stage.finished_at for stage in stages if stage.finished_at is not None]
    seconds = {
        stage.hash: stage.train_seconds or 0.0 for stage in stages if stage.hash not in counted
    }
    return RecipeResults(
        spec=experiment.spec.model_copy(update={"seeds": seeds}),
        seeds=tuple(_seed_result(experiment, seed) for seed in seeds),
        machine=join_machines(stage.machine for stage in stages) or "–",
        date=max(finished).date().isoformat() if finished else "",
        seconds=round(sum(seconds.values()), 1),
    )


def _seed_result(experiment: ExperimentSnapshot, seed: int) -> SeedResult:
    stages = {role: experiment.stage(seed, role) for role in ROLES}
    tests = {role: stage.test_accuracy for role, stage in stages.items()}
    validations = {role: stage.validation_accuracy for role, stage in stages.items()}
    return SeedResult(seed, accuracy=_without_none(tests), validation=_without_none(validations))


def _without_none(values: Mapping[Role, float | None]) -> dict[Role, float]:
    return {role: value for role, value in values.items() if value is not None}


# -- into a file --------------------------------------------------------------------------------


def write_results(service: Service, name: str, folder: Path = RESULTS) -> Path:
    """Write the results of a trained recipe to a file and return its path.

    Args:
        service: the service of the store in which the recipe was trained.
        name: name of the recipe.
        folder: folder of the file. In the folder of the ready-made results, a file has all seeds
            and all rivals of the recipe.

    Raises:
        NotFoundError: no recipe has this name.
        UserError: the recipe is not trained here, or on too few seeds.
    """
    recipe = get_recipe(name)
    experiments = service.experiments()
    experiment = find_experiment(experiments, recipe.spec)
    results = collect_recipe_results(experiments, recipe)
    if experiment is None or results is None:
        raise UserError(
            f"The recipe {name} is not trained here. To train it: {run_command(name, recipe.seeds)}"
        )
    if folder == RESULTS:
        _check_complete(recipe, results)
    if recipe.spec.left_out:
        results = replace(results, seeds=_add_shifted_biases(service, experiment, results.seeds))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    write_json(file, _to_json(name, results))
    return file


def run_command(name: str, seeds: int) -> str:
    """The shell command that trains a recipe.

    >>> run_command("quick", 1), run_command("quick", 3)
    ('python -m tsexplorer run quick', 'python -m tsexplorer run quick --seeds 3')
    """
    return f"python -m tsexplorer run {name}" + (f" --seeds {seeds}" if seeds > 1 else "")


def _check_complete(recipe: Recipe, results: RecipeResults) -> None:
    """Raise a UserError if a seed or a rival is missing."""
    fewest = min(len(experiment.seeds) for experiment in (results, *results.rivals))
    if fewest < recipe.seeds or len(results.rivals) < len(recipe.rivals):
        raise UserError(
            f"The recipe {recipe.name} needs {recipe.seeds} seeds of all its experiments before "
            "its results are written. To train the others: "
            f"{run_command(recipe.name, recipe.seeds)}"
        )


def _add_shifted_biases(
    service: Service, experiment: ExperimentSnapshot, seeds: Sequence[SeedResult]
) -> tuple[SeedResult, ...]:
    """Add the scores with shifted biases to each seed.

    Raises:
        UserError: a student's weights or the images are not here.
    """
    return tuple(
        replace(seed, shifted_bias=_shifted_bias_scores(service, experiment, seed.seed))
        for seed in seeds
    )


def _shifted_bias_scores(
    service: Service, experiment: ExperimentSnapshot, seed: int
) -> dict[str, ShiftedBiasScores]:
    study = service.inference.bias_study(experiment.stage(seed, "distilled"))
    scores = {rule: study.evaluate(bias) for rule, bias in study.biases.items()}
    return {
        rule: ShiftedBiasScores(
            round(score.bias, 4), score.errors / score.size, score.raised_recall
        )
        for rule, score in scores.items()
    }


def _to_json(name: str, results: RecipeResults) -> dict[str, Any]:
    return {
        "command": run_command(name, len(results.seeds)),
        "version": __version__,
        **_experiment_to_json(results),
        "rivals": [_experiment_to_json(rival) for rival in results.rivals],
    }


def _experiment_to_json(results: RecipeResults) -> dict[str, Any]:
    return {
        "machine": results.machine,
        "date": results.date,
        "seconds": results.seconds,
        "spec": results.spec.model_dump(mode="json", by_alias=True),
        "seeds": [_seed_to_json(seed) for seed in results.seeds],
    }


def _seed_to_json(result: SeedResult) -> dict[str, Any]:
    return {
        "seed": result.seed,
        "accuracy": dict(result.accuracy),
        "moved": {rule: asdict(scores) for rule, scores in result.shifted_bias.items()},
        "validation": dict(result.validation),
    }


# -- out of a file ------------------------------------------------------------------------------


def load_results(recipe: Recipe, folder: Path = RESULTS) -> RecipeResults | None:
    """Read the results of a recipe; None without a file, or if it is of other settings."""
    results = _read(folder / f"{recipe.name}.json")
    return results if results is not None and _match(results, recipe) else None


def _match(results: RecipeResults, recipe: Recipe) -> bool:
    """Whether the results are of the recipe's experiments, all of them."""
    trained = [results.spec, *(rival.spec for rival in results.rivals)]
    specs = [entry.spec for entry in recipe.entries]
    return len(trained) == len(specs) and all(map(same_settings, trained, specs))


@cache
def _read(file: Path) -> RecipeResults | None:
    if not file.is_file():
        return None
    content = read_json(file)
    rivals = tuple(map(_experiment_from_json, content["rivals"]))
    return replace(_experiment_from_json(content), rivals=rivals)


def _experiment_from_json(content: Mapping[str, Any]) -> RecipeResults:
    return RecipeResults(
        spec=ExperimentSpec.model_validate(content["spec"]),
        seeds=tuple(map(_seed_from_json, content["seeds"])),
        machine=content["machine"],
        date=content["date"],
        seconds=content["seconds"],
    )


def _seed_from_json(content: Mapping[str, Any]) -> SeedResult:
    scores = {rule: ShiftedBiasScores(**scores) for rule, scores in content["moved"].items()}
    return SeedResult(content["seed"], content["accuracy"], scores, content["validation"])
