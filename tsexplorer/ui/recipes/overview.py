"""The store’s data for the page Recipes, the missing datasets, and the table of all recipes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from tsexplorer.data.registry import get_dataset
from tsexplorer.published.recipe_results import RecipeResults, collect_recipe_results, load_results
from tsexplorer.recipes import Recipe
from tsexplorer.services import ExperimentSnapshot, Service, StageSnapshot
from tsexplorer.specs import ROLES
from tsexplorer.ui.theme import escaped, role_label

NO_VALUE = "–"


@dataclass(frozen=True, eq=False)
class RecipeContext:
    """What all recipes of the page share.

    Attributes:
        service: the service.
        experiments: all experiments of the store.
        stages: all stages of the store.
        own_results: results of the store, by recipe; None for a recipe that was not trained.
        seeds: number of seeds of a run.
    """

    service: Service
    experiments: Sequence[ExperimentSnapshot]
    stages: Sequence[StageSnapshot]
    own_results: Mapping[str, RecipeResults | None]
    seeds: int


def read_context(service: Service, recipes: Iterable[Recipe], seeds: int) -> RecipeContext:
    """Read the experiments, stages and results of the store."""
    experiments = service.experiments()
    results = {recipe.name: collect_recipe_results(experiments, recipe) for recipe in recipes}
    return RecipeContext(service, experiments, service.stages(), results, seeds)


def show_missing_datasets(service: Service, recipes: Iterable[Recipe]) -> None:
    """Name the datasets that recipes need and that are not downloaded, and how to get them."""
    names = dict.fromkeys(recipe.spec.data.name for recipe in recipes)
    infos = [get_dataset(name).info for name in names if not service.dataset_available(name)]
    if not infos:
        return
    datasets = (
        f"{info.title} ({info.download_megabytes:,.0f} MB)"
        if info.download_megabytes
        else info.title
        for info in infos
    )
    st.info(
        escaped(
            f"Not downloaded yet: {' and '.join(datasets)}. Open a recipe in the form to download "
            "its images; without a network, the form says which files to put where."
        ),
        icon=":material/cloud_off:",
    )


def show_table(context: RecipeContext, recipes: list[Recipe]) -> None:
    """Draw a row for each recipe, with a link to its card, its published and measured figures."""
    roles = ", ".join(role_label(role) for role in ROLES)
    rows = ["| Recipe | Published (%) | Measured (%) |", "| --- | --- | --- |"]
    rows += [
        _row(recipe, _best_known(context.own_results[recipe.name], load_results(recipe)))
        for recipe in recipes
    ]
    with st.expander("All recipes and their figures", icon=":material/list:", expanded=True):
        st.caption(
            f"Test accuracy of {roles}, in this order. Published figures are single runs. Measured "
            "figures are means over seeds; the cards below give their intervals. Of a recipe with "
            "shipped figures that was also trained here, the table has the figures of more seeds."
        )
        st.markdown("\n".join(rows))


def _row(recipe: Recipe, results: RecipeResults | None) -> str:
    published = " / ".join(f"{recipe.published[role]:.2f}" for role in ROLES if recipe.published)
    link = f"[{escaped(recipe.title)}](#{recipe.name})"
    measured = NO_VALUE if results is None else _mean_accuracies(results)
    return f"| {link} | {published or NO_VALUE} | {measured} |"


def _best_known(own: RecipeResults | None, shipped: RecipeResults | None) -> RecipeResults | None:
    """Return the results over more seeds; the user's own if they have as many."""
    if own is None or shipped is None:
        return own or shipped
    return own if len(own.seeds) >= len(shipped.seeds) else shipped


def _mean_accuracies(results: RecipeResults) -> str:
    means = [results.accuracy(role) for role in ROLES]
    percents = " / ".join(NO_VALUE if mean is None else f"{100 * mean.mean:.2f}" for mean in means)
    count = len(results.seeds)
    return f"{percents} ({count} seed{'s' * (count > 1)})"
