"""Recipes: experiments that are ready to run, with published figures beside our own."""

import streamlit as st

from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.ui.process import get_service, sentences
from tsexplorer.ui.recipes.card import bench, card

MOST_SEEDS = 20


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
        known = bench(service, seeds)
        for name in recipe_names():
            card(known, get_recipe(name))


main()
