"""All recipes in one table, each a link to its card, with the figures that there are."""

from __future__ import annotations

import streamlit as st

from tsexplorer.recipes import Recipe
from tsexplorer.results.figures import Measured
from tsexplorer.results.shipped import shipped
from tsexplorer.specs import ROLES
from tsexplorer.ui.recipes.bench import Bench
from tsexplorer.ui.theme import escaped, role_label

NONE = "–"


def index(bench: Bench, recipes: list[Recipe]) -> None:
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
