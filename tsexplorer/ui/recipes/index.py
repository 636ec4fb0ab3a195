"""All recipes in one table, each a link to its card, with the figures that there are."""

from __future__ import annotations

import streamlit as st

from tsexplorer.recipes import Recipe
from tsexplorer.results.figures import Measured
from tsexplorer.results.shipped import shipped
from tsexplorer.specs import ROLES
from tsexplorer.ui.recipes.bench import Bench
from tsexplorer.ui.theme import escaped, role_label, with_interval

NONE = "–"


def index(bench: Bench, recipes: list[Recipe]) -> None:
    """A row a recipe: what was published, and what was measured, here or before it shipped."""
    roles = ", ".join(role_label(role) for role in ROLES)
    rows = ["| Recipe | Published (%) | Measured (%) | Seeds |", "| --- | --- | --- | --- |"]
    rows += [_row(recipe, bench.here[recipe.name] or shipped(recipe)) for recipe in recipes]
    with st.expander("All recipes and their figures", icon=":material/list:", expanded=True):
        st.markdown("\n".join(rows))
        st.caption(
            f"Test accuracy of {roles}, in this order; ± is the 95 % interval over seeds "
            "(Student’s t). Published figures are single runs."
        )


def _row(recipe: Recipe, found: Measured | None) -> str:
    published = " / ".join(f"{recipe.published[role]:.2f}" for role in ROLES if recipe.published)
    own, seeds = NONE, NONE
    if found is not None:
        means = [with_interval(found.accuracy(role)).removesuffix(" %") for role in ROLES]
        own, seeds = " / ".join(means), str(len(found.seeds))
    name = f"[{escaped(recipe.title)}](#{recipe.name})"
    return f"| {name} | {published or NONE} | {own} | {seeds} |"
