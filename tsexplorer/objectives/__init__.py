"""Objectives: one file each, found by looking into this folder.

A module here that defines ``OBJECTIVE`` is registered under its name; a name used twice is an
error at import.
"""

from __future__ import annotations

from functools import cache

from tsexplorer.errors import NotFoundError
from tsexplorer.objectives.base import Loss, Objective, Terms
from tsexplorer.plugins import discover

__all__ = ["Loss", "Objective", "Terms", "get_objective", "objective_names"]


@cache
def _registry() -> dict[str, Objective]:
    return discover(__name__, "OBJECTIVE", Objective)


def objective_names() -> tuple[str, ...]:
    """Names of all objectives, labels first."""
    return tuple(sorted(_registry(), key=lambda name: (name != "labels", name != "hinton", name)))


def get_objective(name: str) -> Objective:
    """The objective called ``name``.

    Raises:
        NotFoundError: there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        known = ", ".join(objective_names())
        raise NotFoundError(
            f"There is no objective called {name!r}; choose one of {known}."
        ) from None
