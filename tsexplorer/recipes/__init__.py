"""Recipes: named experiments, one module each.

A module of this package that defines ``RECIPE`` (a recipe, or a tuple of recipes) is registered.
"""

from __future__ import annotations

from functools import cache

from tsexplorer.errors import NotFoundError
from tsexplorer.plugins import discover
from tsexplorer.recipes.base import SECTIONS, Recipe, Rival, Section

__all__ = ["SECTIONS", "Recipe", "Rival", "Section", "get_recipe", "load_recipes", "recipe_names"]


@cache
def load_recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    return discover(__name__, "RECIPE", Recipe)


def recipe_names() -> tuple[str, ...]:
    """Names of all recipes: ``quick``, then in alphabetical order."""
    return tuple(sorted(load_recipes(), key=lambda name: (name != "quick", name)))


def get_recipe(name: str) -> Recipe:
    """The recipe with this name.

    Raises:
        NotFoundError: it does not exist.
    """
    try:
        return load_recipes()[name]
    except KeyError:
        names = ", ".join(recipe_names())
        raise NotFoundError(f"There is no recipe called {name!r}; choose one of {names}.") from None
