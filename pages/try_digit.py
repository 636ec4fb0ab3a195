"""Try a digit: draw, upload or photograph one; teacher, baseline and student answer."""

import streamlit as st

from tsexplorer.imaging import AUTOMATIC
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.digit import answers, inputs, score
from tsexplorer.ui.experiment_picker import experiment_choice, seed_choice
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import adopt, one_of, publish

SOURCE = ("digit.source", "source")
WHICH = "digit.which"
WAITING = {
    "draw": "Draw a digit on the pad. The answers come when you lift the pen.",
    "upload": "Choose pictures, or drop them on the page. Several digits in one picture are "
    "answered from left to right.",
    "camera": "Take a picture of a digit, dark on light or light on dark.",
    "samples": "No image of the test split is like that.",
}


def main() -> None:
    service = get_service()
    st.session_state.setdefault(SOURCE[0], "draw")
    adopt(SOURCE[1], one_of(tuple(inputs.SOURCES)), SOURCE[0])
    st.title("Try a digit", anchor=False)
    st.markdown(
        "Draw one, or send a photo of one. The large teacher and its small students answer side "
        "by side."
    )
    with sentences():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            experiment = experiment_choice(service, "digit.experiment")
            seed = seed_choice(experiment, "digit.seed")
        nets = answers.panel(service, experiment, seed)
        answers.say_what_they_know(nets)
        left, right = st.columns([2, 5], gap="medium")
        shown: list[inputs.Shown] = []
        asked: list[answers.Asked] = []
        source: str | None = st.session_state[SOURCE[0]]
        with left, sentences():
            source = st.segmented_control(
                "Where the digit comes from",
                inputs.SOURCES,
                key=SOURCE[0],
                format_func=inputs.SOURCES.__getitem__,
                required=True,
                label_visibility="collapsed",
            )
            assert source is not None  # the session has one from the beginning
            shown = inputs.taken(service, source, experiment.spec.data.name, inputs.chosen())
            st.caption(
                ":material/lock: Pictures stay in memory, go with this session, and are written "
                "nowhere."
            )
        with right, sentences():
            asked = answer(nets, shown)
        if asked:
            with sentences():
                details(nets, asked)
        with sentences():
            how(shown, source)
    score.board()
    publish(SOURCE[1], SOURCE[0])
    with sentences():
        if not shown:
            answers.warm(nets)


def answer(nets: answers.Panel, shown: list[inputs.Shown]) -> list[answers.Asked]:
    """What the nets say to every digit, and where none was found."""
    asked = answers.ask(nets, shown)
    for one in shown:
        if one.reading.note:
            st.info(escaped(one.reading.note), icon=":material/search_off:")
    if not shown:
        with st.container(border=True):
            st.markdown(WAITING[st.session_state[SOURCE[0]]])
    answers.rows(nets, asked)
    return asked


def details(nets: answers.Panel, asked: list[answers.Asked]) -> None:
    """One digit's distributions."""
    number = 1
    if len(asked) > 1:
        numbers = list(range(1, len(asked) + 1))
        if st.session_state.get(WHICH) not in numbers:
            st.session_state[WHICH] = 1
        number = st.segmented_control("Digit", numbers, key=WHICH, required=True) or number
    one = asked[number - 1]
    answers.comparison(nets, one, table=len(asked) > 1)
    st.subheader("All probabilities", anchor=False)
    answers.distributions(nets, one)


def how(shown: list[inputs.Shown], source: str) -> None:
    """From picture to net input, and what can be overruled."""
    read = [one for one in shown if not one.fixed]
    if not read and (inputs.chosen() == AUTOMATIC or source == "samples"):
        return
    st.subheader("How the picture became a net input", anchor=False)
    for number, one in enumerate(read):
        if len(read) > 1:
            st.markdown(f"**{escaped(one.name)}**")
        if one.reading.already_normalised:
            st.caption("A finished net input already: taken as it is.")
        inputs.strip(one, f"digit_strip_{number}")
    with st.expander("Overrule a step", icon=":material/tune:"):
        inputs.switches(read)


main()
