"""Home: what this is, the trained demo pair, and the way to one's own."""

import streamlit as st

from tsexplorer import demo
from tsexplorer.plots.compare import accuracy_figure
from tsexplorer.service import Service
from tsexplorer.specs import ROLES
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.ui.process import get_service, sentences
from tsexplorer.ui.results import accuracy_dots, provenance, status_line
from tsexplorer.ui.router import guard, path_of
from tsexplorer.ui.theme import (
    ROLE_MEANING,
    escaped,
    palette,
    percent,
    role_label,
    with_interval,
)

STEPS = (
    (":material/cognition:", "The teacher learns", "A larger net is trained on labelled images."),
    (
        ":material/blur_on:",
        "Its doubts are kept",
        "For each image it gives ten probabilities, not one label. A temperature T brings the "
        "small ones out: this 7 looks a little like a 1.",
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
    st.title("Can a small net do a large net's work?")
    st.markdown(
        "Knowledge distillation trains a small **student** net with the answers of a large "
        "**teacher**. Here you see it happen on handwritten digits, tune it, and take the student "
        "away."
    )
    with sentences():
        showcase(service)
    st.subheader("How it works", anchor=False)
    for column, (icon, title, text) in zip(st.columns(3), STEPS, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"{icon} **{title}**")
            st.markdown(text)
    with sentences():
        recent(service)


def showcase(service: Service) -> None:
    """The demo pair in four figures and one picture."""
    experiment = service.experiment(demo.NAME)
    gain = service.gain(experiment)
    columns = st.columns(4)
    for column, role in zip(columns, ROLES, strict=False):
        stage = experiment.stage(experiment.spec.seeds[0], role)
        with column, st.container(border=True, height="stretch"):
            st.markdown(role_label(role), unsafe_allow_html=True)
            st.markdown(f"### {with_interval(gain.accuracy[role])}")
            st.caption(f"{stage.parameters:,} parameters · {ROLE_MEANING[role]}")
    with columns[3], st.container(border=True, height="stretch"):
        st.markdown("**Gap closed**")
        st.markdown(f"### {percent(gain.gap_of_means, 0)}")
        st.caption("of the distance between baseline and teacher, won by distillation alone")
    st.caption(provenance(experiment))
    with st.container(horizontal=True):
        if st.button("Train your own", type="primary", icon=":material/model_training:"):
            st.switch_page(path_of("train"))
        if st.button("See the demo in detail", icon=":material/compare_arrows:"):
            st.switch_page(path_of("compare"))
    st.plotly_chart(
        accuracy_figure(accuracy_dots(service, [experiment], "test"), palette(), "test"),
        key="demo_accuracy",
        config={"displayModeBar": False},
    )


def recent(service: Service) -> None:
    """The last experiments of one's own."""
    own = [one for one in service.experiments() if one.name != demo.NAME][:5]
    if not own:
        return
    st.subheader("Your experiments", anchor=False)
    for experiment in own:
        row(service, experiment)


def row(service: Service, experiment: ExperimentSnapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"**{escaped(experiment.name)}** · {status_line(service, experiment)}")
        if st.button("Open", key=f"open_{experiment.id}", help=f"Open {experiment.name}"):
            st.switch_page(path_of("train"), query_params={"experiment": experiment.id})


guard()
main()
