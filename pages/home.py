"""Home: what the app is about, the trained demo pair, and the user's own experiments."""

import streamlit as st

from tsexplorer.analysis.formatting import format_count, percent, with_interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.plots.compare import accuracy_figure
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.specs import ROLES
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.figures import cached_figure
from tsexplorer.ui.results import accuracy_points, provenance, status_line
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import ROLE_MEANING, card, escaped, palette, role_label
from tsexplorer.ui.url_state import EXPERIMENT

MAX_LISTED = 5
STEPS = (
    (
        ":material/cognition:",
        "The teacher learns",
        "A large net is trained on labelled images. It answers an image of a 7 with ten "
        "probabilities: surely a 7, a little like a 1, hardly a 6.",
    ),
    (
        ":material/blur_on:",
        "Its doubts are the lesson",
        "A label says 7 and nothing else. The teacher’s doubts say what this 7 resembles. The "
        "temperature T gives them more weight.",
    ),
    (
        ":material/school:",
        "The student learns from them",
        "A small net is trained to give the same answers. The weight λ says how much the true "
        "labels count beside them.",
    ),
)


def main() -> None:
    service = get_service()
    st.title("Can a small net do a large net’s work?", anchor=False)
    st.markdown(
        "**Knowledge distillation** trains a small student net on the answers of a large teacher. "
        "Watch it happen on handwritten digits, tune it, and export the student."
    )
    with show_errors():
        show_demo(service)
    st.subheader("How it works", anchor=False)
    for column, (icon, title, text) in zip(st.columns(3), STEPS, strict=True):
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f"{icon} **{title}**")
            st.markdown(text)
    with show_errors():
        show_own_experiments(service)


def show_demo(service: Service) -> None:
    """Draw the figures of the demo pair, and links to the pages that show more."""
    experiment = service.experiment(demo.NAME)
    show_figures(service, experiment)
    st.caption(provenance(experiment))
    with st.container(horizontal=True):
        if st.button("Train your own", type="primary", icon=":material/model_training:"):
            st.switch_page(path_of("train"))
        if st.button("Try a digit", icon=":material/draw:"):
            st.switch_page(path_of("try_digit"))
        if st.button("See what the teacher knows", icon=":material/blur_on:"):
            st.switch_page(path_of("soft_targets"))
        if st.button("Compare in detail", icon=":material/compare_arrows:"):
            st.switch_page(path_of("compare"))
    dots = accuracy_points(service, [experiment], "test")
    st.plotly_chart(
        cached_figure(accuracy_figure, dots, palette(), "test"),
        key="demo_accuracy",
        config={"displayModeBar": False},
    )


def show_figures(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw accuracy and size of each net, and the gap closed by distillation."""
    spec, gain = experiment.spec, service.gain(experiment)
    task = get_dataset(spec.data.name).info.task
    teacher = service.count(spec.teacher, task)
    student = service.count(spec.student, task)
    sizes = {
        role: f"{size.parameters:,} parameters, {format_count(size.macs)} multiply-accumulates "
        "per image"
        for role, size in (("teacher", teacher), ("baseline", student))
    } | {
        "distilled": "as large as the baseline, with "
        f"**{teacher.macs / student.macs:.3g} times fewer** multiply-accumulates per image than "
        "the teacher"
    }
    columns = st.columns(4)
    for column, role in zip(columns, ROLES, strict=False):
        with column:
            card(
                role_label(role),
                with_interval(gain.accuracy[role]),
                f"{ROLE_MEANING[role]}: {sizes[role]}",
            )
    with columns[3]:
        card(
            "**Gap closed**",
            percent(gain.gap_of_means, 0),
            "of the distance between baseline and teacher, by the teacher’s answers alone: same "
            "student, same size",
        )


def show_own_experiments(service: Service) -> None:
    """List the user's newest experiments."""
    own = [experiment for experiment in service.experiments() if not demo.is_demo(experiment)][
        :MAX_LISTED
    ]
    if not own:
        return
    st.subheader("Your experiments", anchor=False)
    for experiment in own:
        show_row(service, experiment)


def show_row(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw the name, the status and the button of an experiment."""
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        border=True,
        wrap=False,
    ):
        st.markdown(f"**{escaped(experiment.name)}**  \n{status_line(service, experiment)}")
        if st.button("Open", key=f"open_{experiment.id}", help=f"Open {escaped(experiment.name)}"):
            st.switch_page(path_of("train"), query_params={EXPERIMENT: experiment.id})


main()
