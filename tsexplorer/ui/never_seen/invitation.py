"""The way to an experiment of one's own, and what the page says until it is trained."""

from __future__ import annotations

import streamlit as st

from tsexplorer import demo
from tsexplorer.recipes import get_recipe
from tsexplorer.service import Service
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.ui.live import live_view
from tsexplorer.ui.router import path_of
from tsexplorer.ui.state import EXPERIMENT
from tsexplorer.ui.theme import escaped, title_of

RECIPE = "never-seen-quick"
WHAT = """
It takes three nets:

- The **teacher** sees all classes.
- The **baseline**, a small net, sees them, too, with their labels.
- The **distilled** student, the same small net, gets no image of some classes. Of threes, say, it
  only hears the teacher say of some 8s, 5s and 2s how much like a 3 they look.

Then the slider makes up for the one thing that the student cannot know: how often they occur.
"""


def train_one(service: Service) -> None:
    """Explain the experiment, and offer to train one."""
    st.subheader("Train one yourself", anchor=False)
    st.markdown(WHAT)
    with st.container(horizontal=True):
        if st.button(
            "Train it on 5,000 digits",
            key="never_train",
            icon=":material/play_arrow:",
            help="Three small nets: about a minute on a machine that does nothing else.",
        ):
            st.query_params[EXPERIMENT] = service.take_up(get_recipe(RECIPE).spec).id
            st.rerun()
        if st.button("Hinton’s own, as recipes", key="never_recipes", icon=":material/menu_book:"):
            st.switch_page(path_of("recipes"))


def wait_for(service: Service, experiment: ExperimentSnapshot) -> None:
    """An experiment that is not trained yet, live; the page opens it when it is."""
    ships = escaped(title_of(service.experiment(demo.NEVER_SEEN)))
    st.caption(f"The slider comes when it is trained. {ships} has one meanwhile: choose it above.")
    live_view(service, experiment.id)
