"""Never seen: what a student knows about classes that it was not trained on."""

import streamlit as st

from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.never_seen.picker import (
    choose_experiment,
    show_training,
    trained_seeds,
    training_offer,
)
from tsexplorer.ui.never_seen.view import bias_view, load_bias_data, rules_view
from tsexplorer.ui.results import training_note
from tsexplorer.ui.widgets import choose_seed


def main() -> None:
    service = get_service()
    st.title("Never seen", anchor=False)
    st.markdown(
        "Can a student learn a digit without seeing a single image of it? The teacher was trained "
        "on all digits. The student gets only images of the other digits, and the teacher’s "
        "answers to them: *surely an 8, a little like a 3*."
    )
    with show_errors():
        experiment = choose_experiment(service)
        seeds = trained_seeds(experiment)
        if not seeds:
            show_training(service, experiment)
            return
        bias_view(load_bias_data(service, experiment, choose_seed(seeds, "never.seed")))
        rules_view(service, experiment)
        st.caption(f"Loss of the distilled student: {training_note(experiment)}")
        training_offer(service)


main()
