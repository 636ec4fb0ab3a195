"""Where one is when a page has been opened: at its top, or at what it was opened for.

A page that a button opens would keep the scroll position of the page before. On a phone, after
"Run it" far down among the recipes, neither the top of Train nor the run would be seen.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import streamlit as st

from tsexplorer.ui.state import EXPERIMENT

GOAL = "arrival"
STYLE = f"""
[data-testid="stLayoutWrapper"]:has(> .st-key-arriving) {{ display: none; }}
.st-key-{GOAL} {{ scroll-margin-top: 4.5rem; }}
"""
# Runs where its text is new: when the page is another one, and not in every run of it.
SCRIPT = """<script>
// {page}
(() => {{
    const main = document.querySelector('[data-testid="stMain"]');
    if (!main || location.hash) return;
    main.scrollTo(0, 0);
    if (!new URLSearchParams(location.search).has("{experiment}")) return;
    const end = Date.now() + 5000;
    const look = () => {{
        const goal = document.querySelector(".st-key-{goal}");
        if (!goal) {{ if (Date.now() < end) setTimeout(look, 100); return; }}
        if (goal.getBoundingClientRect().top > innerHeight / 2) goal.scrollIntoView();
    }};
    look();
}})();
</script>"""


def arrive(page: str) -> None:
    """Go to the top of a page that has just been opened, or to its goal if it has one.

    Args:
        page: its name in the URL.
    """
    with st.container(key="arriving"):
        st.html(
            SCRIPT.format(page=page, experiment=EXPERIMENT, goal=GOAL),
            unsafe_allow_javascript=True,
        )


def goal() -> AbstractContextManager[object]:
    """The part of a page that one came for whose address names an experiment."""
    return st.container(key=GOAL)
