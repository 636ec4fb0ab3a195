"""Never seen: what a student knows of classes that it was never shown."""

import streamlit as st

from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.experiment_picker import one_seed
from tsexplorer.ui.never_seen.picker import choice, ready_seeds, train_one, wait_for
from tsexplorer.ui.never_seen.view import look, rules_view, view
from tsexplorer.ui.results import how_trained


def main() -> None:
    service = get_service()
    st.title("Never seen", anchor=False)
    st.markdown(
        "Can a student learn a digit that nobody ever shows it? The teacher saw them all. The "
        "student gets images of the other digits alone, and what the teacher says of them: "
        "*surely an 8, a little like a 3*."
    )
    with sentences():
        experiment = choice(service)
        seeds = ready_seeds(experiment)
        if not seeds:
            wait_for(service, experiment)
            return
        view(look(service, experiment, one_seed(seeds, "never.seed")))
        rules_view(service, experiment)
        st.caption(f"Loss of the distilled student: {how_trained(experiment)}")
        train_one(service)


main()
