"""Colours of the theme in force, and numbers as people read them."""

from __future__ import annotations

import streamlit as st

from tsexplorer import demo
from tsexplorer.analysis.gain import Interval
from tsexplorer.plots.palette import DARK, LIGHT, TITLES, Palette
from tsexplorer.specs import Role
from tsexplorer.store import ExperimentSnapshot

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


def title_of(experiment: ExperimentSnapshot) -> str:
    """An experiment's name as a heading."""
    return "The demo pair" if experiment.name == demo.NAME else experiment.name


def counted(value: float) -> str:
    """A count as people read it.

    >>> counted(50890), counted(5650560)
    ('50,890', '5.65 million')
    """
    return f"{value / 1e6:.3g} million" if value >= 1e6 else f"{value:,.0f}"


def percent(value: float | None, digits: int = 2) -> str:
    """A share of 1 in percent; a dash where there is none.

    >>> percent(0.98765), percent(None)
    ('98.77 %', '–')
    """
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def with_interval(value: Interval | None, digits: int = 2) -> str:
    """A mean in percent with its 95 % interval, where more than one seed gives one.

    >>> with_interval(Interval(0.98, 0.001, 5))
    '98.00 ± 0.10 %'
    """
    if value is None:
        return "–"
    if value.half is None:
        return percent(value.mean, digits)
    return f"{100 * value.mean:.{digits}f} ± {100 * value.half:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """Time as people say it.

    >>> duration(7.3), duration(125), duration(4000), duration(None)
    ('7 s', '2 min 5 s', '1 h 6 min', '–')
    """
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(203560), size(246)
    ('204 kB', '246 B')
    """
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def escaped(text: str) -> str:
    """A person's text for use in markdown: nothing in it is a directive."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~$:&" else c for c in text)
