"""Where recipes are run, and what was run there: read once for the whole page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tsexplorer.recipes import Recipe
from tsexplorer.results.figures import Measured, measured_recipe
from tsexplorer.service import Service
from tsexplorer.store import ExperimentSnapshot, StageSnapshot


@dataclass(frozen=True, eq=False)
class Bench:
    """What the page's parts need to know.

    Attributes:
        service: of the store.
        experiments: all of it.
        stages: all of it.
        here: what was trained in it, by recipe; None where nothing was.
        seeds: how many a recipe would be run on.
    """

    service: Service
    experiments: Sequence[ExperimentSnapshot]
    stages: Sequence[StageSnapshot]
    here: Mapping[str, Measured | None]
    seeds: int


def bench(service: Service, recipes: Iterable[Recipe], seeds: int) -> Bench:
    """Look into the store."""
    experiments = service.experiments()
    here = {recipe.name: measured_recipe(experiments, recipe) for recipe in recipes}
    return Bench(service, experiments, service.store.stages(), here, seeds)
