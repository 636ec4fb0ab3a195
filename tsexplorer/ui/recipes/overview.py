"""Where recipes are run, and what was run there: read once for the whole page.

Datasets that are not here: said once for the page, whatever the number of recipes.

All recipes in one table, each a link to its card, with the figures that there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from tsexplorer.data.registry import get_dataset
from tsexplorer.published.recipe_results import Measured, measured_recipe, shipped
from tsexplorer.recipes import Recipe
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import ROLES
from tsexplorer.ui.theme import escaped, role_label


@dataclass(frozen=True, eq=False)
class RecipeContext:
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


def bench(service: Service, recipes: Iterable[Recipe], seeds: int) -> RecipeContext:
    """Look into the store."""
    experiments = service.experiments()
    here = {recipe.name: measured_recipe(experiments, recipe) for recipe in recipes}
    return RecipeContext(service, experiments, service.stages(), here, seeds)


def missing_data(service: Service, recipes: Iterable[Recipe]) -> None:
    """Name the datasets that recipes need and that are not here, and what can be done."""
    names = dict.fromkeys(recipe.spec.data.name for recipe in recipes)
    infos = [get_dataset(name).info for name in names if not service.dataset_available(name)]
    if not infos:
        return
    sizes = (
        f"{one.title} ({one.download_megabytes:,.0f} MB)" if one.download_megabytes else one.title
        for one in infos
    )
    st.info(
        escaped(
            f"Not here yet: {' and '.join(sizes)}. Open a recipe in the form to fetch its images; "
            "where there is no network, the form says which files to put where."
        ),
        icon=":material/cloud_off:",
    )


NONE = "–"


def index(bench: RecipeContext, recipes: list[Recipe]) -> None:
    """A row a recipe: what was published, and what was measured, here or before it shipped."""
    roles = ", ".join(role_label(role) for role in ROLES)
    rows = ["| Recipe | Published (%) | Measured (%) |", "| --- | --- | --- |"]
    rows += [_row(recipe, _surest(bench.here[recipe.name], shipped(recipe))) for recipe in recipes]
    with st.expander("All recipes and their figures", icon=":material/list:", expanded=True):
        st.caption(
            f"Test accuracy of {roles}, in this order. Measured are means over seeds, whose "
            "intervals stand below, those of more seeds where a recipe ships with figures and was "
            "trained here; published are single runs."
        )
        st.markdown("\n".join(rows))


def _row(recipe: Recipe, found: Measured | None) -> str:
    published = " / ".join(f"{recipe.published[role]:.2f}" for role in ROLES if recipe.published)
    name = f"[{escaped(recipe.title)}](#{recipe.name})"
    return f"| {name} | {published or NONE} | {NONE if found is None else _measured(found)} |"


def _surest(here: Measured | None, found: Measured | None) -> Measured | None:
    """That of more seeds; of as many, one's own."""
    if here is None or found is None:
        return here or found
    return here if len(here.seeds) >= len(found.seeds) else found


def _measured(found: Measured) -> str:
    means = [found.accuracy(role) for role in ROLES]
    said = " / ".join(NONE if one is None else f"{100 * one.mean:.2f}" for one in means)
    many = len(found.seeds)
    return f"{said} ({many} seed{'s' * (many > 1)})"
