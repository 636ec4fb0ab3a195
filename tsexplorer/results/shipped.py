"""Results that ship: out of a store into a file, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from tsexplorer import __version__
from tsexplorer.assets import RESULTS, read_json, write_json
from tsexplorer.errors import UserError
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.results.figures import (
    Measured,
    Moved,
    SeedFigures,
    experiment_of,
    measured_recipe,
    same_settings,
)
from tsexplorer.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import ExperimentSnapshot


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
