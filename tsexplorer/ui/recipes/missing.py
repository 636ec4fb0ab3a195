"""Datasets that are not here: said once for the page, whatever the number of recipes."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from tsexplorer.data.registry import get_dataset
from tsexplorer.recipes import Recipe
from tsexplorer.service import Service
from tsexplorer.ui.theme import escaped


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
