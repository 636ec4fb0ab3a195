"""Try a digit: draw, upload or photograph a digit; teacher, baseline and student answer."""

import streamlit as st

from tsexplorer.imaging import AUTOMATIC
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.digit import answers, inputs, score
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import one_of, read_parameter, write_parameter
from tsexplorer.ui.widgets import choose_experiment, choose_seed

SOURCE = "digit.source"
SOURCE_PARAMETER = "source"
SELECTED_DIGIT = "digit.which"
PROMPTS = {
    "draw": "Draw a digit on the pad. The nets answer when you lift the pen.",
    "upload": "Choose pictures, or drop them on the page. Several digits in one picture are "
    "answered from left to right.",
    "camera": "Take a picture of a digit, dark on light or light on dark.",
    "samples": "The test split has no such image.",
}


def main() -> None:
    service = get_service()
    st.session_state.setdefault(SOURCE, "draw")
    read_parameter(SOURCE_PARAMETER, one_of(tuple(inputs.SOURCES)), SOURCE)
    st.title("Try a digit", anchor=False)
    st.markdown(
        "Draw a digit, or send a photo of one. The large teacher and its small students answer "
        "side by side."
    )
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            experiment = choose_experiment(service, "digit.experiment")
            seed = choose_seed(experiment.spec.seeds, "digit.seed")
        nets = answers.seed_nets(service, experiment, seed)
        answers.show_notes(nets)
        left, right = st.columns([2, 5], gap="medium")
        pictures: list[inputs.InputPicture] = []
        digits: list[answers.AnsweredDigit] = []
        source: str | None = st.session_state[SOURCE]
        with left, show_errors():
            source = st.segmented_control(
                "Source of the digit",
                inputs.SOURCES,
                key=SOURCE,
                format_func=inputs.SOURCES.__getitem__,
                required=True,
                label_visibility="collapsed",
            )
            assert source is not None  # the session has a default
            dataset = experiment.spec.data.name
            pictures = inputs.input_pictures(service, source, dataset, inputs.selected_options())
            st.caption(
                ":material/lock: Pictures stay in memory until the session ends. They are not "
                "written to disk."
            )
        with right, show_errors():
            digits = show_answers(nets, pictures)
        if digits:
            with show_errors():
                show_details(nets, digits)
        with show_errors():
            show_extraction(pictures, source)
    score.show_score()
    write_parameter(SOURCE_PARAMETER, SOURCE)
    with show_errors():
        if not pictures:
            answers.warm_up(nets)


def show_answers(
    nets: answers.SeedNets, pictures: list[inputs.InputPicture]
) -> list[answers.AnsweredDigit]:
    """Draw the answers to every digit, and a note on pictures without a digit."""
    digits = answers.answer_digits(nets, pictures)
    for picture in pictures:
        if picture.extraction.note:
            st.info(escaped(picture.extraction.note), icon=":material/search_off:")
    if not pictures:
        with st.container(border=True):
            st.markdown(PROMPTS[st.session_state[SOURCE]])
    answers.show_digits(nets, digits)
    return digits


def show_details(nets: answers.SeedNets, digits: list[answers.AnsweredDigit]) -> None:
    """Draw the comparison and the distributions of one digit."""
    number = 1
    if len(digits) > 1:
        numbers = list(range(1, len(digits) + 1))
        if st.session_state.get(SELECTED_DIGIT) not in numbers:
            st.session_state[SELECTED_DIGIT] = 1
        number = st.segmented_control("Digit", numbers, key=SELECTED_DIGIT, required=True) or number
    answered = digits[number - 1]
    answers.show_comparison(nets, answered, table=len(digits) > 1)
    st.subheader("All probabilities", anchor=False)
    answers.show_distributions(nets, answered)


def show_extraction(pictures: list[inputs.InputPicture], source: str) -> None:
    """Draw the steps from picture to net input, and the options to override them."""
    extracted = [picture for picture in pictures if not picture.is_sample]
    if not extracted and (inputs.selected_options() == AUTOMATIC or source == "samples"):
        return
    st.subheader("From picture to net input", anchor=False)
    for number, picture in enumerate(extracted):
        if len(extracted) > 1:
            st.markdown(f"**{escaped(picture.name)}**")
        if picture.extraction.already_normalised:
            st.caption("This picture already is a net input. It is used unchanged.")
        inputs.show_steps(picture, f"digit_strip_{number}")
    with st.expander("Override a step", icon=":material/tune:"):
        inputs.option_controls(extracted)


main()
