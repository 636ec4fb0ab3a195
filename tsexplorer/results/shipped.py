"""Results that ship: out of a store into a file, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__, demo
from tsexplorer.assets import RESULTS, read_json, write_json
from tsexplorer.errors import UserError
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.results.figures import (
    Measured,
    Moved,
    SeedFigures,
    experiment_of,
    measured,
    same_settings,
)
from tsexplorer.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import ExperimentSnapshot

FEWEST_SEEDS = 3


def ship(service: Service, name: str, folder: Path = RESULTS) -> Path:
    """Write what a store has of a recipe; returns the file.

    Args:
        service: of the store.
        name: of the recipe.
        folder: where the file goes; what ships has three seeds at least.

    Raises:
        NotFoundError: there is no such recipe.
        UserError: it is not trained here, or on too few seeds to ship.
    """
    recipe = get_recipe(name)
    experiment = experiment_of(service.experiments(), recipe.spec)
    if experiment is None:
        raise UserError(f"{name} is not trained here; do so: {command(name, FEWEST_SEEDS)}")
    found = with_moved(service, experiment)
    if folder == RESULTS and len(found.seeds) < FEWEST_SEEDS:
        raise UserError(
            f"{name} is trained on fewer than {FEWEST_SEEDS} seeds, so it does not ship; train "
            f"more: {command(name, FEWEST_SEEDS)}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    write_json(file, _content(name, found))
    return file


def with_moved(service: Service, experiment: ExperimentSnapshot) -> Measured:
    """An experiment's figures, with those of moved biases where classes were left out.

    Raises:
        UserError: a student's weights or the images are not here.
    """
    found = measured(experiment)
    if not experiment.spec.left_out:
        return found
    seeds = [replace(one, moved=_moved(service, experiment, one.seed)) for one in found.seeds]
    return replace(found, seeds=tuple(seeds))


def shipped(recipe: Recipe, folder: Path = RESULTS) -> Measured | None:
    """A recipe's figures that ship, those of the demo pair among them.

    None where there are none, or they are of other settings.
    """
    for found in (_read(folder / f"{recipe.name}.json"), _demo()):
        if found is not None and same_settings(found.spec, recipe.spec):
            return found
    return None


def command(name: str, seeds: int) -> str:
    """What trains a recipe from a shell.

    >>> command("quick", 1), command("quick", 3)
    ('python -m tsexplorer run quick', 'python -m tsexplorer run quick --seeds 3')
    """
    return f"python -m tsexplorer run {name}" + (f" --seeds {seeds}" if seeds > 1 else "")


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
        "machine": found.machine,
        "date": found.date,
        "spec": found.spec.model_dump(mode="json", by_alias=True),
        "seeds": [asdict(one) for one in found.seeds],
    }


@cache
def _demo() -> Measured:
    """The figures of the pair that ships with its weights."""
    content = demo.demo()
    spec = ExperimentSpec.model_validate(content["spec"])
    accuracy = {one["role"]: one["test_accuracy"] for one in content["stages"].values()}
    seeds = (SeedFigures(spec.seeds[0], accuracy),)
    return Measured(spec, seeds, content["machine"], content["date"])


@cache
def _read(file: Path) -> Measured | None:
    if not file.is_file():
        return None
    content = read_json(file)
    return Measured(
        spec=ExperimentSpec.model_validate(content["spec"]),
        seeds=tuple(_seed(one) for one in content["seeds"]),
        machine=content["machine"],
        date=content["date"],
    )


def _seed(one: dict[str, Any]) -> SeedFigures:
    moved = {rule: Moved(**figures) for rule, figures in one["moved"].items()}
    return SeedFigures(one["seed"], one["accuracy"], moved)
