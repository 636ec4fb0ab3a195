"""Recipes: experiments that are ready to run, with published figures beside the app's own."""

import streamlit as st

from tsexplorer.recipes import SECTIONS, Section, get_recipe, recipe_names
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.recipes.card import recipe_card
from tsexplorer.ui.recipes.overview import read_context, show_missing_datasets, show_table

MAX_SEEDS = 20
SECTION_TITLES: dict[Section, str] = {
    "begin": "First steps",
    "published": "Published experiments",
    "claims": "Claims put to the test",
    "own": "At their best",
}


def main() -> None:
    service = get_service()
    st.title("Recipes", anchor=False)
    st.markdown(
        "Experiments that are ready to run, each with its published figures, the figures that ship "
        "with this app, and the figures of what was trained here."
    )
    with show_errors():
        seeds = int(
            st.number_input(
                "Seeds of a run",
                1,
                MAX_SEEDS,
                key="recipes.seeds",
                width=160,
                help="With two or more, figures have an interval. Shipped figures need three.",
            )
        )
        recipes = sorted(map(get_recipe, recipe_names()), key=lambda recipe: _order(recipe.section))
        context = read_context(service, recipes, seeds)
        show_missing_datasets(service, recipes)
        show_table(context, recipes)
        for section in SECTIONS:
            st.header(SECTION_TITLES[section], anchor=False)
            for recipe in recipes:
                if recipe.section == section:
                    recipe_card(context, recipe)


def _order(section: Section) -> int:
    return SECTIONS.index(section)


main()
