"""Soft targets: what the teacher's outputs say beyond the labels."""

import streamlit as st

from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.figures import image_format_control
from tsexplorer.ui.objective_form import TEMPERATURES, with_value
from tsexplorer.ui.soft_targets import page_state
from tsexplorer.ui.soft_targets.class_views import changes_view, classes_view
from tsexplorer.ui.soft_targets.feature_map import feature_map_view
from tsexplorer.ui.soft_targets.image_views import lens_view, loss_view, ranking_view
from tsexplorer.ui.widgets import choose_experiment, choose_seed

DRAW = {
    "lens": lens_view,
    "classes": classes_view,
    "images": ranking_view,
    "changes": changes_view,
    "map": feature_map_view,
    "loss": loss_view,
}
WITHOUT_T = ("lens", "map")
"""Views with a T of their own, or none."""
PLOTLY = ("changes", "loss")
"""Views with Plotly figures, whose camera saves a PNG or an SVG; other views have buttons."""


def main() -> None:
    service = get_service()
    page_state.read_page_state()
    st.title("Soft targets", anchor=False)
    st.markdown(
        "A label says *7* and nothing else. The teacher’s output also says how similar the image "
        "is to every other class: one 7 resembles a 1, another a 2. The student learns from these "
        "similarities."
    )
    with show_errors():
        experiment = choices(service)
        seed = choose_seed(experiment.spec.seeds, "soft.seed")
        view = st.segmented_control(
            "View",
            list(page_state.VIEWS),
            key=page_state.VIEW.key,
            format_func=page_state.VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
        assert view is not None  # read_page_state has set it
        with st.spinner("Computing the nets’ answers"):  # shown only if they are not in the cache
            context = page_state.load_context(service, experiment, seed)
        with st.container(key="soft_view"):
            DRAW[view](context)
    page_state.save_page_state()


def choices(service: Service) -> ExperimentSnapshot:
    """Draw the choices of experiment, split, T and picture format; return the experiment."""
    with st.container(horizontal=True):
        experiment = choose_experiment(service, "soft.experiment")
        st.segmented_control(
            "Split",
            page_state.SPLITS,
            key=page_state.SPLIT.key,
            format_func=str.capitalize,
            required=True,
            help="All choices in training are made on validation. Test images are shown here, and "
            "not used.",
        )
        view = st.session_state[page_state.VIEW.key]
        if view not in WITHOUT_T:
            temperature = st.session_state[page_state.TEMPERATURE.key]
            st.select_slider(
                "Temperature T",
                with_value(TEMPERATURES, temperature),
                key=page_state.TEMPERATURE.key,
                width=240,
            )
        if view in PLOTLY:
            image_format_control()
    return experiment


main()
