"""Recipes: experiments that are ready to run, with published figures beside our own."""

import streamlit as st

from tsexplorer.recipes import SECTIONS, Section, get_recipe, recipe_names
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.recipes.card import card
from tsexplorer.ui.recipes.overview import bench, index, missing_data

MOST_SEEDS = 20
TITLES: dict[Section, str] = {
    "begin": "To begin with",
    "published": "Published experiments",
    "claims": "Claims put to the test",
    "own": "At their best",
}


def main() -> None:
    service = get_service()
    st.title("Recipes", anchor=False)
    st.markdown(
        "Experiments that are ready to run: what was published for each, what ships with this "
        "app, and what was trained here."
    )
    with sentences():
        seeds = int(
            st.number_input(
                "Seeds of a run",
                1,
                MOST_SEEDS,
                key="recipes.seeds",
                width=160,
                help="From two on, figures carry an interval; three are needed to ship them.",
            )
        )
        recipes = sorted(map(get_recipe, recipe_names()), key=lambda one: _place(one.section))
        known = bench(service, recipes, seeds)
        missing_data(service, recipes)
        index(known, recipes)
        for section in SECTIONS:
            st.header(TITLES[section], anchor=False)
            for recipe in recipes:
                if recipe.section == section:
                    card(known, recipe)


def _place(section: Section) -> int:
    return SECTIONS.index(section)


main()
