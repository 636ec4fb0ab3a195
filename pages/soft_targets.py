"""Soft targets: what the teacher knows that the labels do not."""

import streamlit as st

from tsexplorer import demo
from tsexplorer.errors import NotFoundError
from tsexplorer.service import Service
from tsexplorer.store import ExperimentSnapshot
from tsexplorer.ui.forms import TEMPERATURES, with_value
from tsexplorer.ui.process import get_service, sentences
from tsexplorer.ui.soft_targets import (
    changes,
    classes,
    feature_map,
    images,
    loss,
    one_image,
    sight,
)
from tsexplorer.ui.soft_targets.numbers import picture_format
from tsexplorer.ui.state import EXPERIMENT
from tsexplorer.ui.theme import escaped, title_of

DRAW = {
    "lens": one_image.view,
    "classes": classes.view,
    "images": images.view,
    "changes": changes.view,
    "map": feature_map.view,
    "loss": loss.view,
}
WITHOUT = ("lens", "map")
"""Views with a T of their own or none, and with buttons of their own to save pictures."""
SEED = "soft.seed"
CHOSEN = "soft.experiment"


def main() -> None:
    service = get_service()
    sight.begin()
    st.title("Soft targets", anchor=False)
    st.markdown(
        "A label says *7* and nothing else. The teacher’s answer says how much like a 1, a 9 or a "
        "2 this 7 looks. That is what the student learns from."
    )
    with sentences():
        experiment = choice(service)
        seed = choice_of_seed(experiment)
        name = st.segmented_control(
            "View",
            list(sight.VIEWS),
            key=sight.VIEW[0],
            format_func=sight.VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
        seen = sight.look(service, experiment, seed)
        with st.container(key="soft_view"):
            DRAW[name](seen)
    sight.remember()


def choice(service: Service) -> ExperimentSnapshot:
    """The experiment that the URL names, T, the split, and what pictures are saved as."""
    trained = {
        one.id: one
        for one in service.experiments()
        if any(link.stage.status == "done" for link in one.stages)
    }
    named(service, trained)
    with st.container(horizontal=True):
        key = st.selectbox(
            "Experiment",
            list(trained),
            key=CHOSEN,
            format_func=lambda key: title_of(trained[key]),
            width=320,
        )
        st.segmented_control(
            "Split",
            sight.SPLITS,
            key=sight.SPLIT[0],
            required=True,
            help="Choices are made on validation; looking at test images is looking only.",
        )
        if st.session_state[sight.VIEW[0]] not in WITHOUT:
            temperature = st.session_state[sight.TEMPERATURE[0]]
            st.select_slider(
                "Temperature T",
                with_value(TEMPERATURES, temperature),
                key=sight.TEMPERATURE[0],
                width=240,
            )
            picture_format()
    st.query_params[EXPERIMENT] = key
    return trained[key]


def named(service: Service, trained: dict[str, ExperimentSnapshot]) -> None:
    """Take the experiment from the URL; one that is not there is said, and the demo shown."""
    asked = st.query_params.get(EXPERIMENT)
    if asked is not None and asked != st.session_state.get(CHOSEN):
        try:
            found = service.experiment(asked)
        except NotFoundError as error:
            st.warning(f"{escaped(str(error))} Shown instead: the demo.")
        else:
            if found.id in trained:
                st.session_state[CHOSEN] = found.id
            else:
                st.warning(f"No net of {escaped(found.name)} is trained yet; shown: the demo.")
    if st.session_state.get(CHOSEN) not in trained:
        st.session_state[CHOSEN] = service.experiment(demo.NAME).id


def choice_of_seed(experiment: ExperimentSnapshot) -> int:
    """Which seed's nets; asked only where there are several."""
    seeds = experiment.spec.seeds
    if len(seeds) == 1:
        return seeds[0]
    return int(st.segmented_control("Seed", seeds, default=seeds[0], key=SEED, required=True))


main()
