"""Soft targets: what the teacher knows that the labels do not."""

import streamlit as st

from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.experiment_picker import experiment_choice, seed_choice
from tsexplorer.ui.figures import picture_format
from tsexplorer.ui.objective_form import TEMPERATURES, with_value
from tsexplorer.ui.soft_targets import (
    changes,
    classes,
    feature_map,
    images,
    loss,
    one_image,
    page_state,
)

DRAW = {
    "lens": one_image.view,
    "classes": classes.view,
    "images": images.view,
    "changes": changes.view,
    "map": feature_map.view,
    "loss": loss.view,
}
WITHOUT_T = ("lens", "map")
"""Views with a T of their own, or none."""
PLOTLY = ("changes", "loss")
"""Views whose figures are saved by the camera above them; the others have buttons for it."""


def main() -> None:
    service = get_service()
    page_state.begin()
    st.title("Soft targets", anchor=False)
    st.markdown(
        "A label says *7* and nothing else. The teacher’s answer says of each image how much it "
        "looks like every other class: one 7 like a 1, another like a 2. That is what the student "
        "learns from."
    )
    with sentences():
        experiment = choice(service)
        seed = seed_choice(experiment, "soft.seed")
        name = st.segmented_control(
            "View",
            list(page_state.VIEWS),
            key=page_state.VIEW[0],
            format_func=page_state.VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
        assert name is not None  # the session has one from the beginning
        with st.spinner("Asking the nets"):  # what was asked before comes without it
            seen = page_state.look(service, experiment, seed)
        with st.container(key="soft_view"):
            DRAW[name](seen)
    page_state.remember()


def choice(service: Service) -> ExperimentSnapshot:
    """The experiment that the URL names, T, the split, and what pictures are saved as."""
    with st.container(horizontal=True):
        experiment = experiment_choice(service, "soft.experiment")
        st.segmented_control(
            "Split",
            page_state.SPLITS,
            key=page_state.SPLIT[0],
            required=True,
            help="Choices are made on validation; looking at test images is looking only.",
        )
        if st.session_state[page_state.VIEW[0]] not in WITHOUT_T:
            temperature = st.session_state[page_state.TEMPERATURE[0]]
            st.select_slider(
                "Temperature T",
                with_value(TEMPERATURES, temperature),
                key=page_state.TEMPERATURE[0],
                width=240,
            )
        if st.session_state[page_state.VIEW[0]] in PLOTLY:
            picture_format()
    return experiment


main()
