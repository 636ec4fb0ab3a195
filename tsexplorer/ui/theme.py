"""Colours, marks and titles of the nets, and the cards, buttons and markdown that use them."""

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
# Streamlit's names of the colours that .streamlit/config.toml sets to those of plots/style.py.
COLOURS: dict[Role, str] = {"teacher": "blue", "baseline": "gray", "distilled": "orange"}
MARKS: dict[Role, str] = {"teacher": "■", "baseline": "●", "distilled": "◆"}
DEMO_TITLES = {demo.NAME: "The demo pair", demo.NEVER_SEEN: "The demo without threes"}
MARKDOWN_CHARACTERS = r"\`*_{}[]()#+-.!|<>~$:&"


def palette() -> Palette:
    """Return the colours for the current theme, light or dark."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def role_label(role: Role, title: str | None = None) -> str:
    """Return a role's mark in its colour and its name, or another title, as markdown.

    >>> role_label("distilled", "Student")
    ':orange[◆] **Student**'
    """
    return f":{COLOURS[role]}[{MARKS[role]}] **{title or TITLES[role]}**"


def title_of(experiment: ExperimentSnapshot) -> str:
    """Return the title of an experiment: its name, except for the demos."""
    return DEMO_TITLES.get(experiment.name, experiment.name)


def escaped(text: str) -> str:
    """Escape text that a user wrote, so that markdown shows it as it is."""
    return "".join(f"\\{c}" if c in MARKDOWN_CHARACTERS else c for c in text)


def card(label: str, value: str, caption: str, *, explanation: str | None = None) -> None:
    """Draw a figure in a frame, with its label above and its source below.

    Args:
        label: markdown.
        value: the figure.
        caption: markdown; split, seeds and the like.
        explanation: help text.
    """
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(label, value, help=explanation)
        st.caption(caption)


def start_button(
    label: str, key: str, *, disabled: bool, explanation: str | None = None, stretch: bool = True
) -> bool:
    """Draw the button that starts a page's work; return whether it was clicked.

    A disabled primary button has an unreadable label in the light theme, so it is secondary then.

    Args:
        label: what the button does.
        key: of the widget.
        disabled: whether images are missing, so that the work cannot start.
        explanation: help text while the button is enabled.
        stretch: whether the button is as wide as its column.
    """
    return st.button(
        label,
        key=key,
        type="secondary" if disabled else "primary",
        icon=":material/play_arrow:",
        width="stretch" if stretch else "content",
        disabled=disabled,
        help="The images must be downloaded first." if disabled else explanation,
    )
