"""Which experiment the page looks at: one whose student never saw some classes.

The way to an experiment of one's own, and what the page says until it is trained.
"""

from __future__ import annotations

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.recipes import get_recipe
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui.experiment_picker import WIDTH
from tsexplorer.ui.live import live_view
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import EXPERIMENT, at_work, unpublish

KEY = "never.experiment"
BIAS = "bias"
"""The slider's value in the URL."""


def choice(service: Service) -> ExperimentSnapshot:
    """The experiment that the URL names, else the newest of one's own, else the one that ships.

    A select box offers those that are trained, and those at work; one at work comes first where
    none of one's own is trained. One that the URL names need not be trained.
    """
    trained = {one.id: one for one in service.experiments() if ready_seeds(one)}
    working = {one.id: one for one in at_work(service) if one.spec.left_out}
    asked = _asked(service)
    if asked is None and all(map(demo.is_demo, trained.values())):
        asked = next(iter(working.values()), None)
    offered = ({} if asked is None else {asked.id: asked}) | working | trained
    if asked is not None and asked.id != st.session_state.get(f"_{KEY}"):
        st.session_state[KEY] = asked.id
    if st.session_state.get(KEY) not in offered:
        st.session_state[KEY] = next(iter(trained))
    chosen: str = st.selectbox(
        "Experiment",
        list(offered),
        key=KEY,
        format_func=lambda name: title_of(offered[name]),
        width=WIDTH,
    )
    if chosen not in trained or st.session_state.get(f"_{KEY}", chosen) != chosen:
        unpublish(BIAS)  # it was meant for another student
    st.session_state[f"_{KEY}"] = st.query_params[EXPERIMENT] = chosen
    return offered[chosen]


def ready_seeds(experiment: ExperimentSnapshot) -> tuple[int, ...]:
    """The seeds whose student never saw some classes, and is trained."""
    return tuple(
        link.seed
        for link in experiment.stages
        if link.role == "distilled" and link.stage.spec.left_out and link.stage.status == "done"
    )


def _asked(service: Service) -> ExperimentSnapshot | None:
    """The experiment that the URL names, if it is of the kind; said, if it is not."""
    key = st.query_params.get(EXPERIMENT)
    if key is None:
        return None
    try:
        found = service.experiment(key)
    except NotFoundError as error:
        st.warning(
            f"{escaped(str(error))} Shown instead: another of that kind.",
            icon=":material/link_off:",
        )
    else:
        if found.spec.left_out:
            return found
        st.info(
            f"The student of {escaped(found.name)} saw images of all classes; this page is for "
            "those that did not.",
            icon=":material/info:",
        )
    del st.query_params[EXPERIMENT]
    return None


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
            st.query_params[EXPERIMENT] = service.studies.start_experiment(
                get_recipe(RECIPE).spec
            ).id
            st.rerun()
        if st.button("Hinton’s own, as recipes", key="never_recipes", icon=":material/menu_book:"):
            st.switch_page(path_of("recipes"))


def wait_for(service: Service, experiment: ExperimentSnapshot) -> None:
    """An experiment that is not trained yet, live; the page opens it when it is."""
    ships = escaped(title_of(service.experiment(demo.NEVER_SEEN)))
    st.caption(f"The slider comes when it is trained. {ships} has one meanwhile: choose it above.")
    live_view(service, experiment.id)
