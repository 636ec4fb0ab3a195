"""Try an image: draw, upload or photograph one; teacher, baseline and student answer."""

import streamlit as st

from tsexplorer.analysis.formatting import capitalised
from tsexplorer.data.base import DatasetInfo
from tsexplorer.imaging import AUTOMATIC
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.digit import answers, inputs, score
from tsexplorer.ui.digit.pictures import InputPicture
from tsexplorer.ui.digit.words import noun, size_text
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import one_of, read_parameter, write_parameter
from tsexplorer.ui.widgets import choose_experiment, choose_seed

SOURCE = "digit.source"
SOURCE_PARAMETER = "source"
SELECTED_IMAGE = "digit.which"


def main() -> None:
    service = get_service()
    st.session_state.setdefault(SOURCE, "draw")
    read_parameter(SOURCE_PARAMETER, one_of(tuple(inputs.SOURCES)), SOURCE)
    st.title("Try an image", anchor=False)
    st.markdown(
        "Show the nets an image. The large teacher and its small students answer side by side."
    )
    with show_errors():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            experiment = choose_experiment(service, "digit.experiment")
            seed = choose_seed(experiment.spec.seeds, "digit.seed")
        nets = answers.seed_nets(service, experiment, seed)
        answers.show_notes(nets)
        left, right = st.columns([2, 5], gap="medium")
        pictures: list[InputPicture] = []
        images: list[answers.AnsweredImage] = []
        with left, show_errors():
            source = choose_source(nets.info)
            pictures = inputs.input_pictures(service, source, nets.info)
            st.caption(
                ":material/lock: Pictures stay in memory until the session ends. They are not "
                "written to disk."
            )
        with right, show_errors():
            images = show_answers(nets, pictures)
        if images:
            with show_errors():
                show_details(nets, images)
        with show_errors():
            show_extraction(pictures, nets.info)
    score.show_score()
    write_parameter(SOURCE_PARAMETER, SOURCE)
    with show_errors():
        if not pictures:
            answers.warm_up(nets)


def choose_source(info: DatasetInfo) -> str:
    """Draw the choice of the source; where nothing can be drawn, samples come first."""
    titles = inputs.source_titles(info)
    if st.session_state[SOURCE] not in titles:
        st.session_state[SOURCE] = "samples"
    source = st.segmented_control(
        f"Source of the {noun(info)}",
        titles,
        key=SOURCE,
        format_func=inputs.SOURCES.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    assert source is not None  # the session has a default
    return source


def prompt(info: DatasetInfo) -> str:
    """Return what to do while there is no picture."""
    word = noun(info)
    size = size_text(info.image_shape)
    prompts = {
        "draw": f"Draw a {word} on the pad. The nets answer when you lift the pen.",
        "upload": "Choose pictures, or drop them on the page. "
        + (
            f"Several {word}s in one picture are answered from left to right."
            if info.handwriting
            else f"Each becomes one net input of {size}, like the training images."
        ),
        "camera": f"Take a picture of a {word}, dark on light or light on dark."
        if info.handwriting
        else f"Take a picture. It becomes a net input of {size}, like the training images.",
        "samples": "The test split has no such image.",
    }
    return prompts[st.session_state[SOURCE]]


def show_answers(
    nets: answers.SeedNets, pictures: list[InputPicture]
) -> list[answers.AnsweredImage]:
    """Draw the answers to every net input, and a note on pictures without a digit."""
    images = answers.answer_images(nets, pictures)
    for picture in pictures:
        if picture.note:
            st.info(escaped(picture.note), icon=":material/search_off:")
    if not pictures:
        with st.container(border=True):
            st.markdown(prompt(nets.info))
    answers.show_images(nets, images)
    return images


def show_details(nets: answers.SeedNets, images: list[answers.AnsweredImage]) -> None:
    """Draw the comparison and the distributions of one net input."""
    number = 1
    if len(images) > 1:
        numbers = list(range(1, len(images) + 1))
        if st.session_state.get(SELECTED_IMAGE) not in numbers:
            st.session_state[SELECTED_IMAGE] = 1
        label = capitalised(noun(nets.info))
        number = st.segmented_control(label, numbers, key=SELECTED_IMAGE, required=True) or number
    answered = images[number - 1]
    answers.show_comparison(nets, answered, table=len(images) > 1)
    st.subheader("All probabilities", anchor=False)
    answers.show_distributions(nets, answered)


def show_extraction(pictures: list[InputPicture], info: DatasetInfo) -> None:
    """Draw the steps from picture to net input, and the options to override them."""
    read = [picture for picture in pictures if not picture.is_sample]
    overridden = info.handwriting and inputs.selected_options() != AUTOMATIC
    if not read and (not overridden or st.session_state[SOURCE] == "samples"):
        return
    st.subheader("From picture to net input", anchor=False)
    if not info.handwriting:
        inputs.fit_control(info)
    for number, picture in enumerate(read):
        if len(read) > 1:
            st.markdown(f"**{escaped(picture.name)}**")
        if picture.extraction.already_normalised:
            st.caption("This picture already is a net input. It is used unchanged.")
        inputs.show_steps(picture, info, f"digit_strip_{number}")
    if info.handwriting:
        with st.expander("Override a step", icon=":material/tune:"):
            inputs.option_controls(read, info)


main()
