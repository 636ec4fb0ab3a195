"""The choice of an experiment with excluded classes, and the start of a new one."""

from __future__ import annotations

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.recipes import get_recipe
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui.live import live_view
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import EXPERIMENT, active_experiments, remove_parameter
from tsexplorer.ui.widgets import PICKER_WIDTH

SELECTED = "never.experiment"
PREVIOUS = f"_{SELECTED}"
"""Session key of the experiment of the last run."""
BIAS = "bias"
"""URL parameter of the slider's value."""
RECIPE = "never-seen-quick"
EXPLANATION = """
It takes three nets:

- The **teacher** is trained on all classes.
- The **baseline**, a small net, is trained on all classes, too, with their labels.
- The **distilled** student, the same small net, gets no image of some classes, of 3, say. It only
  gets the teacher’s answers to images of 8, 5 or 2, which say how much each of them looks like a 3.

The student cannot know how often the missing classes occur. The slider makes up for that.
"""


def choose_experiment(service: Service) -> ExperimentSnapshot:
    """Draw a select box of the experiments with excluded classes; the URL names the choice.

    It offers experiments with a trained student and those at work. The default is the one that the
    URL names, trained or not; else the newest trained one of the user, else the first at work, else
    the demo.
    """
    trained = {
        experiment.id: experiment
        for experiment in service.experiments()
        if trained_seeds(experiment)
    }
    active = {
        experiment.id: experiment
        for experiment in active_experiments(service)
        if experiment.spec.left_out
    }
    preselected = _url_experiment(service)
    if preselected is None and all(map(demo.is_demo, trained.values())):
        preselected = next(iter(active.values()), None)
    offered = ({} if preselected is None else {preselected.id: preselected}) | active | trained
    if preselected is not None and preselected.id != st.session_state.get(PREVIOUS):
        st.session_state[SELECTED] = preselected.id
    if st.session_state.get(SELECTED) not in offered:
        st.session_state[SELECTED] = next(iter(trained))
    chosen: str = st.selectbox(
        "Experiment",
        list(offered),
        key=SELECTED,
        format_func=lambda experiment_id: title_of(offered[experiment_id]),
        width=PICKER_WIDTH,
    )
    if chosen not in trained or st.session_state.get(PREVIOUS, chosen) != chosen:
        remove_parameter(BIAS)  # it belongs to another student
    st.session_state[PREVIOUS] = st.query_params[EXPERIMENT] = chosen
    return offered[chosen]


def trained_seeds(experiment: ExperimentSnapshot) -> tuple[int, ...]:
    """Return the seeds with a trained student that some classes were excluded from."""
    return tuple(
        link.seed
        for link in experiment.stages
        if link.role == "distilled" and link.stage.spec.left_out and link.stage.status == "done"
    )


def _url_experiment(service: Service) -> ExperimentSnapshot | None:
    """Return the experiment that the URL names; if this page cannot show it, say so."""
    url_id = st.query_params.get(EXPERIMENT)
    if url_id is None:
        return None
    try:
        experiment = service.experiment(url_id)
    except NotFoundError as error:
        st.warning(
            f"{escaped(str(error))} Shown instead: another experiment with excluded classes.",
            icon=":material/link_off:",
        )
    else:
        if experiment.spec.left_out:
            return experiment
        st.info(
            f"The student of {escaped(experiment.name)} was trained on images of all classes. This "
            "page is for students with excluded classes.",
            icon=":material/info:",
        )
    del st.query_params[EXPERIMENT]
    return None


def training_offer(service: Service) -> None:
    """Explain the experiment, and offer to train one."""
    st.subheader("Train one yourself", anchor=False)
    st.markdown(EXPLANATION)
    with st.container(horizontal=True):
        if st.button(
            "Train it on 5,000 digits",
            key="never_train",
            icon=":material/play_arrow:",
            help="Three small nets: about a minute on a machine with nothing else to do.",
        ):
            experiment = service.studies.start_experiment(get_recipe(RECIPE).spec)
            st.query_params[EXPERIMENT] = experiment.id
            st.rerun()
        if st.button(
            "Recipes of Hinton’s experiments", key="never_recipes", icon=":material/menu_book:"
        ):
            st.switch_page(path_of("recipes"))


def show_training(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw the live view of an experiment; it reruns the page when the training has ended."""
    title = escaped(title_of(service.experiment(demo.NEVER_SEEN)))
    st.caption(
        f"The slider appears when the training has ended. {title} has one already: choose it above."
    )
    live_view(service, experiment.id)
