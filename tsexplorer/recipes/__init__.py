"""Recipes: named experiments, registered from the files of this folder."""

from __future__ import annotations

from functools import cache

from tsexplorer.errors import NotFoundError
from tsexplorer.plugins import discover
from tsexplorer.recipes.base import SECTIONS, Recipe, Rival, Section

__all__ = ["SECTIONS", "Recipe", "Rival", "Section", "get_recipe", "recipe_names"]


@cache
def _registry() -> dict[str, Recipe]:
    return discover(__name__, "RECIPE", Recipe)


def recipe_names() -> tuple[str, ...]:
    """Names of all recipes, ``quick`` first."""
    return tuple(sorted(_registry(), key=lambda name: (name != "quick", name)))


def get_recipe(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        NotFoundError: no recipe has this name.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(recipe_names())
        raise NotFoundError(f"There is no recipe called {name!r}; choose one of {known}.") from None
