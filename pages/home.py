"""Home: what this is, the trained demo pair, and the way to one's own."""

import streamlit as st

from tsexplorer.analysis.formatting import counted, percent, with_interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.plots.compare import accuracy_figure
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.specs import ROLES
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.figures import drawn
from tsexplorer.ui.results import accuracy_dots, provenance, status_line
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import ROLE_MEANING, card, escaped, palette, role_label

SHOWN = 5
STEPS = (
    (
        ":material/cognition:",
        "The teacher learns",
        "A large net is trained on labelled images. For an image of a 7 it answers with ten "
        "probabilities: surely a 7, a little like a 1, hardly a 6.",
    ),
    (
        ":material/blur_on:",
        "Its doubts are kept",
        "A label says 7 and nothing else. The teacher’s doubts say what a 7 looks like. The "
        "temperature T brings them out.",
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
        "**Knowledge distillation** trains a small student net with the answers of a large "
        "teacher. Watch it happen on handwritten digits, tune it, and take the student away."
    )
    with sentences():
        showcase(service)
    st.subheader("How it works", anchor=False)
    for column, (icon, title, text) in zip(st.columns(3), STEPS, strict=True):
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            st.markdown(f"{icon} **{title}**")
            st.markdown(text)
    with sentences():
        recent(service)


def showcase(service: Service) -> None:
    """The demo pair in four figures and one picture."""
    experiment = service.experiment(demo.NAME)
    figures(service, experiment)
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
    st.plotly_chart(
        drawn(accuracy_figure, accuracy_dots(service, [experiment], "test"), palette(), "test"),
        key="demo_accuracy",
        config={"displayModeBar": False},
    )


def figures(service: Service, experiment: ExperimentSnapshot) -> None:
    """What each net scores and weighs, and what distillation won."""
    spec, gain = experiment.spec, service.gain(experiment)
    classes = len(get_dataset(spec.data.name).info.classes)
    teacher = service.count(spec.teacher, classes)
    student = service.count(spec.student, classes)
    weighs = {
        role: f"{size.parameters:,} parameters, {counted(size.macs)} multiply-accumulates for one "
        "image"
        for role, size in (("teacher", teacher), ("baseline", student))
    } | {
        "distilled": "as large as the baseline, and an image takes it "
        f"**{teacher.macs / student.macs:.3g} times fewer** multiply-accumulates than its teacher"
    }
    columns = st.columns(4)
    for column, role in zip(columns, ROLES, strict=False):
        with column:
            card(
                role_label(role),
                with_interval(gain.accuracy[role]),
                f"{ROLE_MEANING[role]}: {weighs[role]}",
            )
    with columns[3]:
        card(
            "**Gap closed**",
            percent(gain.gap_of_means, 0),
            "of the distance between baseline and teacher, won by the teacher’s answers alone: "
            "same student, same size",
        )


def recent(service: Service) -> None:
    """The last experiments of one's own."""
    own = [one for one in service.experiments() if not demo.is_demo(one)][:SHOWN]
    if not own:
        return
    st.subheader("Your experiments", anchor=False)
    for experiment in own:
        row(service, experiment)


def row(service: Service, experiment: ExperimentSnapshot) -> None:
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        border=True,
        wrap=False,
    ):
        st.markdown(f"**{escaped(experiment.name)}**  \n{status_line(service, experiment)}")
        if st.button("Open", key=f"open_{experiment.id}", help=f"Open {escaped(experiment.name)}"):
            st.switch_page(path_of("train"), query_params={"experiment": experiment.id})


main()
