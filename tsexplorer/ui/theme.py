"""Colours of the theme in force, and what people wrote, made safe to show."""

from __future__ import annotations

import streamlit as st

from tsexplorer.plots.style import DARK, LIGHT, TITLES, Palette
from tsexplorer.services import ExperimentSnapshot, demo
from tsexplorer.specs import Role

ROLE_MEANING: dict[Role, str] = {
    "teacher": "the large net, trained on labels",
    "baseline": "the student, trained on labels alone",
    "distilled": "the student, taught by the teacher",
}
# Streamlit's names for colours that .streamlit/config.toml sets to those of plots/palette.py.
COLOURS: dict[Role, str] = {"teacher": "blue", "baseline": "gray", "distilled": "orange"}
MARKS: dict[Role, str] = {"teacher": "■", "baseline": "●", "distilled": "◆"}


def palette() -> Palette:
    """The colours for the background in force."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def role_label(role: Role, title: str | None = None) -> str:
    """The role's name, or another title, behind its mark in its colour, as markdown.

    >>> role_label("distilled", "Student")
    ':orange[◆] **Student**'
    """
    return f":{COLOURS[role]}[{MARKS[role]}] **{title or TITLES[role]}**"


def card(label: str, value: str, caption: str, *, explanation: str | None = None) -> None:
    """One figure in a frame, with what it is above and where it comes from below.

    Args:
        label: markdown.
        value: the figure.
        caption: markdown; split, seeds and the like.
        explanation: shown on demand.
    """
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(label, value, help=explanation)
        st.caption(caption)


DEMO_TITLES = {demo.NAME: "The demo pair", demo.NEVER_SEEN: "The demo without threes"}


def go_button(
    label: str, key: str, *, held: bool, explanation: str | None = None, stretch: bool = True
) -> bool:
    """The button that sets a page's work going.

    A primary button that is held shows no words in the light theme, so one that is held is not
    primary.

    Args:
        label: what it does.
        key: of the widget.
        held: whether it cannot be pressed yet, because images are missing.
        explanation: shown on demand; of one that is held, what it waits for.
        stretch: whether it is as wide as its column.
    """
    return st.button(
        label,
        key=key,
        type="secondary" if held else "primary",
        icon=":material/play_arrow:",
        width="stretch" if stretch else "content",
        disabled=held,
        help="The images must be downloaded first." if held else explanation,
    )


def title_of(experiment: ExperimentSnapshot) -> str:
    """An experiment's name as a heading."""
    return DEMO_TITLES.get(experiment.name, experiment.name)


def escaped(text: str) -> str:
    """A person's text for use in markdown: nothing in it is a directive."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~$:&" else c for c in text)
